using Selfsame.Core.Accounts;
using Selfsame.Testing.Supabase;

namespace Selfsame.Contract.Tests.Connectors.Supabase;

/// <summary>What the network, the gateway and other people do while we read and write.</summary>
[Trait("needs", "postgresql")]
public sealed class SupabaseFaultTests : SupabaseProject
{
    // supabase/auth#2675: of two creations at once the loser gets a raw 500.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_many_creations_at_once_one_is_done_and_no_other_claims_to_be(bool newErrorBodies)
    {
        Server.NewErrorBodies = newErrorBodies;
        Server.Latency = TimeSpan.FromMilliseconds(200);

        var outcomes = await Task.WhenAll(Enumerable.Range(1, 8).Select(number => CreateAsync(number, "ann@example.org")));

        outcomes.Count(outcome => outcome is Done).ShouldBe(1);
        outcomes.Count(outcome => newErrorBodies ? outcome is Unknown or AlreadyExists : outcome is AlreadyExists { Fields: ["email"] }).ShouldBe(7);
        (await ReadEverybodyAsync()).Accounts.Count.ShouldBe(1);
    }

    // RFC 8259, section 8.2: a JSON string may hold half of a surrogate pair.
    [Fact]
    public async Task A_user_whose_address_holds_half_a_character_is_unreadable_and_named_and_nobody_else_is()
    {
        await FillAsync(3);
        await SqlAsync($"UPDATE auth.users SET email = '{HalfCharacters.Place}@example.org' WHERE email = 'user2@example.org'");
        await using var system = Open(handler: new HalfCharacters());

        var everybody = await system.ReadEverythingAsync("auth", null, CancellationToken.None);
        everybody.Accounts.Select(account => account.Id).ShouldBe([Id(1), Id(3)], ignoreOrder: true);
        everybody.Unreadable.ShouldBe([new UnreadableRecord($"user {Id(2)}", "it holds half of a surrogate pair, which is no text.")]);
        var thrown = await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadFreshAsync("auth", [Id(2)], CancellationToken.None));
        (thrown.Answered, thrown.Unforeseen).ShouldBe((true, null));
        thrown.Message.ShouldBe($"'auth' told about {Id(2)}, and it holds half of a surrogate pair, which is no text. Correct it there.");
        (await Should.ThrowAsync<SystemUnavailableException>(() => system.FindAsync(
            new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.Phone] = ["+491711234567"] }, CancellationToken.None))).Message.ShouldContain($"{Id(2)}");
        (await system.ReadFreshAsync("auth", [Id(1), Id(3)], CancellationToken.None)).Count.ShouldBe(2);
        (await system.UpdateAsync(Id(2), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unavailable>().Message.ShouldContain("surrogate");
    }

    [Fact]
    public async Task A_lost_answer_is_unknown_and_a_look_by_the_chosen_id_finds_what_became_of_it()
    {
        Server.FailNext("POST", SupabaseFault.DropAfter, SupabaseFault.DropBefore);

        (await CreateAsync(1, "ann@example.org")).ShouldBeOfType<Unknown>().Message.ShouldContain("broke the connection off");
        (await CreateAsync(2, "bob@example.org")).ShouldBeOfType<Unknown>().Message.ShouldContain("broke the connection off");

        (await ReadAsync(1)).ShouldNotBeNull().Label.ShouldBe("ann@example.org");
        (await ReadAsync(2)).ShouldBeNull();
        Server.FailNext("DELETE", SupabaseFault.DropAfter);
        (await System.DeleteAsync(Id(1), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unknown>();
        (await ReadAsync(1)).ShouldBeNull();
    }

    [Fact]
    public async Task A_gateway_that_gives_up_leaves_a_change_unknown_and_a_read_unavailable()
    {
        await CreateAsync(1, "ann@example.org");
        Server.FailNext("POST", SupabaseFault.Gateway);
        Server.FailNext("PUT", SupabaseFault.Gateway);
        Server.FailNext("GET", SupabaseFault.Gateway, SupabaseFault.Gateway);

        (await CreateAsync(2, "bob@example.org")).ShouldBeOfType<Unknown>();
        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("503");
        (await System.UpdateAsync(Id(1), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unavailable>();
        (await System.UpdateAsync(Id(1), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unknown>();
    }

    [Fact]
    public async Task Too_many_requests_are_told_to_who_writes_and_waited_out_by_who_reads()
    {
        await CreateAsync(1, "ann@example.org");
        Server.FailNext("POST", SupabaseFault.TooMany);
        Server.FailNext("GET", SupabaseFault.TooMany);

        (await CreateAsync(2, "bob@example.org")).ShouldBe(new Throttled(TimeSpan.FromSeconds(1)));
        (await ReadEverybodyAsync()).Accounts.Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_service_waits_no_long_time_in_place_and_is_told_how_long_to_leave_it_alone()
    {
        await CreateAsync(1, "ann@example.org");
        await using var system = Open(patience: Patience.OfService);
        Server.RetryAfter = TimeSpan.FromSeconds(50);
        Server.FailNext("GET", SupabaseFault.TooMany);

        (await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadFreshAsync("auth", [Id(1)], CancellationToken.None))).RetryAfter.ShouldBe(TimeSpan.FromSeconds(50));
        var requests = Server.Requests.Count;

        (await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None))).RetryAfter!.Value.ShouldBeGreaterThan(TimeSpan.FromSeconds(20));
        (await system.DeleteAsync(Id(1), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Throttled>();
        Server.Requests.Count.ShouldBe(requests);
    }

    [Fact]
    public async Task A_wrong_key_says_what_to_correct_and_stands_in_no_message()
    {
        const string anon = "anon-key-that-is-a-secret-too";
        await using var system = Open(key: anon);

        var refused = (await system.CreateAsync(Id(1), Of(("id", Id(1).ToString()), ("email", "ann@example.org")), CancellationToken.None)).ShouldBeOfType<Refused>();
        var unread = await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None));

        var probes = await system.ProbeAsync(CancellationToken.None);

        probes.ShouldAllBe(probe => probe.Answer == ProbeAnswer.No);
        (await System.ProbeAsync(CancellationToken.None)).ShouldAllBe(probe => probe.Answer == ProbeAnswer.Yes);
        foreach (var message in new[] { refused.Message, unread.Message, probes[0].WhatToDo })
        {
            message.ShouldContain("serviceRoleKey");
            message.ShouldNotContain(anon);
        }
    }

    [Fact]
    public async Task A_server_that_is_not_there_or_is_none_of_Supabase_is_told_apart()
    {
        await using var none = Open("http://127.0.0.1:9");
        await using var other = Open(Server.Url + "/elsewhere");

        (await none.CreateAsync(Id(1), Of(("id", Id(1).ToString()), ("email", "ann@example.org")), CancellationToken.None)).ShouldBeOfType<Unavailable>().Message.ShouldContain("'url'");
        (await Should.ThrowAsync<SystemUnavailableException>(() => none.DescribeAsync(CancellationToken.None))).Message.ShouldContain("127.0.0.1:9");
        (await Should.ThrowAsync<SystemUnavailableException>(() => other.ReadByIdAsync([Id(1)], CancellationToken.None))).Message.ShouldContain("no admin API");
        Should.Throw<SystemUnavailableException>(() => Open("project.supabase.co")).Message.ShouldContain("https://PROJECT.supabase.co");
        Should.Throw<SystemUnavailableException>(() => Open(key: "two lines\n")).Message.ShouldContain("serviceRoleKey");
    }

    // CASES 20: who is deleted during the read moves another user past it (Atlassian CWD-6330).
    [Fact]
    public async Task Who_is_deleted_while_pages_are_read_hides_nobody()
    {
        await FillAsync(1200);
        var deleted = false;
        Server.BeforePage = async page =>
        {
            if (page == 2 && !deleted)
            {
                deleted = true;
                await SqlAsync("DELETE FROM auth.users WHERE email = 'user7@example.org'");
            }
        };

        var accounts = (await ReadEverybodyAsync()).Accounts;

        accounts.Select(account => account.Id).ShouldBe(Enumerable.Range(1, 1200).Where(number => number != 7).Select(Id));
    }

    [Fact]
    public async Task A_sign_up_that_makes_up_for_a_deletion_while_pages_are_read_hides_nobody()
    {
        await FillAsync(1200);
        var changed = false;
        Server.BeforePage = async page =>
        {
            if (page == 2 && !changed)
            {
                changed = true;
                await SqlAsync("DELETE FROM auth.users WHERE email = 'user7@example.org'");
                await CreateAsync(2000, "late@example.org");
            }
        };

        var accounts = (await ReadEverybodyAsync()).Accounts;

        accounts.Select(account => account.Id).ShouldBe([.. Enumerable.Range(1, 1200).Where(number => number != 7).Select(Id), Id(2000)]);
    }

    [Fact]
    public async Task Who_signs_up_while_pages_are_read_is_added_at_the_end()
    {
        await FillAsync(1000);
        Server.BeforePage = page => page == 2 ? CreateAsync(2000, "late@example.org") : Task.CompletedTask;

        (await ReadEverybodyAsync()).Accounts[^1].Label.ShouldBe("late@example.org");

        Server.Requests.Count(request => request.StartsWith("GET", StringComparison.Ordinal)).ShouldBe(4);
    }

    // An import gives everybody one instant, and nothing says in which order a page has them.
    [Theory]
    [InlineData(1, 700, 1300)]
    [InlineData(499, 501, 1300)]
    [InlineData(300, 1900, 1900)]
    [InlineData(1, 1900, 1900)]
    public async Task Users_of_one_instant_are_all_read_in_whatever_order_each_page_has_them(int first, int last, int count)
    {
        await FillAsync(count);
        await SqlAsync($"UPDATE auth.users SET created_at = timestamptz '2026-01-01' + {first} * interval '1 second' WHERE created_at BETWEEN timestamptz '2026-01-01' + {first} * interval '1 second' AND timestamptz '2026-01-01' + {last} * interval '1 second'");

        var everybody = await ReadEverybodyAsync();

        everybody.Accounts.Select(account => account.Id.ToString()).Order(StringComparer.Ordinal).ShouldBe(Enumerable.Range(1, count).Select(number => Id(number).ToString()));
        Server.Requests.Count.ShouldBeLessThan(12);
    }

    [Fact]
    public async Task Who_is_deleted_while_pages_of_one_instant_are_read_hides_nobody()
    {
        await FillAsync(1300);
        await SqlAsync("UPDATE auth.users SET created_at = timestamptz '2026-01-02' WHERE created_at > timestamptz '2026-01-01' + 100 * interval '1 second'");
        var requests = 0;
        Server.BeforePage = async _ =>
        {
            if (++requests == 3)
            {
                await SqlAsync("DELETE FROM auth.users WHERE email = 'user7@example.org'");
                await CreateAsync(2000, "late@example.org");
            }
        };

        (await ReadEverybodyAsync()).Accounts.Select(account => account.Id.ToString()).Order(StringComparer.Ordinal)
            .ShouldBe(Enumerable.Range(1, 1300).Where(number => number != 7).Append(2000).Select(number => Id(number).ToString()));
    }

    [Fact]
    public async Task More_users_of_one_instant_than_a_page_can_hold_are_a_read_that_failed_and_says_why()
    {
        await FillAsync(17_000);
        await SqlAsync("UPDATE auth.users SET created_at = timestamptz '2026-01-02'");

        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("UPDATE auth.users SET created_at");
    }

    [Fact]
    public async Task A_list_that_never_stands_still_is_a_read_that_failed()
    {
        await FillAsync(1200);
        var next = 1;
        Server.BeforePage = page => page == 2 ? SqlAsync($"DELETE FROM auth.users WHERE email = 'user{next++}@example.org'") : Task.CompletedTask;

        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("ended early");

        next.ShouldBe(4);
    }

    // CASES 14: a failing trigger gives an opaque 500 (supabase/supabase#563, #2761).
    [Fact]
    public async Task A_trigger_that_fails_is_named_as_the_reason()
    {
        await SqlAsync(
            """
            CREATE FUNCTION auth.fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no profile for you''; END';
            CREATE TRIGGER fail BEFORE INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION auth.fail()
            """);

        var message = (await CreateAsync(1, "ann@example.org")).ShouldBeOfType<Refused>().Message;

        message.ShouldContain("no profile for you");
        message.ShouldContain("trigger");
    }

    [Fact]
    public async Task A_version_that_overlooks_the_chosen_id_leaves_no_stray_user()
    {
        Server.OverlooksIds = true;

        (await CreateAsync(1, "ann@example.org")).ShouldBeOfType<Refused>().Message.ShouldContain("deleted again");

        (await ReadEverybodyAsync()).Accounts.ShouldBeEmpty();
    }
}
