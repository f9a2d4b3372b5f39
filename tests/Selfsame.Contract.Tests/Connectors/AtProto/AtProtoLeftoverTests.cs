using System.Net;
using Npgsql;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.AtProto;

/// <summary>What creations that broke off leave in the DID directory, on one that keeps its operations in PostgreSQL and tells them.</summary>
[Trait("needs", "pds")]
public sealed class AtProtoLeftoverTests : AtProtoServer
{
    // CASES 17: killed, or lost a race, between the directory and the database (bluesky-social/atproto PRs 5070, 2109).
    [Fact]
    public async Task A_DID_without_an_account_is_recognised_and_no_other()
    {
        await using var later = Open(clock: new LaterClock());
        var (ann, bob) = (NewName(), NewName());
        var id = await MadeAsync(ann);
        await UpdateAsync(id, Of(("active", false)));
        (await later.FindLeftoversAsync(CancellationToken.None)).ShouldBeEmpty();

        NotMade(await CreateAsync(bob, $"{ann}@example.org")).ShouldBeOfType<AlreadyExists>();

        var leftover = (await later.FindLeftoversAsync(CancellationToken.None)).ShouldNotBeNull().Single();
        leftover.Id.ShouldStartWith("did:plc:");
        leftover.What.ShouldContain($"{bob}.{PersonalDataServer.HandleDomain}");
        // It may still become an account while it is young.
        (await System.FindLeftoversAsync(CancellationToken.None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task On_the_public_directory_they_can_not_be_seen()
    {
        await using var system = Open(plcUrl: "https://plc.directory/");

        (await system.FindLeftoversAsync(CancellationToken.None)).ShouldBeNull();
    }

    [Theory]
    [InlineData("5")]
    [InlineData("[]")]
    [InlineData("""{"message": "welcome"}""")]
    [InlineData("""{"did": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "createdAt": "yesterday", "operation": {} }""")]
    [InlineData("""{"did": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "createdAt": 5, "operation": {} }""")]
    [InlineData("<html></html>")]
    public async Task A_list_with_a_line_that_is_no_operation_tells_nothing_and_says_so(string line)
    {
        Faults.AnswerNext("export", HttpStatusCode.OK, $"{line}\n", "application/jsonlines");

        var unread = await Should.ThrowAsync<SystemUnavailableException>(() => System.FindLeftoversAsync(CancellationToken.None));

        unread.Message.ShouldContain("list of operations");
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Server.DisposeAsync();
    }

    protected override async Task<PersonalDataServer> StartAsync()
    {
        var postgres = await PostgresServer.SharedAsync();
        var database = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        return await PersonalDataServer.StartAsync(new PersonalDataServerOptions
        {
            DirectoryDatabase = $"postgres://{database.Username}@127.0.0.1:{postgres.Port}/{database.Database}",
        });
    }

    /// <summary>An hour from now.</summary>
    private sealed class LaterClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + TimeSpan.FromHours(1);
    }
}
