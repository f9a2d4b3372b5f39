using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>By which password people sign in to accounts that a plan creates.</summary>
public sealed class CarriedPasswordTests
{
    private const string Hash = "good$hash-of-ann";

    private static readonly SystemFacts TakesGoodHashes = new()
    {
        TakesChosenId = true,
        AtomicPreconditions = true,
        PasswordHashes = new PasswordHashRules { Formats = "good ones", Takes = hash => hash.StartsWith("good$", StringComparison.Ordinal), Without = "Nobody knows its password." },
    };

    [Fact]
    public async Task An_account_that_is_created_carries_the_hash_and_the_plan_holds_its_digest_only()
    {
        var bench = With(Hash);

        var plan = await bench.PlanAsync();
        PlanJson.Write(plan).ShouldNotContain(Hash);
        var change = plan.Changes.Single();
        change.PasswordFrom.ShouldNotBeNull().Digest.IsDigest.ShouldBeTrue();
        change.After.ContainsKey("password_hash").ShouldBeFalse();
        change.Effects.ShouldBeEmpty();
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        bench.Target.Rows.Values.Single()["password_hash"].ShouldBe(FieldValue.Text(Hash));
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_plan_that_was_written_and_read_again_still_carries_it()
    {
        var bench = With(Hash);

        var (plan, problem) = PlanJson.Read(PlanJson.Write(await bench.PlanAsync()));
        problem.ShouldBeNull();
        await bench.ApplyAsync(plan!);

        bench.Target.Rows.Values.Single()["password_hash"].ShouldBe(FieldValue.Text(Hash));
    }

    [Fact]
    public async Task A_password_that_changed_since_the_plan_skips_that_creation_and_says_so()
    {
        var bench = With(Hash);
        var plan = await bench.PlanAsync();
        Put(bench, "good$another");

        (await bench.ApplyAsync(plan)).Skipped.Single().Message.ShouldContain("password in people changed");

        bench.Target.Rows.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_hash_in_another_form_is_not_carried_and_the_plan_says_so()
    {
        var bench = With("bad$hash");

        var plan = await bench.PlanAsync();
        var change = plan.Changes.Single();
        change.PasswordFrom.ShouldBeNull();
        change.Effects.Single().ShouldBe("Its password's hash in people has none of the forms that app takes (good ones). Nobody knows its password.");
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        bench.Target.Rows.Values.Single().ContainsKey("password_hash").ShouldBeFalse();
        bench.Target.Mailed.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_table_takes_any_hash_where_the_config_maps_a_field_for_it_and_none_otherwise()
    {
        var anything = TakesGoodHashes with { PasswordHashes = null };
        var bench = With("bad$hash", facts: anything);
        await bench.ApplyAsync(await bench.PlanAsync());
        bench.Target.Rows.Values.Single()["password_hash"].ShouldBe(FieldValue.Text("bad$hash"));

        var unmapped = With("bad$hash", facts: anything, into: null);
        await unmapped.ApplyAsync(await unmapped.PlanAsync());
        unmapped.Target.Rows.Values.Single().Values.ShouldNotContain(FieldValue.Text("bad$hash"));
    }

    [Fact]
    public async Task With_notify_whoever_got_no_password_is_mailed_once_and_nobody_else()
    {
        var bench = With("bad$hash");
        bench.Source.Put([.. Bench.Person("2", "bob"), ("password", Hash)]);
        var plan = await bench.PlanAsync();

        (await bench.ApplyAsync(plan, notify: true)).Notified.ShouldBe(1);
        (await bench.ApplyAsync(plan, notify: true)).Notified.ShouldBe(0);

        bench.Target.Mailed.ShouldBe(["1"]);
    }

    [Fact]
    public async Task A_mail_that_can_not_be_sent_is_told_and_the_account_stays()
    {
        var bench = With("bad$hash");
        bench.Target.Mailing = _ => new Refused("It has no e-mail address.");

        var report = await bench.ApplyAsync(await bench.PlanAsync(), notify: true);

        report.Applied.ShouldBe(1);
        report.Unverified.Single().Message.ShouldContain("no e-mail address");
    }

    // Supabase's own server takes two mails an hour.
    [Fact]
    public async Task A_mail_that_was_given_up_is_owed_until_the_same_plan_is_applied_again_and_none_that_was_taken_goes_twice()
    {
        var bench = With("bad$hash");
        bench.Source.Put([.. Bench.Person("2", "bob"), ("password", "bad$too")]);
        bench.Source.Put([.. Bench.Person("3", "cyd"), ("password", "bad$too")]);
        var plan = await bench.PlanAsync();
        var first = plan.Changes[0].Account.ToString();
        bench.Target.Mailing = id => id == first ? new Done() : new Throttled(TimeSpan.FromHours(1));

        var limited = await bench.ApplyAsync(plan, notify: true);
        (limited.Notified, limited.Applied, limited.Unverified.Count, limited.IsComplete).ShouldBe((1, 3, 2, false));
        limited.Unverified[0].Message.ShouldContain("no more mails for another 60 minutes. To ask for it again: apply the same plan with --notify");
        bench.Target.Mailed.Count.ShouldBe(2);

        bench.Target.Mailing = _ => new Done();
        (await bench.ApplyAsync(plan, notify: true)).IsComplete.ShouldBeTrue();
        (await bench.ApplyAsync(plan, notify: true)).Notified.ShouldBe(0);

        bench.Target.Mailed.Count(id => id == first).ShouldBe(1);
        bench.Target.Mailed.Distinct().Count().ShouldBe(3);
        bench.Target.Mailed.Count.ShouldBe(4);
    }

    [Fact]
    public async Task Who_was_created_without_notify_is_mailed_by_the_same_plan_with_it()
    {
        var bench = With("bad$hash");
        var plan = await bench.PlanAsync();
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        bench.Target.Mailed.ShouldBeEmpty();

        (await bench.ApplyAsync(plan, notify: true)).Notified.ShouldBe(1);
        await bench.ApplyAsync(plan, notify: true);

        bench.Target.Mailed.ShouldBe(["1"]);
    }

    [Fact]
    public async Task A_limit_of_mails_is_waited_out_within_reason()
    {
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        var bench = With("bad$hash", clock: clock);
        var plan = await FiringAsync(clock, bench.PlanAsync());
        var refusals = 7;
        bench.Target.Mailing = _ => refusals-- > 0 ? new Throttled(TimeSpan.FromSeconds(40)) : new Done();

        (await FiringAsync(clock, bench.ApplyAsync(plan, notify: true))).IsComplete.ShouldBeTrue();

        clock.Elapsed.ShouldBeInRange(TimeSpan.FromSeconds(280), TimeSpan.FromMinutes(6));
        bench.Target.Mailed.Count.ShouldBe(8);
    }

    // Without Retry-After, as GoTrue answers.
    [Fact]
    public async Task One_that_does_not_say_for_how_long_is_asked_less_and_less_often_and_not_for_ever()
    {
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        var bench = With("bad$hash", clock: clock);
        var plan = await FiringAsync(clock, bench.PlanAsync());
        bench.Target.Mailing = _ => new Throttled(TimeSpan.FromSeconds(1));

        (await FiringAsync(clock, bench.ApplyAsync(plan, notify: true))).Unverified.ShouldHaveSingleItem().Message.ShouldContain("asks for fewer mails");

        clock.Elapsed.ShouldBeLessThanOrEqualTo(TimeSpan.FromMinutes(6));
        bench.Target.Mailed.Count.ShouldBeLessThan(12);
    }

    // The first outcome is the creation's, the second the mail's.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    public async Task A_crash_beside_a_mail_sends_it_once(int outcome, int mails)
    {
        var bench = With("bad$hash");
        var plan = await bench.PlanAsync();
        await Should.ThrowAsync<Crash>(bench.ApplyAsync(plan, new CrashPoints(name => _ = name == ApplyCrashPoints.OutcomeDurable && --outcome == 0 ? throw new Crash() : 0), notify: true));
        bench.Journal.Held = false;

        (await bench.ApplyAsync(plan, notify: true)).IsComplete.ShouldBeTrue();

        bench.Target.Mailed.Count.ShouldBe(mails);
    }

    [Fact]
    public async Task A_crash_after_the_creation_leaves_nobody_without_their_mail()
    {
        var bench = With("bad$hash");
        var plan = await bench.PlanAsync();
        await Should.ThrowAsync<Crash>(bench.ApplyAsync(plan, new CrashPoints(name => _ = name == ApplyCrashPoints.ChangeLeft ? throw new Crash() : 0), notify: true));
        bench.Target.Mailed.ShouldBeEmpty();

        await bench.ApplyAsync(plan, notify: true);

        bench.Target.Mailed.ShouldBe(["1"]);
    }

    [Fact]
    public async Task A_password_is_no_difference_and_no_attribute()
    {
        var bench = With(Hash);
        bench.Target.Put([.. Bench.Person("1", "ann"), ("password_hash", "good$theirs")]);

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
        bench.Source.Mapping.ToAccount(bench.Source.Snapshot.Single())!.Attributes.Values.ShouldNotContain(FieldValue.Text(Hash));
    }

    [Fact]
    public async Task Who_has_a_number_gets_a_uuid_where_ids_are_uuids_unless_ids_are_to_be_equal()
    {
        var rule = Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Username)] };
        var facts = TakesGoodHashes with { IdsAreUuids = true };

        var plan = await With(Hash, rule, facts).PlanAsync();
        Guid.TryParseExact(plan.Changes.Single().Account.ToString(), "D", out _).ShouldBeTrue();
        plan.Changes.Single().After["id"].AsText.ShouldBe(plan.Changes.Single().Account.ToString());
        (await With(Hash, Bench.Repairing, facts).PlanAsync()).NotPlanned.Single().Because.ShouldContain("take 'id' out of 'correlate'");
    }

    private static async Task<T> FiringAsync<T>(VirtualClock clock, Task<T> work)
    {
        while (!work.IsCompleted)
        {
            clock.FireNext();
            await Task.Yield();
        }

        return await work;
    }

    private static Bench With(string hash, ReconcileRule? rule = null, SystemFacts? facts = null, string? into = "password_hash", TimeProvider? clock = null)
    {
        var target = Bench.People with { PasswordHash = into };
        var bench = new Bench(rule, clock, people: Bench.People with { PasswordHash = "password" }, app: target)
        {
            Target = new InMemorySystem(target) { Facts = facts ?? TakesGoodHashes },
        };
        Put(bench, hash);
        return bench;
    }

    private static void Put(Bench bench, string hash) => bench.Source.Put([.. Bench.Person("1", "ann"), ("password", hash)]);
}
