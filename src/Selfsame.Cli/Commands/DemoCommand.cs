using System.CommandLine;
using Selfsame.Cli.Demo;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame demo</c>: two small damaged stores, and a walk through audit, plan, apply and undo.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var folder = new Option<string>("--folder") { Description = "Where to make the sandbox.", DefaultValueFactory = _ => "selfsame-demo" };
        var yes = new Option<bool>("--yes") { Description = "Go on without asking." };
        var stay = new Option<bool>("--sandbox-only") { Description = "Only make the sandbox, to try commands in." };
        var command = new Command("demo", "Makes a sandbox with two small damaged stores and walks through audit, plan, apply and undo.") { folder, yes, stay };
        command.SetAction(async (parsed, cancellation) =>
        {
            var path = CommandLine.FullPath("--folder", parsed.GetRequiredValue(folder));
            var stores = new DemoStores(path);
            stores.Make();
            if (parsed.GetValue(stay))
            {
                Console.WriteLine($"The sandbox is {path}. Next: cd {path} && selfsame audit");
                return ExitCode.Clean;
            }

            var asks = !Console.IsInputRedirected && !Console.IsOutputRedirected && !parsed.GetValue(yes);
            return await new DemoWalk(path, stores, asks).RunAsync(cancellation);
        });
        return command;
    }
}
