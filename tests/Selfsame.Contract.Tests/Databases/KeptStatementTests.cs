using Microsoft.Data.Sqlite;
using Selfsame.Core;
using Selfsame.Databases;

namespace Selfsame.Contract.Tests.Databases;

/// <summary>SQLite's statements stay prepared from one use of their text to the next; nobody may notice but by the time.</summary>
public sealed class KeptStatementTests : IAsyncLifetime
{
    private readonly SqliteDatabase database = SqliteDatabase.InMemory(new DatabaseOptions(), TimeProvider.System, RandomSource.System);

    public async ValueTask InitializeAsync()
        => await database.TransactAsync(transaction => transaction.ExecuteAsync("CREATE TABLE fruits (id integer PRIMARY KEY, name text NOT NULL UNIQUE)"));

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task A_text_that_comes_again_takes_its_new_values_and_lists_of_any_length()
    {
        foreach (var name in new[] { "apple", "pear", "plum" })
        {
            await AddAsync(name);
        }

        (await FindAsync("pear")).ShouldBe(["pear"]);
        (await FindAsync("plum", "apple")).ShouldBe(["apple", "plum"]);
        (await FindAsync("apple")).ShouldBe(["apple"]);
        (await FindAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_failed_can_be_done_again_with_other_values()
    {
        await AddAsync("apple");

        await Should.ThrowAsync<SqliteException>(() => AddAsync("apple"));
        await AddAsync("pear");

        (await AllAsync()).ShouldBe(["apple", "pear"]);
    }

    [Fact]
    public async Task What_was_rolled_back_can_be_done_again()
    {
        await database.TransactAsync(async transaction =>
        {
            await transaction.ExecuteAsync("INSERT INTO fruits (name) VALUES (@name)", new { name = "apple" });
            transaction.RollBack = true;
        });
        await AddAsync("apple");

        (await AllAsync()).ShouldBe(["apple"]);
    }

    [Fact]
    public async Task A_text_sees_the_schema_as_it_is()
    {
        await AddAsync("apple");
        await AllAsync();

        await database.TransactAsync(transaction => transaction.ExecuteAsync(
            "DROP TABLE fruits; CREATE TABLE fruits (colour text, id integer PRIMARY KEY, name text NOT NULL UNIQUE); INSERT INTO fruits (name) VALUES ('plum')"));

        (await AllAsync()).ShouldBe(["plum"]);
    }

    private Task<int> AddAsync(string name)
        => database.TransactAsync(transaction => transaction.ExecuteAsync("INSERT INTO fruits (name) VALUES (@name)", new { name }));

    private Task<List<string>> FindAsync(params string[] names)
        => database.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT name FROM fruits WHERE name IN @names ORDER BY name", new { names }));

    private Task<List<string>> AllAsync() => database.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT name FROM fruits ORDER BY name"));
}
