using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Examples;

/// <summary>A copy of one of the examples, in which its README's commands are run.</summary>
internal sealed class ExampleFolder : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ExampleFolder(string name, params (string Name, string Value)[] environment)
    {
        Environment = environment.ToDictionary(pair => pair.Name, pair => (string?)pair.Value);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Checkout.Root, "examples", name)))
        {
            File.Copy(file, folder[Path.GetFileName(file)]);
        }
    }

    /// <summary>The variables that its commands see.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; }

    public string Folder => folder.Path;

    public string this[string name] => folder[name];

    /// <summary>Runs a command of Selfsame that must end with <paramref name="exitCode"/>; without one, with or without findings.</summary>
    public async Task<string> ExpectAsync(int? exitCode, params string[] arguments)
    {
        var result = await SelfsameProcess.RunAsync(arguments, environment: Environment, folder: folder.Path);
        result.ExitCode.ShouldBeOneOf(exitCode is { } only ? [only] : [0, 2], $"{string.Join(' ', arguments)}\n{result.StandardOutput}\n{result.StandardError}");
        return result.StandardOutput;
    }

    /// <summary>Starts the service with one of the example's configs.</summary>
    public Task<SelfsameProcess> ServeAsync(string config) => SelfsameProcess.ServeAsync(folder["data"], ["--config", folder[config]], Environment);

    /// <summary>Runs a command that ends itself by kill -9 at a crash point; its exit code.</summary>
    public async Task<int> CrashAsync(string point, params string[] arguments)
    {
        var crashing = new Dictionary<string, string?>(Environment) { ["SELFSAME_CRASH_AT"] = point };
        return (await SelfsameProcess.RunAsync(arguments, environment: crashing, folder: folder.Path)).ExitCode;
    }

    /// <summary>Runs a script of the example with Node.js, the packages of the tests beside it.</summary>
    public async Task<string> RunNodeAsync(string script)
    {
        LinkPackages();
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await using var process = ChildProcess.Start("node", [folder[script]], Environment, folder: folder.Path);
        (await process.WaitForExitAsync(timeout.Token)).ShouldBe(0, process.StandardError.Text);
        return process.StandardOutput.Text;
    }

    /// <summary>Puts the npm packages of the tests beside the example.</summary>
    public void LinkPackages()
    {
        if (!Directory.Exists(folder["node_modules"]))
        {
            Directory.CreateSymbolicLink(folder["node_modules"], Path.Combine(Checkout.NodeFolder, "node_modules"));
        }
    }

    public void Dispose() => folder.Dispose();
}
