using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Selfsame.Server.Pages;

/// <summary>Styles, scripts and pictures: the files of <c>wwwroot</c>, held in the assembly and in memory.</summary>
internal static class SiteFiles
{
    private const string Prefix = "wwwroot/";

    private static readonly Dictionary<string, SiteFile> Files = Load();

    /// <summary>The file's address with its version, which browsers may keep for ever.</summary>
    public static string Link(string path) => $"{path}?v={Files[path].Version}";

    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var (path, file) in Files)
        {
            routes.MapMethods(path, [HttpMethods.Get, HttpMethods.Head], http => AnswerAsync(http, file)).ExcludeFromDescription();
        }
    }

    private static async Task AnswerAsync(HttpContext http, SiteFile file)
    {
        var headers = http.Response.Headers;
        headers.ETag = $"\"{file.Version}\"";
        headers.Vary = "Accept-Encoding";
        headers.CacheControl = http.Request.Query["v"] == file.Version ? "public, max-age=31536000, immutable" : "public, no-cache";
        if (http.Request.Headers.IfNoneMatch == headers.ETag)
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        var compressed = http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
        var content = compressed ? file.Compressed : file.Content;
        if (compressed)
        {
            headers.ContentEncoding = "gzip";
        }

        http.Response.ContentType = file.Type;
        http.Response.ContentLength = content.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await http.Response.Body.WriteAsync(content, http.RequestAborted);
        }
    }

    private static Dictionary<string, SiteFile> Load()
    {
        var assembly = typeof(SiteFiles).Assembly;
        var files = new Dictionary<string, SiteFile>(StringComparer.Ordinal);
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            using var content = new MemoryStream();
            stream.CopyTo(content);
            files["/" + name[Prefix.Length..]] = SiteFile.Create(name, content.ToArray());
        }

        return files;
    }

    private sealed record SiteFile(string Type, string Version, byte[] Content, byte[] Compressed)
    {
        public static SiteFile Create(string name, byte[] content)
        {
            using var compressed = new MemoryStream();
            using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
            {
                gzip.Write(content);
            }

            var version = Convert.ToHexStringLower(SHA256.HashData(content)[..8]);
            return new SiteFile(TypeOf(Path.GetExtension(name)), version, content, compressed.ToArray());
        }

        private static string TypeOf(string extension) => extension switch
        {
            ".css" => "text/css; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".svg" => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
    }
}
