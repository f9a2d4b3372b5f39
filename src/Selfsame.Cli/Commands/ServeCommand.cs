using System.CommandLine;
using Microsoft.AspNetCore.Connections;
using Selfsame.Server.Hosting;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame serve</c>: the user service.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var urls = new Option<string?>("--urls") { Description = "Where to listen (default: http://localhost:8080); port 0 takes a free one." };
        var store = new StoreOptions();
        var command = new Command("serve", "Runs the user service.") { urls };
        store.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(store.Read(parsed), parsed.GetValue(urls), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(ServerOptions options, string? urls, CancellationToken cancellation)
    {
        if (urls is not null)
        {
            options = options with { Urls = ReadUrls(urls) };
        }

        await using var server = await SelfsameServer.CreateAsync(options, cancellation);
        await StartAsync(server, cancellation);
        Console.WriteLine($"Listening on {server.Address.ToString().TrimEnd('/')}");
        if (await server.FirstAdministratorLinkAsync(cancellation) is { } link)
        {
            Console.WriteLine($"Make the first administrator (this link works once): {link}");
        }

        await server.WaitForShutdownAsync(cancellation);
        return ExitCode.Clean;
    }

    private static async Task StartAsync(SelfsameServer server, CancellationToken cancellation)
    {
        try
        {
            await server.StartAsync(cancellation);
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            throw new InvalidOperationException($"{exception.Message.TrimEnd('.')}. Stop the program that listens there, or choose another address with --urls.", exception);
        }
    }

    /// <summary>Addresses as the web server takes them: <c>http://*:8080</c> is one, though no URI.</summary>
    private static string[] ReadUrls(string text)
    {
        var urls = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return urls.Length > 0 && urls.All(IsAddress)
            ? urls
            : throw new InvalidOperationException($"'--urls' is '{text}', and must be one or more addresses with a scheme, separated by ';': http://localhost:8080");
    }

    private static bool IsAddress(string url)
    {
        try
        {
            var address = BindingAddress.Parse(url);
            return address.Scheme is "http" or "https" && address.Port is >= 0 and <= ushort.MaxValue;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
