using System.CommandLine;
using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Hosting;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;

namespace Selfsame.Cli.Commands;

/// <summary>The options of the commands that audit and repair, and the opening of what they work with.</summary>
internal sealed class EngineOptions
{
    private readonly StoreOptions store = new();
    private readonly Option<bool> json = new("--json") { Description = "Write JSON for programs." };

    public void AddTo(Command command)
    {
        store.AddTo(command);
        command.Options.Add(json);
    }

    public bool Json(ParseResult parsed) => parsed.GetValue(json);

    /// <summary>The config that was named, or null for the one at the default place.</summary>
    public string? ConfigPath(ParseResult parsed) => store.ConfigPath(parsed);

    /// <summary>What the command line, the environment and the config say together.</summary>
    public ServerOptions ServerOptions(ParseResult parsed) => store.Read(parsed);

    /// <summary>The config, the store, the systems and the journal.</summary>
    public async Task<OpenedEngine> OpenAsync(ParseResult parsed, CancellationToken cancellation)
    {
        // The config first: a mistake in it must not make a data folder.
        var topology = ConfigFile.Read(store.ConfigPath(parsed));
        var options = store.Read(parsed);
        var opened = await OpenedStore.OpenAsync(options, cancellation);
        try
        {
            return new OpenedEngine(opened, await ConnectedSystems.OpenAsync(topology, opened.Context, Patience.OfCommand, cancellation));
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }
}

/// <summary>What a command of the engine works with.</summary>
internal sealed class OpenedEngine(OpenedStore store, ConnectedSystems systems) : IAsyncDisposable
{
    public StoreContext Store => store.Context;

    public ConnectedSystems Connected => systems;

    public Topology Topology => systems.Topology;

    /// <summary>What names a plan made now.</summary>
    public PlanStamp NewStamp() => new(
        Store.Random.NextUuid(),
        Store.Now(),
        typeof(OpenedEngine).Assembly.GetName().Version!.ToString(3),
        KeyRules.Version,
        Store.Random);

    public async Task<Applier> NewApplierAsync(CancellationToken cancellation)
        => new(await systems.WithLinksAsync(Store, cancellation), systems.Systems, systems.Journal, Store.Clock, Store.CrashPoints, systems.Provisioner(Store));

    public async ValueTask DisposeAsync()
    {
        await systems.DisposeAsync();
        await store.DisposeAsync();
    }
}
