using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Databases;

public sealed class ListParameterTests
{
    // Dapper writes a list out into the text while it adds the parameters: those that come after it went to a command that was no longer used.
    [Fact]
    public async Task A_list_may_stand_before_other_parameters_however_often_and_however_long()
    {
        await using var database = SqliteDatabase.InMemory(new DatabaseOptions(), TimeProvider.System, new SeededRandom(1));
        await database.TransactAsync(transaction => transaction.ExecuteAsync("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('a'), ('b'), ('c')"));

        foreach (var (names, least, found) in new[] { ("abc", "b", "bc"), ("ab", "a", "ab"), ("", "a", ""), ("c", "a", "c"), ("abc", "c", "c") })
        {
            var rows = await database.ReadAsync(transaction => transaction.QueryAsync<string>(
                "SELECT x FROM t WHERE x IN @names AND x >= @least ORDER BY x LIMIT @most", new { names = names.Select(name => name.ToString()).ToArray(), least, most = 9 }));
            string.Concat(rows).ShouldBe(found);
        }
    }
}
