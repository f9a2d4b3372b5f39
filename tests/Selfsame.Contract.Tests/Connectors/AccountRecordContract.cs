using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>
/// What is promised of accounts that have a code and further records: all is made as one, each code once, whatever else happens. Each connector runs it on its
/// own kind of system.
/// </summary>
public abstract class AccountRecordContract : IAsyncLifetime
{
    private IConnectedSystem system = null!;

    protected IConnectedSystem Connected => system;

    /// <summary>The config's part: accounts with a code, a record of its own for each, and one where there is a handle or a count.</summary>
    protected static SystemConfig Config(string connector, string id, params (string Key, string Value)[] settings) => new()
    {
        Name = "app",
        Connector = connector,
        Settings = settings.ToDictionary(pair => pair.Key, pair => pair.Value),
        Mapping = new AccountMapping
        {
            Id = [id],
            Identifiers = new Dictionary<IdentifierKind, string>
            {
                [IdentifierKind.Email] = "email",
                [IdentifierKind.UserCode] = "code",
                [IdentifierKind.Handle] = "handles.handle",
            },
            Attributes = new Dictionary<string, AttributeMapping> { ["count"] = new("handles.count") },
        },
        Unique = [IdentifierKind.UserCode],
        UserCode = new UserCodeConfig("code", "ac"),
        Records =
        [
            new RecordConfig("verifications", "verifications", "sub", new Dictionary<string, string>()),
            new RecordConfig("handles", "handles", "sub", new Dictionary<string, string> { ["handle"] = "handle", ["count"] = "count" }),
        ],
    };

    /// <summary>A system with tables or collections <c>users</c>, <c>verifications</c> and <c>handles</c>, and a unique index on <c>users.code</c> under a name of its own.</summary>
    protected abstract Task<IConnectedSystem> OpenAsync();

    /// <summary>The field that is the id of accounts.</summary>
    protected abstract string Id { get; }

    /// <summary>How many rows a table or collection has.</summary>
    protected abstract Task<long> CountAsync(string table);

    /// <summary>Makes an account with this code, or a verification record, as another program would.</summary>
    protected abstract Task InsertOutsideAsync(string table, string id, string? code = null);

    /// <summary>Takes the unique index on the code away.</summary>
    protected abstract Task DropIndexAsync();

    public async ValueTask InitializeAsync() => system = await OpenAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await system.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    // CASES 19: an index is asked for under another name than it has; the code is never made.
    [Fact]
    public async Task An_account_its_record_and_its_code_are_made_as_one_whatever_the_index_is_called()
    {
        (await CreateAsync("auth0|1")).ShouldBeOfType<Done>();

        var account = (await ReadAsync("auth0|1")).ShouldNotBeNull();
        account.Identifiers[IdentifierKind.UserCode].ShouldMatch("^ac[0-9]{2}([a-z]{2}){2,4}[a-z]$");
        account.Identifiers.ContainsKey(IdentifierKind.Handle).ShouldBeFalse();
        (await CountAsync("verifications"), await CountAsync("handles")).ShouldBe((1, 0));
        var read = await ((IReadsAccounts)system).ReadEverythingAsync("app", null, CancellationToken.None);
        read.Accounts.Single().Record.ShouldBe(account.Record);
    }

    [Fact]
    public async Task A_second_creation_exists_already_and_makes_nothing()
    {
        await CreateAsync("auth0|1");
        var code = (await ReadAsync("auth0|1"))!.Identifiers[IdentifierKind.UserCode];

        (await CreateAsync("auth0|1")).ShouldBeOfType<AlreadyExists>();

        (await ReadAsync("auth0|1"))!.Identifiers[IdentifierKind.UserCode].ShouldBe(code);
        (await CountAsync("users"), await CountAsync("verifications")).ShouldBe((1, 1));
    }

    [Fact]
    public async Task A_record_that_is_there_already_is_kept_and_the_account_completed()
    {
        await InsertOutsideAsync("verifications", "auth0|1");

        (await CreateAsync("auth0|1")).ShouldBeOfType<Done>();

        (await CountAsync("users"), await CountAsync("verifications")).ShouldBe((1, 1));
    }

    [Fact]
    public async Task Parallel_creations_make_one_account_with_one_record()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => CreateAsync("auth0|1")));

        outcomes.Count(outcome => outcome is Done).ShouldBe(1);
        outcomes.Count(outcome => outcome is Done or AlreadyExists or Unavailable or Throttled).ShouldBe(8);
        (await CountAsync("users"), await CountAsync("verifications")).ShouldBe((1, 1));
    }

    [Fact]
    public async Task A_taken_code_is_made_anew_and_a_taken_address_is_not_taken_for_a_code()
    {
        var trial = (await ((IMakesUserCodes)system).TryUserCodeAsync(CancellationToken.None)).ShouldNotBeNull();
        trial.Index.ShouldNotBeEmpty();
        foreach (var number in Enumerable.Range(0, 40))
        {
            (await CreateAsync($"auth0|{number}")).ShouldBeOfType<Done>();
        }

        var codes = (await ((IReadsAccounts)system).ReadEverythingAsync("app", null, CancellationToken.None)).Accounts.Select(account => account.Identifiers[IdentifierKind.UserCode]).ToList();
        codes.ShouldBeUnique();
        // The code that the seed makes next is taken: the one after it is given.
        await InsertOutsideAsync("users", "outside", NextCode(41));
        (await CreateAsync("auth0|next")).ShouldBeOfType<Done>();
        (await ReadAsync("auth0|next"))!.Identifiers[IdentifierKind.UserCode].ShouldBe(NextCode(42));
        (await CreateAsync("auth0|other", ("email", "auth0|1@example.org"))).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["email"]);
        (await ReadAsync("auth0|other")).ShouldBeNull();
        (await CountAsync("verifications")).ShouldBe(HasTransactions ? 41 : 42);
    }

    [Fact]
    public async Task Without_a_unique_index_no_code_is_given_and_it_is_said_what_makes_one()
    {
        await DropIndexAsync();

        (await CreateAsync("auth0|1")).ShouldBeOfType<Refused>().Message.ShouldContain("selfsame plan");

        (await CountAsync("users"), await CountAsync("verifications")).ShouldBe((0, 0));
        (await ((IMakesUserCodes)system).TryUserCodeAsync(CancellationToken.None))!.Index.ShouldBeEmpty();
        await InsertOutsideAsync("users", "outside");
        (await UpdateAsync("outside", Of(("code", "ac26xadeh")), Of(("code", null)))).ShouldBeOfType<Refused>().Message.ShouldContain("selfsame plan");
    }

    [Fact]
    public async Task What_stands_in_a_record_is_read_written_and_compared_as_part_of_the_account()
    {
        await CreateAsync("auth0|1", ("handles.count", 1));
        await CreateAsync("auth0|2");
        (await ReadAsync("auth0|1"))!.Attributes["count"].ShouldBe(FieldValue.Integer(1));
        var before = (await ReadAsync("auth0|2"))!.Record;

        (await UpdateAsync("auth0|2", Of(("handles.handle", "ann"), ("email", "new@example.org")), before.Only(["handles.handle", "email"]))).ShouldBeOfType<Done>();
        (await UpdateAsync("auth0|2", Of(("handles.count", 7)), before.Only(["handles.handle"]))).ShouldBeOfType<Drifted>().Message.ShouldContain("handles.handle");
        (await UpdateAsync("auth0|1", Of(("handles.count", 2)), Of(("handles.count", 1)))).ShouldBeOfType<Done>();

        var account = (await ReadAsync("auth0|2"))!;
        account.Identifiers[IdentifierKind.Handle].ShouldBe("ann");
        account.Identifiers[IdentifierKind.Email].ShouldBe("new@example.org");
        account.Identifiers[IdentifierKind.UserCode].ShouldBe(before["code"].AsText);
        (await ReadAsync("auth0|1"))!.Attributes["count"].ShouldBe(FieldValue.Integer(2));
    }

    [Fact]
    public async Task A_deletion_takes_the_records_along_and_the_account_is_put_back_with_its_code()
    {
        await CreateAsync("auth0|1", ("handles.handle", "ann"));
        await CreateAsync("auth0|2");
        var before = (await ReadAsync("auth0|1"))!.Record;

        (await ((IDeletesAccounts)system).DeleteAsync(new AccountId("auth0|1"), before, CancellationToken.None)).ShouldBeOfType<Done>();
        (await CountAsync("users"), await CountAsync("verifications"), await CountAsync("handles")).ShouldBe((1, 1, 0));
        (await ((ICreatesAccounts)system).CreateAsync(new AccountId("auth0|1"), before, CancellationToken.None)).ShouldBeOfType<Done>();

        (await ReadAsync("auth0|1"))!.Record.ShouldBe(before);
        (await CountAsync("handles")).ShouldBe(1);
    }

    [Fact]
    public async Task An_account_that_another_program_made_gets_its_record_and_its_code_and_loses_them_again()
    {
        await InsertOutsideAsync("users", "outside");
        var before = (await ReadAsync("outside"))!.Record;
        before["verifications.sub"].ShouldBe(FieldValue.Null);
        var whole = Of(("verifications.sub", "outside"), ("code", "ac26xadeh"));

        (await UpdateAsync("outside", whole, before.Only(["code", "verifications.sub"]))).ShouldBeOfType<Done>();

        (await ReadAsync("outside"))!.Record.Only(["code", "verifications.sub"]).ShouldBe(whole.Only(["code", "verifications.sub"]));
        (await CountAsync("verifications")).ShouldBe(1);
        (await UpdateAsync("outside", whole, before.Only(["code", "verifications.sub"]))).ShouldBeOfType<Drifted>();
        (await UpdateAsync("outside", before.OrMissing(["code", "verifications.sub"]), whole)).ShouldBeOfType<Done>();
        (await ReadAsync("outside"))!.Record.ShouldBe(before);
        (await CountAsync("verifications")).ShouldBe(0);
    }

    [Fact]
    public async Task A_code_that_is_taken_by_then_is_not_given_to_an_account_that_is_there()
    {
        await InsertOutsideAsync("users", "outside");
        await InsertOutsideAsync("users", "first", "ac26xadeh");

        (await UpdateAsync("outside", Of(("code", "ac26xadeh")), Of(("code", null)))).ShouldBeOfType<AlreadyExists>();

        (await ReadAsync("outside"))!.Identifiers.ContainsKey(IdentifierKind.UserCode).ShouldBeFalse();
    }

    [Fact]
    public async Task Audit_finds_whoever_lacks_a_record_or_a_code_plan_gives_them_and_audit_is_clean()
    {
        await CreateAsync("auth0|whole");
        await InsertOutsideAsync("users", "outside");
        await InsertOutsideAsync("users", "coded", "ac26xadeh");
        await InsertOutsideAsync("verifications", "recorded");
        await InsertOutsideAsync("users", "recorded");
        var topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig> { ["app"] = Config("any", Id) },
            Rules = [],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "fingerprint",
            MinimumAge = TimeSpan.Zero,
        };
        var systems = new Dictionary<string, IConnectedSystem> { ["app"] = system };
        Task<AuditResult> AuditAsync()
            => new Auditor(topology, systems, IdentifierKeys.TryKey, TimeProvider.System, new Testing.SeededRandom(1)).AuditAsync(_ => null, CancellationToken.None);

        var audit = await AuditAsync();
        var found = audit.Findings.Where(finding => finding.Fault == SystemFault.IncompleteAccount).ToList();
        found.Select(finding => $"{finding.Accounts[0].Id}: {string.Join(' ', finding.Evidence.Select(evidence => evidence.Key))}")
            .ShouldBe(["coded: verifications.sub", "outside: verifications.sub code", "recorded: code"], ignoreOrder: true);
        found.Single(finding => finding.Accounts[0].Id.ToString() == "outside").Sentence.ShouldContain("lacks a record of 'verifications' and a user code ('code')");

        var plan = Planner.Plan(topology, audit.Pictures, audit.Findings, new PlanStamp(Guid.Empty, DateTimeOffset.UnixEpoch, "0.0.0", "rules", new Testing.SeededRandom(2)));
        var changes = plan.Changes.Where(change => change.Reason == ChangeReason.IncompleteAccount).ToList();
        changes.Select(change => change.Account).Distinct().Count().ShouldBe(3);
        foreach (var change in changes)
        {
            (await ((IUpdatesAccounts)system).UpdateAsync(change.Account, change.After, change.Precondition, CancellationToken.None)).ShouldBeOfType<Done>();
        }

        (await AuditAsync()).Findings.ShouldNotContain(finding => finding.Fault == SystemFault.IncompleteAccount);
        (await CountAsync("users"), await CountAsync("verifications")).ShouldBe((4, 4));
        (await ReadAsync("coded"))!.Identifiers[IdentifierKind.UserCode].ShouldBe("ac26xadeh");
        (await ReadAsync("outside"))!.Identifiers[IdentifierKind.UserCode].ShouldMatch("^ac70([a-z]{2}){2}[a-z]$");
    }

    [Fact]
    public async Task Accounts_are_found_by_their_code_with_what_stands_in_their_records()
    {
        await CreateAsync("auth0|1", ("handles.handle", "ann"));
        var code = (await ReadAsync("auth0|1"))!.Identifiers[IdentifierKind.UserCode];

        var found = await ((IFindsAccounts)system).FindAsync(
            new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.UserCode] = [code.ToUpperInvariant()], [IdentifierKind.Handle] = ["ann"] }, CancellationToken.None);

        found.Single().Identifiers[IdentifierKind.Handle].ShouldBe("ann");
    }

    /// <summary>Whether nothing of a refused creation stays.</summary>
    protected virtual bool HasTransactions => true;

    /// <summary>The code that a system with a seed of 1 makes as its n-th.</summary>
    private static string NextCode(int number)
    {
        var random = new Testing.SeededRandom(1);
        return Enumerable.Range(0, number + 1).Select(_ => Core.Identifiers.UserCode.Create("ac", TimeProvider.System.GetUtcNow().Year, 2, random).Key).ToList()[^1];
    }

    private Task<WriteOutcome> CreateAsync(string id, params (string Field, object? Value)[] further)
        => ((ICreatesAccounts)system).CreateAsync(
            new AccountId(id), Of((Id, id), ("email", $"{id}@example.org")).With(Of(further)), CancellationToken.None);

    private Task<WriteOutcome> UpdateAsync(string id, Fields set, Fields precondition)
        => ((IUpdatesAccounts)system).UpdateAsync(new AccountId(id), set, precondition, CancellationToken.None);

    private async Task<Account?> ReadAsync(string id)
        => (await ((IReadsAccountsById)system).ReadFreshAsync("app", [new AccountId(id)], CancellationToken.None)).Values.SingleOrDefault();

    private static Fields Of(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.From(field.Value))));
}
