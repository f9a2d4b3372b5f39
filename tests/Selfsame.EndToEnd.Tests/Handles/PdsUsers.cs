using Selfsame.Connectors.AtProto;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Handles;

/// <summary>The shared PDS as tests of handles use it: accounts made there behind the service's back, and linked to users.</summary>
internal sealed class PdsUsers : IAsyncDisposable
{
    private static int names;

    private readonly AtProtoSystem system;

    private PdsUsers(PersonalDataServer server, AtProtoSystem system)
    {
        Server = server;
        this.system = system;
    }

    public PersonalDataServer Server { get; }

    public static async Task<PdsUsers> OpenAsync()
    {
        var server = await PersonalDataServer.SharedAsync();
        return new PdsUsers(server, new AtProtoSystem(
            new SystemConfig { Name = "pds", Connector = "atproto", Settings = Settings(server, server.Url), Mapping = AtProtoSystem.Kind.FixedMapping! }, TimeProvider.System));
    }

    /// <summary>A handle that nobody has.</summary>
    public static string NewName() => $"h{Interlocked.Increment(ref names)}{Environment.ProcessId % 1000}x";

    public static Dictionary<string, string> Settings(PersonalDataServer server, string url) => new()
    {
        ["url"] = url,
        ["adminPassword"] = PersonalDataServer.AdminPassword,
        ["handleDomain"] = PersonalDataServer.HandleDomain,
        ["plcUrl"] = server.DirectoryUrl,
    };

    /// <summary>Makes an account; its DID.</summary>
    public async Task<AccountId> MakeAsync(string handle)
        => (await system.CreateAsync(
            new Fields([KeyValuePair.Create("handle", FieldValue.Text(handle)), KeyValuePair.Create("email", FieldValue.Text($"{NewName()}@example.net"))]),
            "a-password-of-tests", CancellationToken.None)).ShouldBeOfType<CreatedAccount>().Id;

    /// <summary>The account's handle as the PDS has it.</summary>
    public async Task<string> HandleAsync(AccountId id)
        => (await system.ReadByIdAsync([id], CancellationToken.None)).Single().Identifiers[IdentifierKind.Handle];

    /// <summary>Makes the user's row say that this account is theirs; who works on the row just now writes nothing any more.</summary>
    public static Task LinkAsync(Database store, Guid user, AccountId account)
        => store.TransactAsync(async transaction =>
            (await transaction.ExecuteAsync(
                """
                UPDATE provisioning SET state = 'Linked', target_id = @target, epoch = epoch + 1, leased_until = NULL, due_because = NULL, problem = NULL
                WHERE source_id = @user AND system = 'pds'
                """,
                new { target = account.ToText(), user = user.ToString("D") })).ShouldBe(1));

    public ValueTask DisposeAsync() => system.DisposeAsync();
}
