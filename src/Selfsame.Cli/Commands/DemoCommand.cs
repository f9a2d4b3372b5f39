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
        var command = new Command("demo", "Makes a sandbox with two small damaged stores and walks through audit, plan, apply and undo.") { folder, yes };
        command.SetAction(async (parsed, cancellation) =>
        {
            var path = Path.GetFullPath(parsed.GetRequiredValue(folder));
            var stores = new DemoStores(path);
            stores.Make();
            var asks = !Console.IsInputRedirected && !Console.IsOutputRedirected && !parsed.GetValue(yes);
            return await new DemoWalk(path, stores, asks).RunAsync(cancellation);
        });
        return command;
    }
}
