using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>One system whose users may be duplicates, with printers they own, groups they belong to, notes signed with their names, and newsletters sent to their addresses.</summary>
internal sealed class DuplicateWorld
{
    private static readonly AccountMapping Mapping = new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "username", [IdentifierKind.Email] = "email" },
        Attributes = new Dictionary<string, AttributeMapping> { ["createdAt"] = new("created"), ["emailVerified"] = new("verified"), ["active"] = new("active"), ["lastSignIn"] = new("seen", Noise: true), ["ended"] = new("deleted_at") },
        PasswordHash = "password",
    };

    private static readonly ReferencePlace Signatures = new() { Table = "signatures", Fields = ["author"], AccountFields = ["username"], UniqueSets = [["author"]] };

    private static readonly ReferencePlace Notes = new() { Table = "notes", Fields = ["author"], AccountFields = ["username"] };

    private static readonly ReferencePlace Subscriptions = new() { Table = "subscriptions", Fields = ["address"], AccountFields = ["email"] };

    private readonly TimeProvider clock;
    private readonly InMemoryJournal journal;

    public DuplicateWorld(
        DuplicatesAction action = DuplicatesAction.Merge,
        TimeSpan minimumAge = default,
        string? uuid = null,
        bool transactions = true,
        PersonDecisions? decisions = null,
        TimeProvider? clock = null,
        Func<ForeignValue, Spelled>? spelling = null)
    {
        this.clock = clock ?? TimeProvider.System;
        journal = new InMemoryJournal(this.clock);
        System = new InMemorySystem(Mapping) { Facts = new SystemFacts { TakesChosenId = true, AtomicPreconditions = transactions, Spelling = spelling } };
        System.ForeignKeys.Add(new ReferencePlace { Table = "printers", Fields = ["owner"], AccountFields = ["id"], Enforced = true });
        System.ForeignKeys.Add(new ReferencePlace { Table = "members", Fields = ["user"], AccountFields = ["id"], UniqueSets = [["group", "user"]], Enforced = true });
        System.ForeignKeys.Add(new ReferencePlace { Table = "follows", Fields = ["follower"], AccountFields = ["id"], UniqueSets = [["follower", "followed"]], Enforced = true });
        System.ForeignKeys.Add(new ReferencePlace { Table = "follows", Fields = ["followed"], AccountFields = ["id"], UniqueSets = [["follower", "followed"]], Enforced = true });
        System.ForeignKeys.Add(new ReferencePlace { Table = "profiles", Fields = ["user"], AccountFields = ["id"], UniqueSets = [["user"]], Enforced = true });
        Topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig>
            {
                ["app"] = new()
                {
                    Name = "app",
                    Connector = "memory",
                    Settings = new Dictionary<string, string>(),
                    Mapping = Mapping,
                    Unique = [IdentifierKind.Username],
                    Duplicates = action,
                    Survivor = [new SurvivorOrder("createdAt", Descending: false)],
                    References = [Notes, Signatures, Subscriptions],
                    Uuid = uuid,
                },
            },
            Rules = [],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "fingerprint",
            MinimumAge = minimumAge,
            Decisions = decisions ?? PersonDecisions.None,
        };
    }

    public InMemorySystem System { get; }

    public Topology Topology { get; set; }

    public IReadOnlyList<string> Users => [.. System.Rows.OrderBy(pair => pair.Key, AccountId.Order).Select(pair => $"{pair.Key} {pair.Value["username"]}")];

    /// <summary>All rows of all tables, and the indexes.</summary>
    public IReadOnlyList<string> Snapshot
        => [.. System.Snapshot.Select(row => row.ToString()), .. System.ReferringNow, .. System.IndexesNow.Select(index => index.Name)];

    public void Person(string id, string? username, string? email = null, int created = 0, string? name = null, string? password = "x", bool verified = true, bool active = true)
        => System.Put(("id", id), ("username", username), ("email", email), ("created", created), ("name", name), ("password", password), ("verified", verified), ("active", active));

    /// <summary>Who was invited by whom, maybe by themselves.</summary>
    public void Invited(string id, string? by)
    {
        var place = new ReferencePlace { Table = System.AccountsTable, Fields = ["invited_by"], AccountFields = ["id"], Enforced = true };
        if (!System.ForeignKeys.Exists(place.IsSamePlaceAs))
        {
            System.ForeignKeys.Add(place);
        }

        System.Put(System.Rows[new AccountId(id)].With(InMemorySystem.Record(("invited_by", by))));
    }

    public void Owns(string printer, string id) => System.Refer("printers", ["id"], ("id", printer), ("owner", id));

    public void Joins(string id, string group) => System.Refer("members", ["user", "group"], ("user", id), ("group", group));

    public void Joins(string id, string group, int since) => System.Refer("members", ["user", "group"], ("user", id), ("group", group), ("since", since));

    /// <summary>A system without transactions gives each row an id that never changes, as MongoDB does.</summary>
    public void Follows(string follower, string followed)
    {
        if (System.Facts.AtomicPreconditions)
        {
            System.Refer("follows", ["follower", "followed"], ("follower", follower), ("followed", followed));
        }
        else
        {
            System.Refer("follows", ["id"], ("id", $"{follower}-{followed}"), ("follower", follower), ("followed", followed));
        }
    }

    public void Describes(string id, string bio) => System.Refer("profiles", ["user"], ("user", id), ("bio", bio));

    public void Signs(string name, string text) => System.Refer("signatures", ["author"], ("author", name), ("text", text));

    public void Writes(string note, string name) => System.Refer("notes", ["id"], ("id", note), ("author", name));

    public void Subscribes(string newsletter, string email) => System.Refer("subscriptions", ["id"], ("id", newsletter), ("address", email));

    public Task<AuditResult> AuditAsync() => new Auditor(Topology, Systems, IdentifierKeys.TryKey, clock, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);

    public async Task<Plan> PlanAsync(int number = 1)
    {
        var audit = await AuditAsync();
        return Planner.Plan(Topology, audit.Pictures, audit.Findings, Bench.Stamp(number));
    }

    public async Task<ApplyReport> ApplyAsync(Plan plan, CrashPoints? crashPoints = null)
    {
        journal.Held = false;
        return (await new Applier(Topology, Systems, journal, clock, crashPoints ?? CrashPoints.None)
            .ApplyAsync(plan, null, CancellationToken.None)).ShouldBeOfType<ApplyReport>();
    }

    public async Task<Plan> PlanUndoAsync(Guid run, int number = 2)
        => (await UndoAsync(run, number)).Plan;

    /// <summary>What takes the run back now; an undo that was cut off goes on.</summary>
    public async Task<RunUndo> UndoAsync(Guid run, int number = 2)
        => await RunUndo.PlanAsync((await journal.ReadAsync(run, CancellationToken.None))!, journal, Systems, Topology, Bench.Stamp(number), _ => true, CancellationToken.None);

    private Dictionary<string, IConnectedSystem> Systems => new() { ["app"] = System };
}
