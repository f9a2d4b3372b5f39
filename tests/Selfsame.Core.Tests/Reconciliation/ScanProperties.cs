using FsCheck;
using FsCheck.Fluent;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>
/// An audit reads as whole records only those whom its first look does not confirm. What it finds, plans and counts is what it would with everybody's
/// whole record before it.
/// </summary>
public sealed class ScanProperties
{
    private static readonly string[] Names = ["ann", "Ann", "ANN", "bob", "Bob", "bob-2", "cy", "two words", "dé", "de\u0301", "a@example.org", "lone \uD800", " ", "ann ", "\uFF22ob"];
    private static readonly string[] Emails = ["a@example.org", "A@Example.org", "b@example.org", "c@bücher.example", "c@xn--bcher-kva.example", "d@example.org", "no address", " ", "e\u0301@example.org ", "f@example.org "];

    // True, 1, 1.0 and "1" are one fact in some pairs and not in others.
    private static readonly object?[] Values = [null, "x", "1", "true", 1L, 0L, 1.0, 1.5, "1.5", true, false];

    [Fact]
    public void Nothing_else_is_found_planned_or_counted_than_with_everybody_before_one()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(TestRun.Rounds(fast: 300, full: 2_000, soak: 20_000)), Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue - 1)), seed => HoldsAsync(seed).GetAwaiter().GetResult()));

    [Theory]
    [InlineData(521091157)]
    [InlineData(1431782301)]
    [InlineData(2008711799)]
    public async Task A_world_that_once_was_seen_differently_is_not(int seed) => (await HoldsAsync(seed)).ShouldBeTrue();

    [Fact]
    public async Task The_confirmed_are_not_read_as_whole_records()
    {
        var bench = new Bench();
        for (var number = 0; number < 50; number++)
        {
            bench.Source.Put(Bench.Person($"{number}", $"user{number}", $"user{number}@example.org"));
            bench.Target.Put(Bench.Person($"{number}", $"User{number}", $"user{number}@example.org", name: number == 7 ? "Seven" : null));
        }

        bench.Target.Put(Bench.Person("70", "uSER7"));
        var audit = await bench.AuditAsync();

        audit.Pictures["people"].Accounts.Select(account => account.Account.Id.ToString()).ShouldBe(["7"]);
        audit.Pictures["app"].Accounts.Select(account => account.Account.Id.ToString()).ShouldBe(["7", "70"], ignoreOrder: true);
        audit.Pictures["app"].Count.ShouldBe(51);
    }

    [Fact]
    public async Task Other_systems_numbers_that_mean_other_people_make_nobody_unconfirmed()
    {
        var bench = new Bench(Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Email)] });
        for (var number = 0; number < 50; number++)
        {
            bench.Source.Put(Bench.Person($"{number}", null, $"user{number}@example.org"));
            bench.Target.Put(Bench.Person($"{49 - number}", null, $"user{number}@example.org"));
        }

        var audit = await bench.AuditAsync();

        audit.Findings.ShouldBeEmpty();
        audit.Pictures.Values.SelectMany(picture => picture.Accounts).ShouldBeEmpty();
    }

    private static async Task<bool> HoldsAsync(int seed)
    {
        var random = new SeededRandom(seed);
        var (topology, systems) = World(random);
        // Half of the stores are matched by as many threads as there are processors, as large ones are.
        var auditor = new Auditor(topology, systems, IdentifierKeys.TryKey, TimeProvider.System, random) { AccountsPerWorker = seed % 2 == 0 ? 1 : int.MaxValue };
        var audit = await auditor.AuditAsync(_ => null, CancellationToken.None, sample: 3);
        var everybody = new Dictionary<string, SystemPicture>(StringComparer.Ordinal);
        foreach (var (name, picture) in audit.Pictures)
        {
            var read = await ((IReadsAccounts)systems[name]).ReadEverythingAsync(name, null, CancellationToken.None);
            everybody.Add(name, picture with
            {
                Accounts = [.. read.Accounts.Select(account => KeyedAccount.Of(account, IdentifierKeys.TryKey))],
                Everybody = null,
                HoldsKey = (_, _) => false,
            });
        }

        var findings = await new SecondLook(topology, systems, IdentifierKeys.TryKey, TimeProvider.System)
            .ConfirmAsync(Situations.Find(topology, everybody), CancellationToken.None);
        audit.Findings.Select(Text).ShouldBe(findings.Select(Text), $"seed {seed}");
        findings.Select(Text).ShouldBe(Situations.Find(topology, everybody).Select(Text), $"seed {seed}: nothing changed between the looks");
        PlanJson.Write(Planner.Plan(topology, audit.Pictures, audit.Findings, Bench.Stamp()))
            .ShouldBe(PlanJson.Write(Planner.Plan(topology, everybody, findings, Bench.Stamp())), $"seed {seed}");
        foreach (var (name, picture) in everybody)
        {
            Text(audit.Pictures[name].Everybody!).ShouldBe(Text(Count(picture, sample: 3)), $"seed {seed}");
        }

        return true;
    }

    private static (Topology Topology, Dictionary<string, IConnectedSystem> Systems) World(SeededRandom random)
    {
        string[] names = random.OneIn(3) ? ["people", "app", "third"] : ["people", "app"];
        var configs = names.ToDictionary(name => name, name => System(name, random), StringComparer.Ordinal);
        var systems = configs.ToDictionary(pair => pair.Key, pair => (IConnectedSystem)Fill(pair.Value, random), StringComparer.Ordinal);
        var rules = names.Zip(names.Skip(1), (source, target) => Rule(configs[source], configs[target], random)).ToList();
        if (names.Length > 2 && random.OneIn(3))
        {
            rules.Add(Rule(configs["people"], configs["third"], random));
        }

        return (
            new Topology
            {
                Systems = configs,
                Rules = random.OneIn(10) ? [] : rules,
                Tenants = new Dictionary<string, TenantConfig>(),
                Fingerprint = "fingerprint",
                MinimumAge = TimeSpan.Zero,
                Decisions = new PersonDecisions([.. Enumerable.Range(0, random.OneIn(2) ? 0 : 1 + random.NextInt32(4)).Select(_ => Decision(names, random))]),
            },
            systems);
    }

    private static SystemConfig System(string name, SeededRandom random)
    {
        var identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "email" };
        var attributes = new Dictionary<string, AttributeMapping> { ["active"] = new("active"), ["name"] = new("name"), ["seen"] = new("seen", Noise: true) };
        if (!random.OneIn(4))
        {
            identifiers.Add(IdentifierKind.Username, "username");
        }

        if (!random.OneIn(4))
        {
            attributes.Add(AccountMapping.EmailVerified, new("verified"));
        }

        return new SystemConfig
        {
            Name = name,
            Connector = "memory",
            Settings = new Dictionary<string, string>(),
            Mapping = new AccountMapping { Id = random.OneIn(8) ? ["id", "shard"] : ["id"], Identifiers = identifiers, Attributes = attributes },
            Unique = random.OneIn(2) && identifiers.ContainsKey(IdentifierKind.Username) ? [IdentifierKind.Username] : [],
            Duplicates = random.Pick(Enum.GetValues<DuplicatesAction>()),
            TrustEmail = random.OneIn(2),
            Uuid = random.OneIn(3) ? "uuid" : null,
        };
    }

    private static InMemorySystem Fill(SystemConfig config, SeededRandom random)
    {
        var system = new InMemorySystem(config.Mapping)
        {
            Facts = new SystemFacts { TakesChosenId = true, AtomicPreconditions = true, NotNullFields = random.OneIn(3) ? new HashSet<string> { "name", "username" } : [] },
        };
        var numbered = random.OneIn(2);
        for (var left = random.NextInt32(9); left > 0; left--)
        {
            var id = random.NextInt32(12);
            system.Put(
                ("id", numbered ? (object)(long)id : id == 11 ? "3B039300-6F9D-49C8-BD77-FD81E1C2A0EA" : $"{id}"),
                ("shard", random.Pick(["a", "a", "a/b"])),
                ("username", random.OneIn(12) ? random.Pick<object?>([5L, true, FieldValue.Native("array", "[\"ann\"]"), FieldValue.Native("json", "{}")]) : random.Pick([null, "", .. Names])),
                ("email", random.OneIn(12) ? random.Pick<object?>([1.5, FieldValue.Native("text[]", "{a@example.org}"), FieldValue.Native("citext", "A@example.org")]) : random.Pick([null, "", .. Emails, .. Emails])),
                ("verified", random.Pick<object?>([true, true, 1L, "yes", false, null])),
                ("active", random.Pick<object?>([true, true, 1L, false, null])),
                ("name", random.OneIn(2) ? "x" : random.Pick(Values)),
                ("seen", (long)random.NextInt32(100)),
                ("uuid", random.Pick<object?>([null, "A", "a", "b", 5L])));
        }

        return system;
    }

    private static ReconcileRule Rule(SystemConfig source, SystemConfig target, SeededRandom random)
    {
        var both = source.Mapping.Identifiers.Keys.Where(target.Mapping.Identifiers.ContainsKey).Select(kind => new CorrelationRule(kind)).Append(CorrelationRule.ById).ToList();
        var order = both.OrderBy(_ => random.NextInt32(100)).ToList();
        return new ReconcileRule
        {
            Source = source.Name,
            Target = target.Name,
            Correlate = [.. order.Take(1 + random.NextInt32(order.Count))],
            TrustEmail = random.OneIn(2),
            When = random.OneIn(2) ? null : "active",
            Missing = random.Pick(Enum.GetValues<MissingAction>()),
            Orphan = random.Pick(Enum.GetValues<OrphanAction>()),
            IdMismatch = random.Pick(Enum.GetValues<IdMismatchAction>()),
            Drifted = random.Pick(Enum.GetValues<DriftedAction>()),
        };
    }

    private static PersonDecision Decision(string[] names, SeededRandom random)
        => new(
            random.Pick(Enum.GetValues<Verdict>()),
            [.. Enumerable.Range(0, 2).Select(_ => new DecidedAccount(random.Pick(names), new AccountId($"{random.NextInt32(12)}"))).Distinct()],
            random.OneIn(2) ? null : "Duplicate",
            "because");

    private static string Text(Finding finding)
        => $"{finding.Kind} {finding.System} {string.Join(", ", finding.Accounts)} {finding.Sentence} {finding.Identifier} {finding.UnderOwnEquality} {finding.Decision?.Verdict} "
            + string.Join(", ", finding.Evidence.Select(evidence => $"{evidence.Rule} {evidence.Key} {string.Join('|', evidence.Values)} {evidence.Proof}"))
            + string.Join(", ", finding.Differences);

    private static string Text(UniquenessReport report)
        => $"{report.Accounts} {string.Join(", ", report.Values)} {report.Verified} {report.Unverified} {string.Join(", ", report.Sample.Select(account => account.Account.Id))}";

    /// <summary>The report, counted from everybody.</summary>
    private static UniquenessReport Count(SystemPicture picture, int sample)
    {
        var values = new List<ValueCount> { new("id", picture.Accounts.Count, picture.Accounts.Count) };
        foreach (var kind in picture.Config.Mapping.Identifiers.Keys.Order())
        {
            var with = picture.Accounts.Where(account => account.Account.Identifiers.ContainsKey(kind)).ToList();
            values.Add(new ValueCount(kind.Name(), with.Count, with.Select(account => account.Keys.GetValueOrDefault(kind) ?? account.Account.Identifiers[kind]).Distinct().Count()));
        }

        if (picture.Config.Uuid is { } uuid)
        {
            var with = picture.Accounts.Select(account => account.Account.Record.ValueOrNull(uuid)).Where(value => !value.IsNull).ToList();
            values.Add(new ValueCount("uuid", with.Count, with.Select(value => value.ToString()).Distinct(StringComparer.OrdinalIgnoreCase).Count()));
        }

        var saysVerified = picture.Config.Mapping.Attributes.ContainsKey(AccountMapping.EmailVerified);
        return new UniquenessReport
        {
            Accounts = picture.Accounts.Count,
            Values = values,
            Verified = saysVerified ? picture.Accounts.Count(account => account.EmailVerified) : null,
            Unverified = saysVerified ? picture.Accounts.Count(account => !account.EmailVerified && account.Account.Identifiers.ContainsKey(IdentifierKind.Email)) : null,
            Sample = [.. picture.Accounts.OrderBy(account => account.Account.Id, AccountId.Order).Take(sample)],
        };
    }
}
