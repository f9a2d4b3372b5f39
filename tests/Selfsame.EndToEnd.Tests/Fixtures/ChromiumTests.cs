using System.Net;
using System.Net.Sockets;
using System.Text;
using Selfsame.EndToEnd.Tests.Browser;

namespace Selfsame.EndToEnd.Tests.Fixtures;

[Trait("needs", "chromium")]
public sealed class ChromiumTests
{
    private const string Policy = "default-src 'none'; img-src 'self'";

    [Fact]
    public async Task An_accessible_page_under_a_strict_policy_has_no_violation_and_no_error()
    {
        using var site = new OnePageSite("""<!doctype html><html lang="en"><title>Fine</title><main><h1>Fine</h1><p>Text.</p></main></html>""");
        await using var browser = await Chromium.OpenAsync(site.Address);
        await browser.Page.GotoAsync("/");

        (await browser.FindAccessibilityViolationsAsync()).ShouldBeEmpty();

        browser.Errors.ShouldBeEmpty();
        new FileInfo(await browser.ScreenshotAsync("fixture")).Length.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Violations_name_the_rule_and_the_element()
    {
        using var site = new OnePageSite("""<!doctype html><html lang="en"><title>Bad</title><main><h1>Bad</h1><input id="nameless"></main></html>""");
        await using var browser = await Chromium.OpenAsync(site.Address);
        await browser.Page.GotoAsync("/");

        var violations = await browser.FindAccessibilityViolationsAsync();

        violations.ShouldContain(violation => violation.Rule == "label" && violation.Element == "#nameless");
    }

    [Fact]
    public async Task What_the_policy_blocks_is_an_error()
    {
        using var site = new OnePageSite("""<!doctype html><html lang="en"><title>Inline</title><script>window.ran = true</script></html>""");
        await using var browser = await Chromium.OpenAsync(site.Address);
        await browser.Page.GotoAsync("/");

        browser.Errors.ShouldContain(error => error.Contains("Content Security Policy"));
    }

    /// <summary>Answers every request with one page under a strict Content-Security-Policy.</summary>
    private sealed class OnePageSite : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);

        public OnePageSite(string html)
        {
            listener.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
            Accepting = AcceptAsync(Encoding.UTF8.GetBytes(html));
        }

        public Uri Address { get; }

        private Task Accepting { get; }

        public void Dispose()
        {
            listener.Stop();
            Accepting.Wait();
        }

        /// <summary>Each connection is answered by itself: Chromium also opens some on which it asks nothing.</summary>
        private async Task AcceptAsync(byte[] html)
        {
            try
            {
                while (true)
                {
                    _ = AnswerAsync(await listener.AcceptTcpClientAsync(), html);
                }
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.OperationAborted)
            {
                // Stop() ends the wait for the next connection.
            }
        }

        private static async Task AnswerAsync(TcpClient connection, byte[] html)
        {
            using var _ = connection;
            var stream = connection.GetStream();
            var head = $"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Security-Policy: {Policy}\r\nContent-Length: {html.Length}\r\nConnection: close\r\n\r\n";
            if (await stream.ReadAsync(new byte[8192]) > 0)
            {
                await stream.WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. html]);
            }
        }
    }
}
