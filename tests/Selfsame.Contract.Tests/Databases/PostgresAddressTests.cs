using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Databases;

/// <summary>What names a database of PostgreSQL and what a SQLite file.</summary>
public sealed class PostgresAddressTests
{
    [Theory]
    [InlineData("Host=db;Database=x", true)]
    [InlineData("Server=db;Database=x;Password=p", true)]
    [InlineData("Database=x", true)]
    [InlineData("postgres://db/x", true)]
    [InlineData("postgresql://u:p@db:5433/x?sslmode=require", true)]
    [InlineData("selfsame.db", false)]
    [InlineData("./a=b.db", false)]
    [InlineData("/data/a=b/selfsame.db", false)]
    public void Keywords_and_addresses_mean_PostgreSQL_and_paths_a_file(string text, bool meant) => PostgresAddress.IsMeant(text).ShouldBe(meant);

    [Theory]
    [InlineData("Server=db;Port=5433;Database=x;User Id=u;Password=p@p")]
    [InlineData("postgresql://u:p%40p@db:5433/x")]
    public void Both_forms_say_the_same(string text)
    {
        PostgresAddress.TryParse(text, out var settings).ShouldBeTrue();

        (settings.Host, settings.Port, settings.Database, settings.Username, settings.Password).ShouldBe(("db", 5433, "x", "u", "p@p"));
    }

    [Theory]
    [InlineData("Server=db;Port=5433;Database=x;User Id=u;Password=secret-word")]
    [InlineData("postgresql://u:secret-word@db:5433/x?application_name=secret-word")]
    public void What_is_told_of_it_names_the_database_and_no_password(string text) => PostgresAddress.Describe(text).ShouldBe("PostgreSQL, x at db:5433");

    [Theory]
    [InlineData("Data Source=secret-word.db")]
    [InlineData("postgresql://u:secret-word@db:port/x")]
    public void What_cant_be_read_is_refused_and_not_shown(string text)
        => Should.Throw<InvalidOperationException>(() => Database.Open(text, new DatabaseOptions(), TimeProvider.System, RandomSource.System))
            .Message.ShouldNotContain("secret-word");

    [Fact]
    public async Task A_file_that_is_there_is_opened_whatever_its_name()
    {
        using var folder = new TemporaryFolder();
        var path = Path.GetRelativePath(Environment.CurrentDirectory, folder["there=1.db"]);
        await File.WriteAllBytesAsync(path, [], TestContext.Current.CancellationToken);

        await using var database = Database.Open(path, new DatabaseOptions(), TimeProvider.System, RandomSource.System);

        database.Dialect.ShouldBe(Dialect.Sqlite);
    }
}
