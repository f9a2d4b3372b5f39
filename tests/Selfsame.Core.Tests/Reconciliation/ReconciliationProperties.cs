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
    public void Audit_after_apply_is_clean_of_all_that_the_plan_did_not_leave_to_a_person() => HoldRepaired(async bench =>
    {
        var found = (await bench.AuditAsync()).Findings;
        var plan = await bench.PlanAsync();
        // Of another kind by then, maybe: whose id was freed by the plan is no longer ambiguous, but missing.
        var leftToPersons = found.Where(finding => plan.NotPlanned.Any(left => left.Finding == finding.Kind && left.System == finding.System && left.Sentence == finding.Sentence))
            .SelectMany(finding => finding.Accounts).Select(account => (account.System, account.Id)).ToHashSet();
        var report = await bench.ApplyAsync(plan);
        var rest = (await bench.AuditAsync()).Findings;
        return report.IsComplete && rest.All(finding => finding.Accounts.Any(account => leftToPersons.Contains((account.System, account.Id))));
    });

    [Fact]
    public void A_few_plans_end_where_nothing_is_left_that_a_plan_can_clear() => HoldRepaired(async bench =>
    {
        for (var round = 1; round <= 12; round++)
        {
            var plan = await bench.PlanAsync(round);
            if (plan.Changes.Count == 0)
            {
                return plan.NotPlanned.Count >= (await bench.AuditAsync()).Findings.Count;
            }

            await bench.ApplyAsync(plan);
        }

        return false;
    });

    [Fact]
    public void No_reference_is_lost_to_a_new_id_a_deletion_or_an_update_even_with_a_writer() => HoldRepaired(async bench =>
    {
        var owners = Owners(bench);
        var plan = await bench.PlanAsync();
        var rekeyed = plan.Changes.Where(change => change.Action == ChangeAction.Rekey).Select(change => change.Account.ToString()).FirstOrDefault();
        bench.Target.BeforeWritingTogether = () =>
        {
            if (rekeyed is not null)
            {
                bench.Target.Refer("printers", ["id"], ("id", "late"), ("owner", rekeyed));
            }
        };
        var late = rekeyed is null ? null : bench.Target.Rows[new AccountId(rekeyed)]["mark"].AsText;
        await bench.ApplyAsync(plan);
        var now = Owners(bench);
        return owners.All(pair => now.GetValueOrDefault(pair.Key) == pair.Value) && now.GetValueOrDefault("printers late") == late;
    });

    [Fact]
    public void Where_accounts_are_numbered_apply_then_undo_is_identity_and_no_second_plan_makes_anybody_twice() => Hold(async stores =>
    {
        var bench = Build(stores, Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Email), new CorrelationRule(IdentifierKind.Username)] }, new SystemFacts { TakesChosenId = false, GivesNumbers = true, AtomicPreconditions = true });
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        var report = await bench.ApplyAsync(plan);
        var again = await bench.PlanAsync(2);
        var undo = await bench.PlanUndoAsync(plan.Id, 3);
        await bench.ApplyAsync(undo);
        return report.IsComplete && again.Changes.All(change => change.MadeOf is not { } made || !plan.Changes.Any(first => first.MadeOf == made))
            && undo.NotPlanned.Count == 0 && bench.Target.Snapshot.SequenceEqual(before);
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

    /// <summary>Two stores of one person a row or none, under ids that may be wrong or each other's, with printers that only the config knows of, memberships and notes.</summary>
    private static void HoldRepaired(Func<Bench, Task<bool>> property)
    {
        var person = from id in Gen.Choose(1, 6) from there in Gen.Choose(0, 2) from name in Gen.Elements(null, "Ann", "Bob") select (id, there, name);
        var worlds = from people in Gen.Resize(Gen.ListOf(person), 6)
                     from shift in Gen.Choose(0, 5)
                     from shuffled in Gen.Elements(true, false)
                     from orphan in Gen.Elements(OrphanAction.DeleteInTarget, OrphanAction.DisableInTarget, OrphanAction.CreateInSource)
                     from things in Gen.Resize(Gen.ListOf(from kind in Gen.Choose(0, 2) from owner in Gen.Choose(0, 5) from thing in Gen.Choose(0, 2) select (kind, owner, thing)), 8)
                     select (People: (IReadOnlyList<(int Id, int There, string? Name)>)[.. people.DistinctBy(one => one.id)], Shift: shift, Shuffled: shuffled, Orphan: orphan, Things: things.ToList());
        Prop.ForAll(Arb.From(worlds), world => property(BuildRepaired(world.People, world.Shift, world.Shuffled, world.Orphan, world.Things)).GetAwaiter().GetResult()).QuickCheckThrowOnFailure();
    }

    private static Bench BuildRepaired(
        IReadOnlyList<(int Id, int There, string? Name)> people, int shift, bool shuffled, OrphanAction orphan, IReadOnlyList<(int Kind, int Owner, int Thing)> things)
    {
        var rule = Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Email), CorrelationRule.ById], IdMismatch = IdMismatchAction.RekeyTarget, Orphan = orphan };
        var plain = new Bench(rule).Topology;
        var references = new[] { new ReferencePlace { Table = "printers", Fields = ["owner"], AccountFields = ["id"] }, new ReferencePlace { Table = "notes", Fields = ["author"], AccountFields = ["username"] } };
        var bench = new Bench(rule)
        {
            Topology = plain with { Systems = new Dictionary<string, SystemConfig> { ["people"] = plain.Systems["people"], ["app"] = plain.Systems["app"] with { References = references } } },
        };
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "members", Fields = ["user"], AccountFields = ["id"], UniqueSets = [["user", "club"]], Enforced = true });
        var targets = people.Where(one => one.There != 1).ToList();
        foreach (var (id, _, name) in people.Where(one => one.There != 2))
        {
            bench.Source.Put(Bench.Person($"{id}", $"name{id}", $"name{id}@example.org", name: name));
        }

        foreach (var (index, (id, there, name)) in targets.Index())
        {
            // An orphan's id is nobody's of the source.
            var wrong = shuffled ? targets[(index + shift) % targets.Count].Id : id + new[] { 0, 10, 1, -1 }[shift % 4];
            bench.Target.Put([.. Bench.Person($"{(there == 2 && !shuffled ? id + 20 : wrong)}", $"name{id}", $"name{id}@example.org", name: id % 2 == 0 ? name : null), ("mark", $"{id}")]);
        }

        foreach (var (kind, owner, thing) in targets.Count == 0 ? [] : things)
        {
            var row = bench.Target.Rows.OrderBy(pair => pair.Key, AccountId.Order).ElementAt(owner % targets.Count).Value;
            switch (kind)
            {
                case 0: bench.Target.Refer("printers", ["id"], ("id", $"p{thing}"), ("owner", row["id"].AsText)); break;
                // The database itself keeps who is a member from being deleted; these tables do not.
                case 1 when orphan == OrphanAction.DeleteInTarget && row["username"].AsText is { } name && !bench.Source.Rows.Values.Any(of => of["username"].AsText == name): break;
                case 1: bench.Target.Refer("members", ["user", "club"], ("user", row["id"].AsText), ("club", $"c{thing}"), ("of", row["mark"].AsText)); break;
                default: bench.Target.Refer("notes", ["id"], ("id", $"n{thing}"), ("author", row["username"].AsText)); break;
            }
        }

        return bench;
    }

    /// <summary>Whose each thing is, by the mark that its account keeps under any id; a membership is told by whose it was made.</summary>
    private static Dictionary<string, string?> Owners(Bench bench)
    {
        string? Mark(string field, string? value) => bench.Target.Rows.Values.SingleOrDefault(row => row[field].AsText == value)?.ValueOrNull("mark").AsText;
        return bench.Target.Table("printers").Select(row => ($"printers {row["id"]}", Mark("id", row["owner"].AsText)))
            .Concat(bench.Target.Table("members").Select(row => ($"members {row["club"]} {row["of"]}", Mark("id", row["user"].AsText))))
            .Concat(bench.Target.Table("notes").Select(row => ($"notes {row["id"]}", Mark("username", row["author"].AsText))))
            .ToDictionary(pair => pair.Item1, pair => pair.Item2);
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

    private static Bench Build(Stores stores, ReconcileRule? rule = null, SystemFacts? facts = null)
    {
        var bench = facts is null ? new Bench(rule) : new Bench(rule) { Target = new InMemorySystem(Bench.People) { Facts = facts } };
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
