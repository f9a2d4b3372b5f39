using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame show WHO</c>: one person in every system.</summary>
internal static class ShowCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var who = new Argument<string>("who") { Description = "An id, username, e-mail, uuid … in any spelling." };
        var filters = new FilterOptions(asksWho: false);
        var command = new Command("show", "Shows one person in every system: complete, or what is missing where. Where people of several tenants are called so, --tenant says which.") { who };
        filters.AddTo(command);
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var wanted = parsed.GetRequiredValue(who);
            var person = await FindAsync(engine, wanted, filters.Read(parsed, engine.Topology), cancellation);
            PersonView.Write(wanted, person, options.Json(parsed));
            return person.IsComplete ? ExitCode.Clean : ExitCode.Findings;
        });
        return command;
    }

    /// <summary>Tenants are different people: each is looked at by itself.</summary>
    private static async Task<Person> FindAsync(OpenedEngine engine, string wanted, FindingFilter? filter, CancellationToken cancellation)
    {
        var topology = await engine.Connected.WithLinksAsync(engine.Store, cancellation);
        var found = new List<(string Tenant, Person Person)>();
        foreach (var name in topology.Systems.Values.Select(system => system.Tenant).Distinct().Where(name => (filter?.Tenant ?? name) == name))
        {
            var person = await new PersonLookup(topology.OfTenant(name), engine.Connected.Systems, IdentifierKeys.TryKey).FindAsync(wanted, cancellation);
            var asked = filter?.System is { } system ? person.Only(system) : person;
            if (person.In.Count > 0 && asked.Shown.Any(pair => pair.Value.Count > 0 || asked.Findings.Count > 0))
            {
                found.Add((name, asked));
            }
        }

        return found switch
        {
            [var only] => only.Person,
            [] => throw new InvalidOperationException($"nobody is called '{wanted}' in {filter?.System ?? string.Join(", ", topology.Systems.Values.Where(system => (filter?.Tenant ?? system.Tenant) == system.Tenant).Select(system => system.Name))}."),
            _ => throw new InvalidOperationException($"somebody is called '{wanted}' in each of the tenants {string.Join(", ", found.Select(pair => pair.Tenant))}: say which with --tenant."),
        };
    }
}
