using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

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
        bench.Target.Mailing = new Refused("It has no e-mail address.");

        var report = await bench.ApplyAsync(await bench.PlanAsync(), notify: true);

        report.Applied.ShouldBe(1);
        report.Unverified.Single().Message.ShouldContain("no e-mail address");
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

    private static Bench With(string hash, ReconcileRule? rule = null, SystemFacts? facts = null, string? into = "password_hash")
    {
        var target = Bench.People with { PasswordHash = into };
        var bench = new Bench(rule, people: Bench.People with { PasswordHash = "password" }, app: target)
        {
            Target = new InMemorySystem(target) { Facts = facts ?? TakesGoodHashes },
        };
        Put(bench, hash);
        return bench;
    }

    private static void Put(Bench bench, string hash) => bench.Source.Put([.. Bench.Person("1", "ann"), ("password", hash)]);
}
