using FsCheck;
using FsCheck.Fluent;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>What must hold for every store full of duplicates, with and without transactions.</summary>
public sealed class MergeProperties
{
    // Two merges rarely move one row: in a hundred stores none may do so.
    private static readonly int MaximumStores = TestRun.Rounds(fast: 100, full: 500, soak: 5_000);

    private static readonly string[] Names = ["ann", "Ann", "ANN", "bob", "Bob", " bob", "cy", "Cy", "", "", " ", "de\u0301", "d\u00E9", "\uFF21nn", "eve\u0301 "];
    private static readonly string[] Emails = ["a@example.org", "A@example.org", "b@example.org", "B@Example.org", "", " "];

    // Who was invited by whom: the number of one of all people, some by themselves; null for nobody.
    private sealed record Row(int Id, string? Username, string? Email, int Created, string? Name, int? Inviter);

    private sealed record Store(IReadOnlyList<Row> People, IReadOnlyList<(int Kind, int Person, int Thing)> References, bool Transactions)
    {
        public override string ToString() => $"{string.Join(", ", People)}; {string.Join(", ", References)}; transactions {Transactions}";
    }

    [Fact]
    public void Audit_after_apply_is_clean() => Hold(async store =>
    {
        var world = Build(store);
        var report = await world.ApplyAsync(await world.PlanAsync());
        return report.IsComplete && (await world.AuditAsync()).Findings.Count == 0;
    });

    [Fact]
    public void Apply_then_undo_is_identity() => Hold(async store =>
    {
        var world = Build(store);
        var before = world.Snapshot;
        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);
        var undo = await world.PlanUndoAsync(plan.Id);
        var report = await world.ApplyAsync(undo);
        return undo.NotPlanned.Count == 0 && report.IsComplete && world.Snapshot.SequenceEqual(before);
    });

    [Fact]
    public void Planning_twice_gives_the_same_plan() => Hold(async store =>
        PlanJson.Write(await Build(store).PlanAsync()) == PlanJson.Write(await Build(store with { People = [.. store.People.Reverse()] }).PlanAsync()));

    [Fact]
    public void No_reference_is_ever_lost_even_with_a_writer() => Hold(async store =>
    {
        var world = Build(store);
        var plan = await world.PlanAsync();
        var removed = plan.Changes.SelectMany(change => change.Losers ?? []).Select(loser => loser.Account.ToString()).ToList();
        world.System.BeforeWritingTogether = () => removed.Take(1).ToList().ForEach(id => world.Owns("late", id));
        await world.ApplyAsync(plan);
        if (store.People.Count == 0)
        {
            return plan.Changes.All(change => change.Action == ChangeAction.Schema);
        }

        var names = store.People.ToDictionary(one => $"{one.Id}", one => one.Username);
        // The last to be written is what stands there.
        var references = store.References.Select(reference => (reference.Kind, reference.Thing, Holder: $"{store.People.OrderBy(one => one.Id).ElementAt(reference.Person % store.People.Count).Id}"))
            .GroupBy(reference => (reference.Kind, reference.Thing, reference.Kind == 1 ? reference.Holder : "")).Select(group => group.Last()).ToList();
        var printers = world.System.Table("printers").ToList();
        var wanted = store.References.Where(reference => reference.Kind == 0).Select(reference => reference.Thing).Distinct().Count() + (removed.Count > 0 ? 1 : 0);
        var stays = plan.Changes.SelectMany(change => (change.Losers ?? []).Select(loser => (Loser: loser.Account.ToString(), Survivor: change.Account.ToString()))).ToDictionary(pair => pair.Loser, pair => pair.Survivor);
        // Who followed another and became that one follows nobody; who followed themselves goes on so.
        var followings = Followings(store).Select(pair => (One: stays.GetValueOrDefault(pair.One, pair.One), Other: stays.GetValueOrDefault(pair.Other, pair.Other), Self: pair.One == pair.Other))
            .Where(pair => pair.Self || pair.One != pair.Other).Select(pair => $"{pair.One} {pair.Other}").Distinct().Order(StringComparer.Ordinal);
        var followed = world.System.Table("follows").Select(row => $"{row["follower"]} {row["followed"]}").Order(StringComparer.Ordinal).SequenceEqual(followings);
        var groups = world.System.Table("members").Select(row => (User: row["user"].AsText!, Group: row["group"].AsText!)).ToHashSet();
        var joined = references.Where(reference => reference.Kind == 1).Select(reference => (User: stays.GetValueOrDefault(reference.Holder, reference.Holder), Group: $"group{reference.Thing}")).ToHashSet();
        var inviters = store.People.ToDictionary(one => $"{one.Id}", one => Inviter(store, one) is { } inviter ? stays.GetValueOrDefault(inviter, inviter) : null);
        var invited = world.System.Rows.All(row => row.Value["invited_by"].AsText == inviters[row.Key.ToString()]);
        var notes = world.System.Table("notes").ToDictionary(row => row["id"].AsText!, row => row["author"].AsText);
        var signed = references.Where(reference => reference.Kind == 2).All(reference => names[reference.Holder] is not { } name || IdentifierForms.IsBlank(name)
            || world.System.Rows[new AccountId(stays.GetValueOrDefault(reference.Holder, reference.Holder))]["username"].AsText == notes[$"note{reference.Thing}"]
            || store.People.Count(one => one.Username == name) > 1);
        var addresses = world.System.Table("subscriptions").ToDictionary(row => row["id"].AsText!, row => row["address"].AsText);
        var emails = store.People.ToDictionary(one => $"{one.Id}", one => one.Email);
        var subscribed = references.Where(reference => reference.Kind == 4).All(reference => IdentifierForms.IsBlank(emails[reference.Holder] ?? "")
            || world.System.Rows[new AccountId(stays.GetValueOrDefault(reference.Holder, reference.Holder))]["email"].AsText == addresses[$"newsletter{reference.Thing}"]);
        return printers.Count == wanted && subscribed && addresses.Count == references.Count(reference => reference.Kind == 4) && printers.TrueForAll(row => world.System.Rows.ContainsKey(new AccountId(row["owner"].AsText!)))
            && groups.SetEquals(joined) && notes.Count == references.Count(reference => reference.Kind == 2) && signed && followed && invited;
    });

    [Fact]
    public void A_death_at_any_row_and_the_same_plan_again_end_like_an_undisturbed_run() => Hold(async store =>
    {
        var undisturbed = Build(store);
        var plan = await undisturbed.PlanAsync();
        await undisturbed.ApplyAsync(plan);
        for (var rows = 0; rows < 4; rows++)
        {
            var world = Build(store);
            var before = world.Snapshot;
            world.System.DiesAfterRows = rows;
            try
            {
                await world.ApplyAsync(plan);
            }
            catch (InvalidOperationException exception) when (exception.Message == "It died.")
            {
            }

            world.System.DiesAfterRows = null;
            await world.ApplyAsync(plan);
            var same = world.Snapshot.SequenceEqual(undisturbed.Snapshot);
            await world.ApplyAsync(await world.PlanUndoAsync(plan.Id));
            if (!same || !world.Snapshot.SequenceEqual(before))
            {
                return false;
            }
        }

        return true;
    });

    private static void Hold(Func<Store, Task<bool>> property)
    {
        var row = from id in Gen.Choose(1, 9)
                  from username in Gen.Elements([null, .. Names])
                  from email in Gen.Elements([null, .. Emails])
                  from created in Gen.Choose(0, 2)
                  from name in Gen.Elements(null, "", "Ann")
                  from inviter in Gen.Elements<int?>(null, 0, 1, 2, 3, 4, 5, 6, 7, 8)
                  select new Row(id, username, email, created, name, inviter);
        var reference = from kind in Gen.Choose(0, 4) from person in Gen.Choose(0, 8) from thing in Gen.Choose(0, 3) select (kind, person, thing);
        var stores = from people in Gen.Resize(Gen.ListOf(row), 9)
                     from references in Gen.Resize(Gen.ListOf(reference), 12)
                     from transactions in Gen.Elements(true, false)
                     select new Store([.. people.DistinctBy(entry => entry.Id)], [.. references.DistinctBy(entry => (entry.kind, entry.kind is 1 or 3 ? entry.person : 0, entry.thing))], transactions);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(MaximumStores), Prop.ForAll(Arb.From(stores), each => property(each).GetAwaiter().GetResult()));
    }

    private static IReadOnlyList<(string One, string Other)> Followings(Store store)
    {
        var ids = store.People.Select(row => row.Id).Order().ToList();
        return ids.Count == 0 ? [] : [.. store.References.Where(reference => reference.Kind == 3)
            .Select(reference => ($"{ids[reference.Person % ids.Count]}", $"{ids[(reference.Person + reference.Thing) % ids.Count]}")).Distinct()];
    }

    private static string? Inviter(Store store, Row row) => row.Inviter is { } number ? $"{store.People.Select(one => one.Id).Order().ElementAt(number % store.People.Count)}" : null;

    private static DuplicateWorld Build(Store store)
    {
        var world = new DuplicateWorld(transactions: store.Transactions);
        foreach (var row in store.People)
        {
            world.Person($"{row.Id}", row.Username, row.Email, row.Created, row.Name);
        }

        foreach (var (kind, person, thing) in store.People.Count == 0 ? [] : store.References)
        {
            var holder = store.People.OrderBy(entry => entry.Id).ElementAt(person % store.People.Count);
            switch (kind)
            {
                case 0: world.Owns($"printer{thing}", $"{holder.Id}"); break;
                case 1: world.Joins($"{holder.Id}", $"group{thing}"); break;
                case 2: world.Writes($"note{thing}", holder.Username ?? "nobody"); break;
                case 4: world.Subscribes($"newsletter{thing}", holder.Email ?? "nobody"); break;
            }
        }

        foreach (var (one, other) in Followings(store))
        {
            world.Follows(one, other);
        }

        foreach (var row in store.People)
        {
            world.Invited($"{row.Id}", Inviter(store, row));
        }

        return world;
    }
}
