using FsCheck;
using FsCheck.Fluent;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>What must hold for every pair of stores, however damaged.</summary>
public sealed class ReconciliationProperties
{
    private static readonly string[] Names = ["ann", "Ann", "ANN", "bob", "Bob", "cy", "two words", "dé", "de\u0301", "", " ", "bob ", "\uFF23y"];
    private static readonly string[] Emails = ["a@example.org", "A@Example.org", "b@example.org", "c@bücher.example", "c@xn--bcher-kva.example", "no address", "", " ", "b@example.org "];

    private sealed record Row(int Id, string? Username, string? Email, bool Verified, string? Name);

    private sealed record Stores(IReadOnlyList<Row> Source, IReadOnlyList<Row> Target)
    {
        public override string ToString() => $"source: {string.Join(", ", Source)}; target: {string.Join(", ", Target)}";
    }

    [Fact]
    public void Planning_twice_gives_the_same_plan_whatever_the_order_of_the_reads() => Hold(async stores =>
    {
        var plan = PlanJson.Write(await Build(stores).PlanAsync());
        var turned = new Stores([.. stores.Source.Reverse()], [.. stores.Target.Reverse()]);
        return plan == PlanJson.Write(await Build(stores).PlanAsync()) && plan == PlanJson.Write(await Build(turned).PlanAsync());
    });

    [Fact]
    public void Apply_then_undo_is_identity() => Hold(async stores =>
    {
        var bench = Build(stores);
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        await bench.ApplyAsync(undo);
        var again = await bench.PlanUndoAsync(plan.Id, 3);
        return undo.NotPlanned.Count == 0 && bench.Target.Snapshot.SequenceEqual(before) && again.Changes.Count + again.NotPlanned.Count == 0;
    });

    [Fact]
    public void What_an_applied_plan_said_it_clears_is_clear() => Hold(async stores =>
    {
        var bench = Build(stores);
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        var again = await bench.PlanAsync(2);
        return again.Changes.All(change => !plan.Changes.Any(made => made.Account.Equals(change.Account) && made.Action == change.Action));
    });

    [Fact]
    public void No_plan_makes_two_accounts_with_one_key() => Hold(async stores =>
    {
        var bench = Build(stores);
        var before = Duplicates(await bench.AuditAsync());
        await bench.ApplyAsync(await bench.PlanAsync());
        return Duplicates(await bench.AuditAsync()).IsSubsetOf(before);
    });

    [Fact]
    public void Between_systems_of_other_types_all_that_is_sent_is_taken_seen_as_planned_done_and_can_be_taken_back() => Hold(async stores =>
    {
        var bench = BuildTyped(stores);
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        var report = await bench.ApplyAsync(plan);
        var again = await bench.PlanAsync(2);
        var undo = await bench.PlanUndoAsync(plan.Id, 3);
        await bench.ApplyAsync(undo);
        return report.Refused.Count + report.Skipped.Count + report.Unverified.Count == 0
            && again.Changes.All(change => !plan.Changes.Any(made => made.Account.Equals(change.Account) && made.Action == change.Action))
            && plan.Changes.All(change => change.After.All(pair => TakesTyped(pair.Key, pair.Value)))
            && plan.NotPlanned.Where(left => left.Because.Contains("3 characters", StringComparison.Ordinal)).All(left => left.Because.Contains("people has 'Christopher'", StringComparison.Ordinal))
            && undo.NotPlanned.Count == 0 && bench.Target.Snapshot.SequenceEqual(before);
    });

    [Fact]
    public void Every_account_stands_in_exactly_one_place_of_a_correlation() => Hold(stores =>
    {
        var sources = stores.Source.Select(Keyed).ToArray();
        var targets = stores.Target.Select(Keyed).ToArray();
        var correlation = Correlator.Correlate(Bench.Repairing, sources, targets);
        var open = correlation.Links.Select(link => link.Source).Concat(correlation.OnlyInSource).ToList();
        var inSets = correlation.Ambiguous.SelectMany(set => set.Sources).Distinct(ReferenceEqualityComparer.Instance).Count();
        return Task.FromResult(open.Distinct(ReferenceEqualityComparer.Instance).Count() == open.Count && open.Count <= sources.Length && open.Count + inSets >= sources.Length);
    });

    private static HashSet<string> Duplicates(AuditResult audit)
        => [.. audit.Findings.Where(finding => finding is { Situation: Situation.Duplicate, System: "app" }).Select(finding => $"{finding.Evidence[0].Rule} {finding.Evidence[0].Key}")];

    private static void Hold(Func<Stores, Task<bool>> property)
    {
        var row = from id in Gen.Choose(1, 12)
                  from username in Gen.Elements([null, .. Names])
                  from email in Gen.Elements([null, .. Emails])
                  from verified in Gen.Elements(true, true, false)
                  from name in Gen.Elements(null, "Ann", "Bob", "Christopher")
                  select new Row(id, username, email, verified, name);
        var rows = Gen.Resize(Gen.ListOf(row), 8).Select(list => (IReadOnlyList<Row>)[.. list.DistinctBy(entry => entry.Id)]);
        var stores = from source in rows from target in rows select new Stores(source, target);
        Prop.ForAll(Arb.From(stores), each => property(each).GetAwaiter().GetResult()).QuickCheckThrowOnFailure();
    }

    private static KeyedAccount Keyed(Row row) => Bench.Keyed(Fields(row));

    private static (string, object?)[] Fields(Row row) => Bench.Person($"{row.Id}", row.Username, row.Email, row.Verified, row.Name);

    /// <summary>A target that holds marks as an instant and as a word, and a name as a type of its own of three characters.</summary>
    private static Bench BuildTyped(Stores stores)
    {
        var bench = new Bench
        {
            Target = new InMemorySystem(Bench.People)
            {
                Facts = new SystemFacts { TakesChosenId = true, AtomicPreconditions = true, Spelling = SpellTyped },
                Takes = TakesTyped,
            },
        };
        foreach (var row in stores.Source)
        {
            bench.Source.Put(Fields(row));
        }

        foreach (var row in stores.Target)
        {
            bench.Target.Put(new Fields([
                new("id", FieldValue.Text($"{row.Id}")), new("username", FieldValue.From(row.Username)), new("email", FieldValue.From(row.Email)),
                new("verified", row.Verified ? FieldValue.Native("instant", "2020-01-01") : FieldValue.Null), new("active", FieldValue.Text(row.Verified ? "yes" : "no")),
                new("name", row.Name is { Length: 3 } name ? FieldValue.Native("name", name) : FieldValue.Null), new("seen", FieldValue.Integer(0))]));
        }

        return bench;
    }

    private static Spelled SpellTyped(ForeignValue foreign) => foreign.Field switch
    {
        "verified" or "active" when !foreign.Present.IsNull && foreign.Present.IsTruthy == foreign.Value.IsTruthy => foreign.Present,
        "verified" => foreign.Value.IsTruthy ? FieldValue.Native("instant", $"{foreign.Now:yyyy-MM-dd}") : FieldValue.Null,
        "active" => FieldValue.Text(foreign.Value.IsTruthy ? "yes" : "no"),
        "name" when foreign.Value.AsText is { } text => text.Length <= 3 ? FieldValue.Native("name", text) : Spelled.Not("takes 3 characters at most"),
        _ => foreign.Value,
    };

    private static bool TakesTyped(string field, FieldValue value) => field switch
    {
        "verified" => value.IsNull || value.AsNative is { Type: "instant" },
        "active" => value.AsText is "yes" or "no",
        "name" => value.IsNull || value.AsNative is { Type: "name", Text.Length: <= 3 },
        _ => true,
    };

    private static Bench Build(Stores stores)
    {
        var bench = new Bench();
        foreach (var row in stores.Source)
        {
            bench.Source.Put(Fields(row));
        }

        foreach (var row in stores.Target)
        {
            bench.Target.Put(Fields(row));
        }

        return bench;
    }
}
