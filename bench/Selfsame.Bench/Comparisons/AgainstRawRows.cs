using Selfsame.Bench.Figures;
using Selfsame.Bench.Load;
using Selfsame.Bench.Stores;

namespace Selfsame.Bench.Comparisons;

/// <summary>
/// Sign-ups in process, without the password hash, against the same rows inserted and committed by hand in a database
/// with the same schema and the same durability.
/// </summary>
internal sealed class AgainstRawRows(BenchPlan plan)
{
    private const double Bar = 0.5;
    private const int Clients = 32;

    public async Task<Figure> OnSqliteAsync(string folder)
    {
        var (ours, theirs) = (Path.Combine(folder, "ours.db"), Path.Combine(folder, "raw.db"));
        await using var store = await BenchStore.OpenAsync(ours, NoHashing.Placeholder);
        await using var rawStore = await BenchStore.OpenAsync(theirs, NoHashing.Placeholder);
        var rows = await RowsOfOneAsync(store);
        await using var raw = new RawSqlite(theirs, await RawValues.LikeAsync(store.Context.Database));
        return await CompareAsync("SQLite", store, rawStore, raw, rawClients: 1, rows);
    }

    public async Task<Figure> OnPostgreSqlAsync(string ours, string theirs)
    {
        await using var store = await BenchStore.OpenAsync(ours, NoHashing.Placeholder);
        await using var rawStore = await BenchStore.OpenAsync(theirs, NoHashing.Placeholder);
        var rows = await RowsOfOneAsync(store);
        await using var raw = await RawPostgreSql.OpenAsync(theirs, Clients, await RawValues.LikeAsync(store.Context.Database));
        return await CompareAsync("PostgreSQL", store, rawStore, raw, Clients, rows);
    }

    private async Task<Figure> CompareAsync(string kind, BenchStore store, BenchStore rawStore, IRawRows raw, int rawClients, RowCounts rows)
    {
        var rawRows = await RowCounts.AddedByAsync(rawStore.Context.Database, () => raw.InsertAsync(0, Names.Next()));
        if (rawRows.ToString() != rows.ToString())
        {
            throw new InvalidOperationException($"The raw side writes other rows than a sign-up: {rawRows}; a sign-up: {rows}.");
        }

        var signUps = new Side("sign-ups", (settle, window) => SteadyLoad.PerSecondAsync(
            Clients, settle, window, _ => store.SignUpAsync(Names.Next())));
        var inserts = new Side("raw rows", (settle, window) => SteadyLoad.PerSecondAsync(
            rawClients, settle, window, client => raw.InsertAsync(client, Names.Next())));
        return await Pairs.CompareAsync(
            plan, $"Sign-ups without the hash against raw rows, {kind}", false, signUps, inserts, Bar, $"{Clients} clients (raw {rawClients}); {rows}");
    }

    private static Task<RowCounts> RowsOfOneAsync(BenchStore store)
        => RowCounts.AddedByAsync(store.Context.Database, () => store.SignUpAsync(Names.Next()));
}
