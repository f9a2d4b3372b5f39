using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame decide</c>: writes down what a person decided about accounts, for every later audit.</summary>
internal static class DecideCommand
{
    private static readonly (string Name, Verdict Verdict)[] Verdicts = [("same", Verdict.Same), ("different", Verdict.Different), ("ignore", Verdict.Ignore)];

    public static Command Create()
    {
        var options = new EngineOptions();
        var verdict = new Argument<string>("verdict") { Description = "same: they are one person; different: they are not; ignore: what is found about them is left alone." };
        verdict.AcceptOnlyFromAmong([.. Verdicts.Select(known => known.Name)]);
        var accounts = new Argument<string[]>("accounts") { Description = "Each as system/id, such as app/7.", Arity = ArgumentArity.OneOrMore };
        var reason = new Option<string>("--reason") { Description = "Why, for whoever comes next.", Required = true };
        var finding = new Option<string?>("--finding") { Description = "With ignore: only this kind of finding, such as Orphan." };
        var command = new Command("decide", "Writes what a person decided about accounts into the file that the config names under 'decisions'. Every later audit, plan and apply heeds it.")
        {
            verdict, accounts, reason, finding,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var kind = parsed.GetValue(finding);
            var decided = Verdicts.First(known => known.Name == parsed.GetRequiredValue(verdict)).Verdict;
            if (kind is not null && decided != Verdict.Ignore)
            {
                throw new InvalidOperationException("--finding is said with ignore: same and different are about the people.");
            }

            var file = DecisionsFile.Of(options.ConfigPath(parsed));
            var named = parsed.GetRequiredValue(accounts);
            await CheckAsync(options, parsed, named, cancellation);
            var added = await file.AddAsync(decided, named, kind, parsed.GetRequiredValue(reason), options.ServerOptions(parsed), cancellation);
            var line = $"{parsed.GetRequiredValue(verdict)} {string.Join(' ', named)}";
            if (options.Json(parsed))
            {
                Terminal.WriteJson(new { File = file.Path, Verdict = parsed.GetRequiredValue(verdict), Accounts = named, Finding = kind, Reason = parsed.GetRequiredValue(reason), Added = added });
            }
            else
            {
                Terminal.Line(Terminal.Text(added ? $"{file.Path}: {line}. Every later audit, plan and apply heeds it; a service that runs does from its next start." : $"{file.Path} says so already: {line}."));
            }

            return ExitCode.Clean;
        });
        return command;
    }

    /// <summary>A mistyped id would tell nobody apart: each account must be there now.</summary>
    private static async Task CheckAsync(EngineOptions options, ParseResult parsed, IReadOnlyList<string> named, CancellationToken cancellation)
    {
        await using var engine = await options.OpenAsync(parsed, cancellation);
        foreach (var account in named)
        {
            var parts = account.Split('/', 2);
            if (parts.Length != 2 || !engine.Topology.Systems.TryGetValue(parts[0], out var config))
            {
                throw new InvalidOperationException($"'{account}' must be system/id with one of the systems: {string.Join(", ", engine.Topology.Systems.Keys)}.");
            }

            var id = DecidedAccount.IdOf(config, parts[1]);
            if (engine.Connected.Systems[config.Name] is IReadsAccountsById system && !(await system.ReadFreshAsync(config.Name, [id], cancellation)).ContainsKey(id))
            {
                throw new InvalidOperationException($"{config.Name} has no account '{parts[1]}'. Look for it: selfsame show WHO");
            }
        }
    }
}
