using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

public sealed class MongoAddressTests
{
    [Theory]
    [InlineData("mongodb://127.0.0.1:27017", "mongodb://127.0.0.1:27017/mine")]
    [InlineData("mongodb://127.0.0.1:27017/", "mongodb://127.0.0.1:27017/mine")]
    [InlineData("mongodb://127.0.0.1:27017/theirs", "mongodb://127.0.0.1:27017/mine")]
    [InlineData("mongodb://a:1,b:2/?replicaSet=rs0", "mongodb://a:1,b:2/mine?replicaSet=rs0")]
    [InlineData("mongodb://a:1?replicaSet=rs0", "mongodb://a:1/mine?replicaSet=rs0")]
    [InlineData("mongodb+srv://u:p@a.example/?authSource=accounts&tls=true", "mongodb+srv://u:p@a.example/mine?authSource=accounts&tls=true")]
    [InlineData("mongodb://u:p@a:1/theirs?tls=true", "mongodb://u:p@a:1/mine?tls=true&authSource=theirs")]
    [InlineData("mongodb://u:p@a:1", "mongodb://u:p@a:1/mine?authSource=admin")]
    public void A_database_is_named_in_its_place_and_everything_else_is_kept(string server, string expected)
        => MongoAddress.WithDatabase(server, "mine").ShouldBe(expected);
}
