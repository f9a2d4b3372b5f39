using Selfsame.Connectors.Auth0;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;
using Selfsame.Testing.Auth0;

namespace Selfsame.Contract.Tests.Connectors.Auth0;

/// <summary>A stand-in of its own, and the system that connects it.</summary>
public abstract class Auth0Tenant : IAsyncLifetime
{
    protected Auth0StandIn Server { get; private set; } = null!;

    protected Auth0System System { get; private set; } = null!;

    /// <summary>How often each account proved its e-mail, as the inbox would count.</summary>
    protected Dictionary<AccountId, long> Verifications { get; } = [];

    public async ValueTask InitializeAsync()
    {
        Server = await Auth0StandIn.StartAsync();
        System = Open();
    }

    public async ValueTask DisposeAsync()
    {
        await System.DisposeAsync();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected Auth0System Open(string? domain = null, string secret = Auth0StandIn.ClientSecret, HttpMessageHandler? handler = null, Patience? patience = null) => new(
        new SystemConfig
        {
            Name = "idp",
            Connector = "auth0",
            Settings = new Dictionary<string, string> { ["domain"] = domain ?? Server.Url, ["clientId"] = Auth0StandIn.ClientId, ["clientSecret"] = secret },
            Mapping = Auth0System.Kind.FixedMapping!,
        },
        TimeProvider.System,
        new SeededRandom(1),
        (_, _) => Task.FromResult<IReadOnlyDictionary<AccountId, long>>(Verifications),
        new HttpMessageInvoker(handler ?? new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }),
        patience);

    /// <summary>Users 1 to <paramref name="count"/>, each a second younger than the one before, behind the API's back.</summary>
    protected void Fill(int count)
    {
        foreach (var number in Enumerable.Range(1, count))
        {
            Server.Users.Put(Id(number).ToString(), $"user{number}@example.org");
        }
    }

    protected static AccountId Id(int number) => new($"auth0|{number:D6}");

    protected static Fields Of(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.From(field.Value))));

    protected Task<WriteOutcome> CreateAsync(int number, string email, params (string Field, object? Value)[] further)
        => System.CreateAsync(Id(number), Of([("user_id", Id(number).ToString()), ("email", email), .. further]), CancellationToken.None);

    protected async Task<Account?> ReadAsync(int number)
        => (await System.ReadFreshAsync("idp", [Id(number)], CancellationToken.None)).Values.SingleOrDefault();

    protected Task<BulkRead> ReadEverybodyAsync() => System.ReadEverythingAsync("idp", null, CancellationToken.None);
}
