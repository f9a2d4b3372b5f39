using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Selfsame.Core.Identifiers;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.RealInput;

[Trait("needs", "apt")]
public sealed class DebianMaintainersTests
{
    private const int Clients = 16;

    [Fact]
    public async Task Every_maintainer_signs_up_once_however_often_and_however_spelled()
    {
        var maintainers = await DebianMaintainers.ReadAsync();
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder.Path);
        using var client = new HttpClient { BaseAddress = server.Address };

        // Twice and concurrently: the two copies of a sign-up race each other.
        var first = await SignUpAllAsync(client, [.. maintainers.SelectMany(maintainer => new[] { maintainer, maintainer })]);
        var second = await SignUpAllAsync(client, maintainers);

        Report(maintainers, first, second, await CountSharedAsync(server));
        maintainers.Where(maintainer => IsPlain(UsernameOf(maintainer)) && !UserName.TryParse(UsernameOf(maintainer), out _, out _)).ShouldBeEmpty("a plain name was refused");
        second.Where(answer => answer.Status == HttpStatusCode.Created).ShouldBeEmpty();
        first.Concat(second).Where(answer => (int)answer.Status >= 500).ShouldBeEmpty();
        ShouldBeRefusedForGoodReasonOnly(first, second);
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    private static string UsernameOf(Maintainer maintainer) => maintainer.Name.Replace(' ', '.');

    /// <summary>
    /// Letters of one direction with their marks, none of which stands for others, and digits and signs of ASCII: by the runtime's categories, which share
    /// nothing with our tables.
    /// </summary>
    private static bool IsPlain(string username)
        => username.IsNormalized(NormalizationForm.FormKC)
            && !(username.Any(IsRightToLeft) && username.Any(unit => char.IsLetter(unit) && !IsRightToLeft(unit)))
            && username.EnumerateRunes().All(rune => rune.Value is > 0x20 and < 0x7F and not '@' || Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark);

    /// <summary>Hebrew to Arabic Extended, and the presentation forms.</summary>
    private static bool IsRightToLeft(char unit) => unit is (>= '\u0590' and <= '\u08FF') or (>= '\uFB1D' and <= '\uFEFC');

    /// <summary>An address is refused only when somebody has it, a username only when somebody has it or PRECIS disallows it.</summary>
    private static void ShouldBeRefusedForGoodReasonOnly(IReadOnlyList<Answer> first, IReadOnlyList<Answer> second)
    {
        var created = first.Where(answer => answer.Status == HttpStatusCode.Created).ToList();
        var emails = created.Select(answer => answer.EmailKey).ToList();
        var usernames = created.Select(answer => answer.UsernameKey).OfType<string>().ToList();
        emails.Distinct().Count().ShouldBe(emails.Count);
        usernames.Distinct().Count().ShouldBe(usernames.Count);
        var emailSet = emails.ToHashSet();
        var usernameSet = usernames.ToHashSet();
        foreach (var answer in first.Where(answer => answer.Status != HttpStatusCode.Created))
        {
            // What was free at that moment may have been taken since; what was named as taken must be.
            answer.Status.ShouldBe(HttpStatusCode.Conflict);
            answer.Fields.ShouldNotBeEmpty();
            answer.Fields.ShouldBeSubsetOf(TakenFields(answer));
        }

        foreach (var answer in second)
        {
            answer.Status.ShouldBe(HttpStatusCode.Conflict);
            answer.Fields.Order().ShouldBe(TakenFields(answer));
        }

        List<string> TakenFields(Answer answer) =>
        [
            .. emailSet.Contains(answer.EmailKey) ? new[] { "email" } : [],
            .. answer.UsernameKey is not null && usernameSet.Contains(answer.UsernameKey) ? new[] { "username" } : [],
        ];
    }

    private static async Task<IReadOnlyList<Answer>> SignUpAllAsync(HttpClient client, IReadOnlyList<Maintainer> maintainers)
    {
        var answers = new ConcurrentBag<Answer>();
        await Parallel.ForEachAsync(
            maintainers,
            new ParallelOptions { MaxDegreeOfParallelism = Clients },
            async (maintainer, cancellation) =>
            {
                // A username has no blanks; who has a name that PRECIS disallows signs up without one.
                var username = UsernameOf(maintainer);
                var usernameKey = UserName.TryParse(username, out var parsed, out _) ? parsed.Key : null;
                EmailAddress.TryParse(maintainer.Address, out var email, out _).ShouldBeTrue("a real address was refused");
                var body = new JsonObject { ["email"] = maintainer.Address, ["firstName"] = maintainer.Name, ["password"] = "correct horse battery" };
                if (usernameKey is not null)
                {
                    body["username"] = username;
                }

                using var response = await client.PostAsJsonAsync("/api/v1/sign-ups", body, cancellation);
                var problem = await response.Content.ReadFromJsonAsync<JsonObject>(cancellation);
                answers.Add(new Answer(response.StatusCode, email!.Key, usernameKey, [.. (problem?["errors"] as JsonObject ?? []).Select(error => error.Key)]));
            });
        return [.. answers];
    }

    private static async Task<SelfsameServer> StartAsync(string folder)
    {
        var server = await SelfsameServer.CreateAsync(
            new ServerOptions
            {
                Urls = ["http://127.0.0.1:0"],
                DataFolder = folder,
                Passwords = new PlainPasswordHashing(),
                Tenants = [new TenantSettings { Name = "main", SignUpLimit = new RateLimit("sign-up", 0, TimeSpan.FromHours(1)), SignUpAttemptLimit = new RateLimit("sign-up-attempts", 0, TimeSpan.FromHours(1)) }],
            },
            CancellationToken.None);
        await server.StartAsync(CancellationToken.None);
        return server;
    }

    private static Task<List<Shared>> CountSharedAsync(SelfsameServer server)
        => server.Context.Database.ReadAsync(transaction => transaction.QueryAsync<Shared>(
            """
            SELECT space, count(*) AS keys, sum(users) AS users
            FROM (SELECT space, key, count(*) AS users FROM lookalikes GROUP BY space, key HAVING count(*) > 1) shared
            GROUP BY space ORDER BY space
            """));

    private static void Report(IReadOnlyList<Maintainer> maintainers, IReadOnlyList<Answer> first, IReadOnlyList<Answer> second, List<Shared> shared)
    {
        var names = maintainers.Select(maintainer => maintainer.Name).Distinct().Count();
        var addresses = maintainers.Select(maintainer => maintainer.Address).Distinct().Count();
        string[] lines =
        [
            $"sign-up: {maintainers.Count} spellings of {names} names and {addresses} addresses",
            $"first pass, twice each: {first.Count(answer => answer.Status == HttpStatusCode.Created)} users, "
                + $"{first.Count(answer => answer.Status == HttpStatusCode.Conflict)} conflicts; second pass: {second.Count(answer => answer.Status == HttpStatusCode.Created)} users",
            $"without a username, because PRECIS disallows the name: {second.Count(answer => answer.UsernameKey is null)}",
            .. new[] { "mailbox", "skeleton" }.Select(space => shared.Find(row => row.Space == space) is { } row
                ? $"{row.Users} users share {row.Keys} {space} keys"
                : $"0 users share a {space} key"),
        ];
        Figures.Add(lines);
    }

    private sealed record Answer(HttpStatusCode Status, string EmailKey, string? UsernameKey, IReadOnlyList<string> Fields);

    private sealed class Shared
    {
        public string Space { get; init; } = "";

        public long Keys { get; init; }

        public long Users { get; init; }
    }
}
