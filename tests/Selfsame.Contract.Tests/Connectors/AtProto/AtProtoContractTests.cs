using Selfsame.Connectors.AtProto;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.AtProto;

/// <summary>A PDS for one class of tests.</summary>
public sealed class OwnPersonalDataServer : IAsyncLifetime
{
    public PersonalDataServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await PersonalDataServer.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>The contract of whatever reads and writes, on a real PDS, which gives ids itself. It is one for all these tests, each of which begins with nobody there.</summary>
[Trait("needs", "pds")]
public sealed class AtProtoContractTests(OwnPersonalDataServer own) : WriteContract, IClassFixture<OwnPersonalDataServer>
{
    private const string Password = "the-stored-password";

    // At once, as the PDS takes them.
    private const int AtOnce = 8;

    private static readonly AccountId NotThere = new("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");

    private readonly Connection connection = new(own.Server);
    private readonly Dictionary<int, AccountId> made = [];

    // One by one, and a hundred are asked about at once.
    protected override int Many => 130;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await connection.DisposeAsync();
    }

    protected override async Task<IConnectedSystem> OpenAsync()
    {
        await connection.InitializeAsync();
        var system = connection.Opened;
        var everybody = (await system.ReadEverythingAsync("pds", null, CancellationToken.None)).Accounts;
        await Parallel.ForEachAsync(
            everybody,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (account, _) => (await system.DeleteAsync(account.Id, Fields.Empty, CancellationToken.None)).ShouldBeOfType<Done>());
        return system;
    }

    protected override AccountId IdOf(int number) => made.GetValueOrDefault(number, NotThere);

    // A PDS has no look-up by address.
    protected override IdentifierKind LookedUpBy => IdentifierKind.Handle;

    protected override string Nobodys => "nobodyx";

    protected override string PlainField => "handle";

    // The handle is set before the address, by a call of its own, and whether it is active after it.
    protected override Fields Beside => Of(("active", false));

    protected override Fields RecordOf(int number) => Of(("handle", $"user{number}x"), ("email", $"user{number}@example.org"));

    protected override async Task<WriteOutcome> MakeAsync(int number, Fields fields)
    {
        switch (await connection.Opened.CreateAsync(fields, Password, CancellationToken.None))
        {
            case CreatedAccount { Id: var id }:
                lock (made)
                {
                    made[number] = id;
                }

                return new Done();
            case var not:
                return not.ShouldBeOfType<NotCreated>().Outcome;
        }
    }

    protected override Task FillAsync(int count) => Parallel.ForEachAsync(
        Enumerable.Range(0, count),
        new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
        async (number, _) => (await MakeAsync(number, RecordOf(number))).ShouldBeOfType<Done>());

    protected override Task ChangeOutsideAsync(string id, string field, string value) => connection.RenameAsync(id, value);

    private sealed class Connection(PersonalDataServer server) : AtProtoServer
    {
        public AtProtoSystem Opened => System;

        public Task RenameAsync(string id, string name)
            => AdministerAsync("com.atproto.admin.updateAccountHandle", new { did = id, handle = $"{name}.{PersonalDataServer.HandleDomain}" });

        protected override Task<PersonalDataServer> StartAsync() => Task.FromResult(server);
    }
}
