using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Selfsame.Connectors.AtProto;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.AtProto;

/// <summary>The shared PDS, names that no other test has, and the system that connects it.</summary>
public abstract class AtProtoServer : IAsyncLifetime
{
    protected const string Password = "the-stored-password";

    private static int names;

    protected PersonalDataServer Server { get; private set; } = null!;

    protected AtProtoSystem System { get; private set; } = null!;

    protected PdsFaults Faults { get; } = new();

    public virtual async ValueTask InitializeAsync()
    {
        Server = await StartAsync();
        System = Open(http: new HttpMessageInvoker(Faults));
    }

    public virtual async ValueTask DisposeAsync()
    {
        await System.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected virtual Task<PersonalDataServer> StartAsync() => PersonalDataServer.SharedAsync();

    protected AtProtoSystem Open(
        string? url = null, string password = PersonalDataServer.AdminPassword, string domain = PersonalDataServer.HandleDomain, string? plcUrl = null,
        HttpMessageInvoker? http = null, TimeProvider? clock = null, Patience? patience = null) => new(
        new SystemConfig
        {
            Name = "pds",
            Connector = "atproto",
            Settings = new Dictionary<string, string>
            {
                ["url"] = url ?? Server.Url,
                ["adminPassword"] = password,
                ["handleDomain"] = domain,
                ["plcUrl"] = plcUrl ?? Server.DirectoryUrl,
            },
            Mapping = AtProtoSystem.Kind.FixedMapping!,
        },
        clock ?? TimeProvider.System,
        http ?? new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }),
        patience);

    /// <summary>A handle that nobody has.</summary>
    protected static string NewName() => $"t{Interlocked.Increment(ref names)}x";

    protected static Fields Of(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.From(field.Value))));

    /// <summary>What an account of that name is made of.</summary>
    protected static Fields Person(string name, string? email = null) => Of(("handle", name), ("email", email ?? $"{name}@example.org"));

    protected Task<CreationOutcome> CreateAsync(string name, string? email = null, string password = Password)
        => System.CreateAsync(Person(name, email), password, CancellationToken.None);

    /// <summary>Makes an account and gives its DID.</summary>
    protected async Task<AccountId> MadeAsync(string name, string? email = null, string password = Password)
        => (await CreateAsync(name, email, password)).ShouldBeOfType<CreatedAccount>().Id;

    protected static WriteOutcome NotMade(CreationOutcome outcome) => outcome.ShouldBeOfType<NotCreated>().Outcome;

    protected async Task<Account?> ReadAsync(AccountId id)
        => (await System.ReadFreshAsync("pds", [id], CancellationToken.None)).Values.SingleOrDefault();

    protected async Task<Account> PresentAsync(AccountId id) => (await ReadAsync(id)).ShouldNotBeNull();

    protected Task<BulkRead> ReadEverybodyAsync() => System.ReadEverythingAsync("pds", null, CancellationToken.None);

    protected Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields? precondition = null)
        => System.UpdateAsync(id, set, precondition ?? Fields.Empty, CancellationToken.None);

    /// <summary>Asks the PDS as its administrator, behind the connector's back.</summary>
    protected async Task AdministerAsync(string method, object body)
    {
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{PersonalDataServer.AdminPassword}")));
        using var response = await client.PostAsJsonAsync($"{Server.Url}/xrpc/{method}", body);
        response.EnsureSuccessStatusCode();
    }
}
