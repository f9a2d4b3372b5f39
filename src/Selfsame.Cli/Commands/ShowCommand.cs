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
        var tenant = new Option<string?>("--tenant") { Description = "Only in systems of this tenant; needed where people of several are called so." };
        var command = new Command("show", "Shows one person in every system: complete, or what is missing where.") { who, tenant };
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var wanted = parsed.GetRequiredValue(who);
            var person = await FindAsync(engine, wanted, parsed.GetValue(tenant), cancellation);
            PersonView.Write(wanted, person, options.Json(parsed));
            return person.IsComplete ? ExitCode.Clean : ExitCode.Findings;
        });
        return command;
    }

    /// <summary>Tenants are different people: each is looked at by itself.</summary>
    private static async Task<Person> FindAsync(OpenedEngine engine, string wanted, string? tenant, CancellationToken cancellation)
    {
        if (new FindingFilter(Tenant: tenant).Problem(engine.Topology) is { } problem)
        {
            throw new InvalidOperationException(problem);
        }

        var topology = await engine.Connected.WithLinksAsync(engine.Store, cancellation);
        var found = new List<(string Tenant, Person Person)>();
        foreach (var name in topology.Systems.Values.Select(system => system.Tenant).Distinct().Where(name => tenant is null || name == tenant))
        {
            var person = await new PersonLookup(topology.OfTenant(name), engine.Connected.Systems, IdentifierKeys.TryKey).FindAsync(wanted, cancellation);
            if (person.In.Count > 0)
            {
                found.Add((name, person));
            }
        }

        return found switch
        {
            [var only] => only.Person,
            [] => throw new InvalidOperationException($"nobody is called '{wanted}' in {string.Join(", ", topology.Systems.Keys)}."),
            _ => throw new InvalidOperationException($"somebody is called '{wanted}' in each of the tenants {string.Join(", ", found.Select(pair => pair.Tenant))}: say which with --tenant."),
        };
    }
}
