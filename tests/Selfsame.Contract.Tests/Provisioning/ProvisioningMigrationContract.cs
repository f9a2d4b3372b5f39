using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Schema;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Provisioning;

/// <summary>Rows of a store that was made before rows had a source go on where they were.</summary>
public abstract class ProvisioningMigrationContract : IAsyncLifetime
{
    private static readonly Guid Ann = new("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea");
    private static readonly Guid Purged = new("7a5a52ab-8a42-4b67-9a9c-1c6c1f0f4c11");

    private Database database = null!;

    protected abstract Task<Database> OpenAsync();

    public async ValueTask InitializeAsync() => database = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Rows_keep_their_state_and_id_get_the_name_of_their_source_and_a_purged_users_row_is_still_forgotten()
    {
        await StoreSchema.MigrateAsync(database, through: "005-run-rows.sql");
        var now = new DateTimeOffset(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);
        await database.TransactAsync(transaction => transaction.ExecuteAsync(
            """
            INSERT INTO users (uuid, tenant, username, user_code, locale, role, is_active, is_staff, is_superuser, version, created_at, updated_at)
            VALUES (@Ann, 'main', 'ann', 'ac26x', 'en', 'observer', @yes, @no, @no, 1, @now, @now);
            INSERT INTO provisioning (user_uuid, system, state, epoch, target_id, attempts, not_before, created_at, updated_at)
            VALUES (@Ann, 'app', 'Linked', 3, @id, 0, @now, @now, @now), (@Purged, 'app', 'Intent', 4, @purgedId, 1, @now, @now, @now);
            """,
            new { Ann, Purged, yes = true, no = false, now, id = $"\"{Ann:D}\"", purgedId = $"\"{Purged:D}\"" }));

        await StoreSchema.MigrateAsync(database);

        var rows = new ProvisioningRows(database, new SecretKeys(new byte[SecretKeys.MinimumBytes], RandomSource.System), TimeProvider.System, LeaseHolder.Current);
        (await rows.NameSourcesAsync(new Dictionary<string, string> { ["main"] = "users" }, CancellationToken.None)).ShouldBe(2);
        var reports = new ProvisioningReports(database, TimeProvider.System);
        var linked = (await reports.OfAccountAsync("users", new AccountId(Ann.ToString()), CancellationToken.None)).Single().Row;
        (linked.State, linked.Epoch, linked.TargetId).ShouldBe((ProvisioningState.Linked, 3, new AccountId(Ann.ToString())));
        var claim = (await rows.ClaimAsync(new ProvisioningClaim("app", 10, 0, TimeSpan.FromMinutes(1), null), CancellationToken.None)).Single();
        claim.Row.Key.Account.ShouldBe(new AccountId(Purged.ToString()));
        await rows.SaveAsync(claim.Row with { State = ProvisioningState.Compensated }, release: true, [], CancellationToken.None);
        (await reports.OfAccountAsync("users", claim.Row.Key.Account, CancellationToken.None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Where_an_apply_made_the_named_row_first_the_one_that_knows_its_account_stays()
    {
        await StoreSchema.MigrateAsync(database);
        var now = new DateTimeOffset(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);
        await database.TransactAsync(transaction => transaction.ExecuteAsync(
            string.Concat(new[] { ("", "1", "'old'"), ("users", "1", "NULL"), ("", "2", "NULL"), ("users", "2", "'new'"), ("", "3", "NULL"), ("users", "3", "NULL"), ("", "4", "'old'") }
                .Select(row =>
                    $"""
                    INSERT INTO provisioning (source, source_id, system, state, epoch, asked, lane, target_id, disabled, attempts, not_before, forget, created_at, updated_at)
                    VALUES ('{row.Item1}', '{row.Item2}', 'app', 'Pending', 1, 0, 'Interactive', {row.Item3}, @no, 0, @now, @no, @now, @now);
                    """)),
            new { no = false, now }));
        var rows = new ProvisioningRows(database, new SecretKeys(new byte[SecretKeys.MinimumBytes], RandomSource.System), TimeProvider.System, LeaseHolder.Current);

        (await rows.NameSourcesAsync(new Dictionary<string, string> { ["main"] = "users" }, CancellationToken.None)).ShouldBe(2);

        (await database.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT source || ' ' || source_id || ' ' || coalesce(target_id, '-') FROM provisioning ORDER BY source_id")))
            .ShouldBe(["users 1 old", "users 2 new", "users 3 -", "users 4 old"]);
        (await rows.NameSourcesAsync(new Dictionary<string, string> { ["main"] = "users" }, CancellationToken.None)).ShouldBe(0);
    }
}

public sealed class SqliteProvisioningMigrationTests : ProvisioningMigrationContract
{
    protected override Task<Database> OpenAsync()
        => Task.FromResult<Database>(SqliteDatabase.InMemory(new DatabaseOptions(), TimeProvider.System, RandomSource.System));
}

[Trait("needs", "postgresql")]
public sealed class PostgreSqlProvisioningMigrationTests : ProvisioningMigrationContract
{
    protected override async Task<Database> OpenAsync()
        => Database.Open(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(), new DatabaseOptions(), TimeProvider.System, RandomSource.System);
}
