using System.Globalization;
using System.Text;
using Selfsame.Store;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>One person signs up a thousand times at once, spelled in every way that is the same, with real hashing.</summary>
public sealed class ParallelSignUpTests
{
    private const int Calls = 1000;

    // "Jürgen" composed, decomposed, in capitals and in full-width letters: one username under PRECIS.
    private static readonly string[] Names = ["Jürgen", "jürgen", "JÜRGEN", "Ju\u0308rgen", "jU\u0308RGEN", "Ｊürgen", " jürgen "];

    private static readonly string[] Mailboxes =
        ["jurgen.b@gmail.com", "jurgenb@gmail.com", "J.U.R.G.E.N.B@GMAIL.com", "jurgenb+shop@gmail.com", "jurgen.b+a+b@googlemail.com", " jurgenb@Gmail.Com "];

    private static readonly string[] Domains =
        ["jb@bücher.example", "JB@BÜCHER.EXAMPLE", "jb@xn--bcher-kva.example", "Jb@XN--BCHER-KVA.example", "jb@bu\u0308cher.example", "jb@bücher。example"];

    // CASES 2: better-auth/better-auth#4039, firebase/firebase-admin-node#2949, dotnet/aspnetcore#24369.
    [Fact]
    [Trait("needs", "slow")]
    public async Task A_thousand_at_once_make_one_user_on_SQLite()
    {
        await using var server = await RunningServer.StartAsync(options => options with { Passwords = null, Tenants = [Refusing] });
        await SignUpAllAsync(server);
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task A_thousand_at_once_make_one_user_on_PostgreSQL()
    {
        await using var server = await RunningServer.StartOnPostgreSqlAsync(options => options with { Passwords = null, Tenants = [Refusing] });
        await SignUpAllAsync(server);
    }

    [Fact]
    public async Task Addresses_of_one_mailbox_alone_make_one_user_on_SQLite()
    {
        await using var server = await RunningServer.StartAsync(options => options with { Tenants = [Refusing] });
        await SignUpByAddressAsync(server);
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task Addresses_of_one_mailbox_alone_make_one_user_on_PostgreSQL()
    {
        await using var server = await RunningServer.StartOnPostgreSqlAsync(options => options with { Tenants = [Refusing] });
        await SignUpByAddressAsync(server);
    }

    private static TenantSettings Refusing { get; } = RunningServer.Unlimited with { Mailboxes = LookalikePolicy.Refuse };

    private static async Task SignUpAllAsync(RunningServer server)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, Calls).Select(number => SignUpAsync(server, number)));

        var user = await SingleUserAsync(server);
        answers.Count(answer => answer.Answer is { Status: 201 } && answer.Answer.Header("Idempotency-Replayed") is null).ShouldBe(1);
        foreach (var (answer, address) in answers)
        {
            if (answer.Status == 201)
            {
                answer.TextOf("uuid").ShouldBe(user.Uuid);
            }
            else if (answer.Status == 422)
            {
                answer.ShouldBeProblem(422, "idempotency-key-reused");
            }
            else
            {
                var sameAddress = Mailboxes.Contains(address) == Mailboxes.Any(mailbox => mailbox.Trim() == user.Email);
                answer.ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(sameAddress ? ["email", "username"] : ["username"], ignoreOrder: true, address);
            }
        }

        var byStatus = answers.GroupBy(answer => answer.Answer.Status).OrderBy(group => group.Key).Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Key}: {group.Count()}"));
        TestContext.Current.TestOutputHelper?.WriteLine($"Answers by status: {string.Join(", ", byStatus)}");
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    /// <summary>A third without a key, a third with one key and one payload, a third with one key and changing payloads.</summary>
    private static async Task<(ApiAnswer Answer, string Address)> SignUpAsync(RunningServer server, int number)
    {
        var variant = number % 3 == 1 ? 1 : number;
        var addresses = variant % 2 == 0 ? Mailboxes : Domains;
        var address = addresses[variant / 2 % addresses.Length];
        (string, string)[] headers = (number % 3) switch
        {
            0 => [],
            1 => [("Idempotency-Key", "same")],
            _ => [("Idempotency-Key", "changing")],
        };
        var answer = await server.Anonymous().PostAsync(
            "/api/v1/sign-ups", new { username = Names[variant % Names.Length], email = address, password = RunningServer.Password }, headers);
        return (answer, address);
    }

    private static async Task SignUpByAddressAsync(RunningServer server)
    {
        foreach (var addresses in new[] { Mailboxes, Domains })
        {
            var before = await server.CountUsersAsync();
            var answers = await Task.WhenAll(Enumerable.Range(0, 120).Select(number => server.Anonymous().PostAsync(
                "/api/v1/sign-ups", new { email = addresses[number % addresses.Length], password = RunningServer.Password })));

            answers.Count(answer => answer.Status == 201).ShouldBe(1);
            foreach (var answer in answers.Where(answer => answer.Status != 201))
            {
                answer.ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["email"]);
            }

            (await server.CountUsersAsync()).ShouldBe(before + 1);
        }

        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    private static async Task<(string Uuid, string Email)> SingleUserAsync(RunningServer server)
    {
        var users = await server.Context.Database.ReadAsync(transaction => transaction.QueryAsync<Person>("SELECT u.uuid, u.email FROM users u"));
        users.Count.ShouldBe(1);
        return (users[0].Uuid.ToString(), users[0].Email.Normalize(NormalizationForm.FormC));
    }

    private sealed class Person
    {
        public Guid Uuid { get; init; }

        public string Email { get; init; } = "";
    }
}
