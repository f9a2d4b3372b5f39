using System.Globalization;
using System.Text;
using Selfsame.Store;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>Whether calls carry an <c>Idempotency-Key</c>, and what under it.</summary>
public enum Repeats
{
    WithoutKey,
    OfOnePayload,
    OfChangingPayloads,
}

/// <summary>One person signs up a thousand times at once, spelled in every way that is the same.</summary>
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
        await SignUpAllAsync(server, number => (Repeats)(number % 3));
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task A_thousand_at_once_make_one_user_on_PostgreSQL()
    {
        await using var server = await RunningServer.StartOnPostgreSqlAsync(options => options with { Passwords = null, Tenants = [Refusing] });
        await SignUpAllAsync(server, number => (Repeats)(number % 3));
    }

    // Between those of several kinds it is chance whose answer is kept: here each kind has its thousand to itself. Without the cost of hashing, they meet at the database.
    [Theory]
    [InlineData(Repeats.WithoutKey)]
    [InlineData(Repeats.OfOnePayload)]
    [InlineData(Repeats.OfChangingPayloads)]
    [Trait("needs", "slow")]
    public async Task A_thousand_of_one_kind_make_one_user_and_get_the_answer_of_their_kind_on_SQLite(Repeats kind)
    {
        await using var server = await RunningServer.StartAsync(options => options with { Tenants = [Refusing] });
        await SignUpAllAsync(server, _ => kind);
    }

    [Theory]
    [InlineData(Repeats.WithoutKey)]
    [InlineData(Repeats.OfOnePayload)]
    [InlineData(Repeats.OfChangingPayloads)]
    [Trait("needs", "postgresql")]
    public async Task A_thousand_of_one_kind_make_one_user_and_get_the_answer_of_their_kind_on_PostgreSQL(Repeats kind)
    {
        await using var server = await RunningServer.StartOnPostgreSqlAsync(options => options with { Tenants = [Refusing] });
        await SignUpAllAsync(server, _ => kind);
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

    private static async Task SignUpAllAsync(RunningServer server, Func<int, Repeats> kindOf)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, Calls).Select(number => SignUpAsync(server, number, kindOf(number))));

        var user = await SingleUserAsync(server);
        var first = answers.Where(answer => answer.Answer.Status == 201 && !answer.IsReplay).ShouldHaveSingleItem();
        foreach (var (answer, kind, address) in answers.Where(answer => answer != first))
        {
            if (kind == Repeats.OfOnePayload && first.Kind == kind)
            {
                answer.ShouldHaveStatus(201).Text.ShouldBe(first.Answer.Text);
            }
            else if (kind == Repeats.OfChangingPayloads && first.Kind == kind)
            {
                answer.ShouldBeProblem(422, "idempotency-key-reused");
            }
            else
            {
                var sameAddress = Mailboxes.Contains(address) == Mailboxes.Any(mailbox => mailbox.Trim() == user.Email);
                answer.ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(sameAddress ? ["email", "username"] : ["username"], ignoreOrder: true, address);
            }
        }

        first.Answer.TextOf("uuid").ShouldBe(user.Uuid);
        var byStatus = answers.GroupBy(answer => answer.Answer.Status).OrderBy(group => group.Key).Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Key}: {group.Count()}"));
        TestContext.Current.TestOutputHelper?.WriteLine($"The first is {first.Kind}. Answers by status: {string.Join(", ", byStatus)}");
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    /// <summary>Of one payload: the same text. Of changing ones: no two the same, though all are one person.</summary>
    private static async Task<SignUpAnswer> SignUpAsync(RunningServer server, int number, Repeats kind)
    {
        var variant = kind == Repeats.OfOnePayload ? 1 : number;
        var addresses = variant % 2 == 0 ? Mailboxes : Domains;
        var address = addresses[variant / 2 % addresses.Length];
        var answer = await server.Anonymous().PostAsync(
            "/api/v1/sign-ups",
            new { username = Names[variant % Names.Length], email = address, lastName = $"B{variant}", password = RunningServer.Password },
            kind == Repeats.WithoutKey ? [] : [("Idempotency-Key", kind.ToString())]);
        return new SignUpAnswer(answer, kind, address);
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

    private sealed record SignUpAnswer(ApiAnswer Answer, Repeats Kind, string Address)
    {
        public bool IsReplay => Answer.Header("Idempotency-Replayed") is not null;
    }
}
