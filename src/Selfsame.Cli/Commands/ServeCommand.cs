using System.CommandLine;
using System.Net.Sockets;
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
        await StartAsync(server, options.Urls, cancellation);
        Console.WriteLine($"Listening on {server.Address.ToString().TrimEnd('/')}");
        if (await server.FirstAdministratorLinkAsync(cancellation) is { } link)
        {
            Console.WriteLine($"Make the first administrator (this link works once): {link}");
        }

        await server.WaitForShutdownAsync(cancellation);
        return ExitCode.Clean;
    }

    private static async Task StartAsync(SelfsameServer server, IReadOnlyList<string> urls, CancellationToken cancellation)
    {
        try
        {
            await server.StartAsync(cancellation);
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            throw new InvalidOperationException($"{exception.Message.TrimEnd('.')}. Stop the program that listens there, or choose another address with --urls.", exception);
        }
        catch (Exception exception) when (WhyNotAt(urls, exception) is { } sentence)
        {
            throw new InvalidOperationException(sentence, exception);
        }
    }

    /// <summary>What a person can do about addresses that the machine does not let the server have; null where that is not what went wrong.</summary>
    internal static string? WhyNotAt(IReadOnlyList<string> urls, Exception exception)
    {
        // The web server hands the refusal on as it is; of localhost, which is two addresses, it tells both.
        var refusal = exception as SocketException ?? (exception.InnerException as AggregateException)?.InnerExceptions.OfType<SocketException>().FirstOrDefault();
        var addresses = string.Join(';', urls);
        return refusal?.SocketErrorCode switch
        {
            null => null,
            SocketError.AccessDenied =>
                $"The server may not listen on {addresses}: a port below 1024 is root's, or of who has CAP_NET_BIND_SERVICE. Choose another port with --urls, and let a reverse proxy stand before it.",
            SocketError.AddressNotAvailable =>
                $"The server can't listen on {addresses}: this machine has no such address. Name one of its own with --urls, or * for all of them, as in http://*:8080.",
            _ => $"The server can't listen on {addresses}: {refusal.Message}. Choose another address with --urls.",
        };
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
