using Selfsame.Connectors.AtProto;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;
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

    /// <summary>A config that gives whoever has a proved address an account on the PDS.</summary>
    /// <param name="server">The PDS.</param>
    /// <param name="url">Where it is asked: its own address, or a proxy's.</param>
    /// <param name="further">What the rule says besides.</param>
    public static Topology Topology(PersonalDataServer server, string url, string further = "")
    {
        var reading = new TopologyReader(Selfsame.Server.Reconciliation.ConfigFile.Connectors, _ => null).Read(
            $$"""
            systems:
              users: { connector: selfsame }
              pds: { connector: atproto, url: "{{url}}", adminPassword: "{{PersonalDataServer.AdminPassword}}", handleDomain: {{PersonalDataServer.HandleDomain}}, plcUrl: "{{server.DirectoryUrl}}" }
            reconcile:
              - { source: users, target: pds, when: emailVerified, correlate: [did], missing: createInTarget, {{further}} handle: "{handle|code}" }
            """);
        reading.Errors.ShouldBeEmpty();
        return reading.Topology!;
    }

    /// <summary>A new user whose address, which no other test of the shared PDS has, is proved.</summary>
    public static async Task<User> SignUpAsync(StoreContext context, string name)
        => (await new SignUp(context).ExecuteAsync(
            new SignUpRequest
            {
                Tenant = "main",
                Form = new SignUpForm { Username = name, Email = $"{name}@example.org", Password = RunningServer.Password, Administrator = new AdministratorFields { EmailVerified = true } },
                Actor = Actor.System,
            },
            CancellationToken.None)).ShouldBeOfType<SignUpResult.Created>().User;

    /// <summary>Makes an account; its DID.</summary>
    public async Task<AccountId> MakeAsync(string handle)
        => (await system.CreateAsync(
            new Fields([KeyValuePair.Create("handle", FieldValue.Text(handle)), KeyValuePair.Create("email", FieldValue.Text($"{NewName()}@example.net"))]),
            "a-password-of-tests", CancellationToken.None)).ShouldBeOfType<CreatedAccount>().Id;

    /// <summary>The account's handle as the PDS has it.</summary>
    public async Task<string> HandleAsync(AccountId id)
        => (await system.ReadByIdAsync([id], CancellationToken.None)).Single().Identifiers[IdentifierKind.Handle];

    /// <summary>Everybody at the PDS who has the address.</summary>
    public async Task<IReadOnlyList<AccountId>> WithEmailAsync(string email)
    {
        var found = new List<AccountId>();
        await foreach (var part in system.ReadAllAsync(CancellationToken.None))
        {
            found.AddRange(part is ReadAccounts read ? read.Accounts.Where(account => account.Identifiers.GetValueOrDefault(IdentifierKind.Email) == email).Select(account => account.Id) : []);
        }

        return found;
    }

    /// <summary>Whether the PDS has the account, disabled or not.</summary>
    public async Task<bool> IsThereAsync(AccountId id) => (await system.ReadByIdAsync([id], CancellationToken.None)).Count > 0;

    /// <summary>The account's address as the PDS has it, and whether it is active there.</summary>
    public async Task<(string? Email, bool Active)> StateAsync(AccountId id)
    {
        var account = (await system.ReadByIdAsync([id], CancellationToken.None)).Single();
        return (account.Identifiers.GetValueOrDefault(IdentifierKind.Email), account.Attributes.ValueOrNull(AccountMapping.Active).IsTruthy);
    }

    /// <summary>Waits until the service has made the user's account; its DID.</summary>
    public static async Task<AccountId> LinkedAsync(Database store, Guid user)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var id = await store.ReadAsync(transaction => transaction.ScalarAsync<string>(
                "SELECT target_id FROM provisioning WHERE source_id = @user AND system = 'pds' AND state = 'Linked'", new { user = user.ToString("D") }));
            if (id is not null)
            {
                return AccountId.FromText(id);
            }

            await Task.Delay(50, limit.Token);
        }
    }

    public ValueTask DisposeAsync() => system.DisposeAsync();
}
