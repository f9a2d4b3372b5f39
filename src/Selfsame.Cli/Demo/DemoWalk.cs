using System.Diagnostics;
using Selfsame.Cli.Commands;
using Selfsame.Cli.Views;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Cli.Demo;

/// <summary>Walks through audit, plan, apply, audit and undo in the sandbox: each step is explained, and is the real command with its real output.</summary>
internal sealed class DemoWalk(string folder, DemoStores stores, bool asks)
{
    public const string PlanFile = "plan.json";
    public const string MergedFile = "merged.jsonl";

    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        var before = stores.Dump();
        Terminal.Line($"The sandbox is {Terminal.Text(folder)}: app.db with an application's users, auth.db with an auth provider's, and the selfsame.yaml that connects them.");
        if (!SqliteLibrary.IsSystemLibrary)
        {
            Terminal.Line($"[yellow]The system's SQLite was not found: the bundled SQLite {SqliteLibrary.EnsureLoaded()} is used. Install libsqlite3-0 for a patched and faster one.[/]");
        }

        if (!await StepAsync("The audit reads both systems and says what disagrees. It changes nothing.", ExitCode.Findings, ["audit"], cancellation)
            || !await StepAsync(
                "The plan is what would clear the findings, as a file. Read it like a diff: who stays, what moves, and with which password. Still nothing is changed.",
                ExitCode.Findings,
                ["plan", "-o", PlanFile],
                cancellation)
            || !await StepAsync(
                "Apply makes exactly these changes, each under its precondition, and journals what was there. --merged writes who became whom, for the application's sessions.",
                ExitCode.Clean,
                ["apply", PlanFile, "--merged", MergedFile],
                cancellation)
            || !await StepAsync("A second audit finds nothing: one account per person, all references moved, and an index that keeps it so.", ExitCode.Clean, ["audit"], cancellation)
            || !await StepAsync("Undo takes the run back from the journal, as far as nobody changed the accounts since.", ExitCode.Clean, ["undo", Run(), "--yes"], cancellation))
        {
            return ExitCode.Error;
        }

        var after = stores.Dump();
        Console.WriteLine();
        if (!before.SequenceEqual(after))
        {
            throw new InvalidOperationException($"the undo left differences, which is a bug: {string.Join("; ", before.Except(after).Concat(after.Except(before)))}");
        }

        Terminal.Line($"[green]Every row and every index is as it was before: {before.Count} compared.[/]");
        Terminal.Line($"Go on by yourself: cd {Terminal.Text(folder)} && selfsame audit. For your own database: selfsame init CONNECTION");
        return ExitCode.Clean;
    }

    private async Task<bool> StepAsync(string explanation, int expected, string[] arguments, CancellationToken cancellation)
    {
        Console.WriteLine();
        Terminal.Line($"[bold]{Terminal.Text(explanation)}[/]");
        Terminal.Line($"[blue]$ selfsame {Terminal.Text(string.Join(' ', arguments))}[/]");
        if (asks)
        {
            await Console.Out.WriteAsync("  Enter goes on, q ends: ");
            if ((await Console.In.ReadLineAsync(cancellation))?.Trim() is null or "q")
            {
                return false;
            }
        }

        var exitCode = await RunAsync(arguments, cancellation);
        return exitCode == expected
            ? true
            : throw new InvalidOperationException($"'selfsame {string.Join(' ', arguments)}' ended with {exitCode} in place of {expected}, which is a bug.");
    }

    /// <summary>Runs this executable on the sandbox; it writes where we write.</summary>
    private async Task<int> RunAsync(string[] arguments, CancellationToken cancellation)
    {
        await Console.Out.FlushAsync(cancellation);
        var start = new ProcessStartInfo(Environment.ProcessPath!) { WorkingDirectory = folder };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(DemoWalk).Assembly.Location);
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // The sandbox has its own data folder, whatever the caller's is.
        start.Environment.Remove("SELFSAME_DATA");
        start.Environment.Remove("SELFSAME_DATABASE");
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(cancellation);
        return process.ExitCode;
    }

    private string Run()
    {
        var plan = PlanJson.Read(File.ReadAllText(Path.Combine(folder, PlanFile))).Plan;
        return plan!.Id.ToString("D")[..8];
    }
}
