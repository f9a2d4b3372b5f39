using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;
using Selfsame.Testing.Auth0;

namespace Selfsame.Contract.Tests.Connectors.Auth0;

/// <summary>What the network, the limits, the lag and other people do while we read and write.</summary>
public sealed class Auth0FaultTests : Auth0Tenant
{
    // CASES 18: the provider says 409 for a user whom its search can't find yet.
    [Fact]
    public async Task Whom_the_search_can_not_find_yet_is_found_by_id_and_by_address()
    {
        Server.Users.StopIndexing();
        await CreateAsync(1, "ann@example.org");

        (await ReadEverybodyAsync()).Accounts.ShouldBeEmpty();
        (await CreateAsync(1, "ann@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["user_id"]);
        (await CreateAsync(2, "ann@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["email"]);
        (await ReadAsync(1)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Who_is_not_in_the_lagging_list_is_never_called_gone()
    {
        Server.Users.StopIndexing();
        Fill(1);
        var app = new SystemConfig { Name = "app", Connector = "x", Settings = new Dictionary<string, string>(), Mapping = System.Mapping };
        var here = (await ReadAsync(1))!;
        var rule = new ReconcileRule { Source = "idp", Target = "app", Correlate = [CorrelationRule.ById] };
        var topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig> { ["idp"] = app with { Name = "idp" }, ["app"] = app },
            Rules = [rule],
            Tenants = new Dictionary<string, TenantConfig>(),
            MinimumAge = TimeSpan.Zero,
            Fingerprint = "",
        };
        await using var target = new OneAccount(here);
        var systems = new Dictionary<string, IConnectedSystem> { ["idp"] = System, ["app"] = target };

        var report = await new Auditor(topology, systems, IdentifierKeys.TryKey, TimeProvider.System, new SeededRandom(1)).AuditAsync(_ => null, CancellationToken.None);

        report.Findings.ShouldNotContain(finding => finding.Situation == Situation.Orphan);
    }

    [Fact]
    public async Task One_verified_address_under_two_ids_is_a_duplicate_with_linking_proposed_and_an_unverified_one_proposes_nothing()
    {
        Server.Users.Put("auth0|1", "ann@example.org", verified: true);
        Server.Users.Put("google-oauth2|1", "ann@example.org", verified: true);
        Server.Users.Put("auth0|2", "bob@example.org");
        Server.Users.Put("google-oauth2|2", "bob@example.org", verified: true);

        var duplicates = (await AuditAloneAsync()).Where(finding => finding.Situation == Situation.Duplicate).ToList();

        duplicates.Single(finding => finding.Evidence[0].Key == "ann@example.org").Sentence.ShouldContain("link the accounts");
        duplicates.Single(finding => finding.Evidence[0].Key == "bob@example.org").Sentence.ShouldNotContain("link");
    }

    // RFC 8259, section 8.2: a JSON string may hold half of a surrogate pair.
    [Fact]
    public async Task A_user_whose_name_is_half_a_character_is_unreadable_and_named_and_nobody_else_is()
    {
        Fill(3);
        Server.Users.Set(Id(2).ToString(), "name", $"Half {HalfCharacters.Place}");
        await using var system = Open(handler: new HalfCharacters());

        var everybody = await system.ReadEverythingAsync("idp", null, CancellationToken.None);
        everybody.Accounts.Select(account => account.Id).ShouldBe([Id(1), Id(3)], ignoreOrder: true);
        everybody.Unreadable.ShouldBe([new UnreadableRecord($"user {Id(2)}", "it holds half of a surrogate pair, which is no text.")]);
        foreach (var read in new Func<Task>[]
        {
            () => system.ReadFreshAsync("idp", [Id(2)], CancellationToken.None),
            () => system.FindAsync(new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.Email] = ["user2@example.org"] }, CancellationToken.None),
        })
        {
            var thrown = await Should.ThrowAsync<SystemUnavailableException>(read);
            (thrown.Answered, thrown.Unforeseen).ShouldBe((true, null));
            thrown.Message.ShouldBe($"'idp' told about {Id(2)}, and it holds half of a surrogate pair, which is no text. Correct it there.");
        }

        (await system.ReadFreshAsync("idp", [Id(1), Id(3)], CancellationToken.None)).Count.ShouldBe(2);
        (await system.UpdateAsync(Id(2), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unavailable>().Message.ShouldContain("surrogate");
    }

    [Fact]
    public async Task A_lost_answer_is_unknown_and_a_look_by_the_chosen_id_finds_what_became_of_it()
    {
        await ReadEverybodyAsync();
        Server.FailNext("POST", Auth0Fault.DropAfter, Auth0Fault.DropBefore);

        (await CreateAsync(1, "ann@example.org")).ShouldBeOfType<Unknown>().Message.ShouldContain("broke the connection off");
        (await CreateAsync(2, "bob@example.org")).ShouldBeOfType<Unknown>();

        (await ReadAsync(1)).ShouldNotBeNull().Label.ShouldBe("ann@example.org");
        (await ReadAsync(2)).ShouldBeNull();
        Server.FailNext("DELETE", Auth0Fault.DropAfter);
        (await System.DeleteAsync(Id(1), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unknown>();
        (await ReadAsync(1)).ShouldBeNull();
    }

    [Fact]
    public async Task A_gateway_that_gives_up_leaves_a_change_unknown_and_a_read_unavailable()
    {
        await CreateAsync(1, "ann@example.org");
        Server.FailNext("POST", Auth0Fault.Gateway);
        Server.FailNext("PATCH", Auth0Fault.Gateway);
        Server.FailNext("GET", Auth0Fault.Gateway, Auth0Fault.Gateway);

        (await CreateAsync(2, "bob@example.org")).ShouldBeOfType<Unknown>();
        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("503");
        (await System.UpdateAsync(Id(1), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unavailable>();
        (await System.UpdateAsync(Id(1), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unknown>();
    }

    [Fact]
    public async Task Too_many_requests_are_told_to_who_writes_with_the_time_of_reset_and_waited_out_by_who_reads()
    {
        // Their clock is an hour ahead, and so is the instant of the reset.
        Server.ClockSkew = TimeSpan.FromHours(1);
        await CreateAsync(1, "ann@example.org");
        Server.FailNext("POST", Auth0Fault.TooMany);
        Server.FailNext("GET", Auth0Fault.TooMany);

        (await CreateAsync(2, "bob@example.org")).ShouldBeOfType<Throttled>().RetryAfter.ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        (await ReadEverybodyAsync()).Accounts.Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_service_waits_no_long_time_in_place_and_is_told_how_long_to_leave_it_alone()
    {
        Fill(1);
        await using var system = Open(patience: Patience.OfService);
        Server.ResetsAfter = TimeSpan.FromSeconds(50);
        Server.FailNext("GET", Auth0Fault.TooMany);

        var asked = await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadFreshAsync("idp", [Id(1)], CancellationToken.None));
        asked.RetryAfter!.Value.ShouldBeInRange(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(51));
        var requests = Server.Requests.Count;

        // What is asked for meanwhile is not sent, whatever it is.
        (await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None))).RetryAfter!.Value.ShouldBeGreaterThan(TimeSpan.FromSeconds(20));
        (await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadEventsAsync(null, DateTimeOffset.UnixEpoch, CancellationToken.None))).RetryAfter.ShouldNotBeNull();
        (await system.CreateAsync(Id(2), Of(("user_id", Id(2).ToString()), ("email", "bob@example.org")), CancellationToken.None))
            .ShouldBeOfType<Throttled>().RetryAfter.ShouldBeGreaterThan(TimeSpan.FromSeconds(20));
        Server.Requests.Count.ShouldBe(requests);
    }

    [Fact]
    public async Task The_last_request_that_is_allowed_is_the_last_until_the_reset()
    {
        Fill(1);
        await using var system = Open(patience: Patience.OfService);
        await system.ReadFreshAsync("idp", [Id(1)], CancellationToken.None);
        (Server.Remaining, Server.ResetsAfter) = (0, TimeSpan.FromMinutes(5));

        (await system.ReadFreshAsync("idp", [Id(1)], CancellationToken.None)).Count.ShouldBe(1);
        var requests = Server.Requests.Count;
        (await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadFreshAsync("idp", [Id(1)], CancellationToken.None)))
            .RetryAfter!.Value.ShouldBeInRange(TimeSpan.FromMinutes(4), TimeSpan.FromSeconds(301));
        Server.Requests.Count.ShouldBe(requests);
    }

    [Fact]
    public async Task The_token_is_kept_and_a_refused_one_is_renewed_once()
    {
        Fill(3);
        await ReadAsync(1);
        await ReadAsync(2);
        Server.Requests.Count(request => request == "POST /oauth/token").ShouldBe(1);

        Server.ForgetTokens();

        (await ReadAsync(3)).ShouldNotBeNull();
        (await CreateAsync(4, "ann@example.org")).ShouldBeOfType<Done>();
        Server.Requests.Count(request => request == "POST /oauth/token").ShouldBe(2);
    }

    [Fact]
    public async Task All_who_wait_for_a_token_share_one_request_and_whoever_gives_up_leaves_at_once()
    {
        Fill(3);
        using var holding = new HoldingHandler();
        await using var system = Open(handler: holding);
        var waiting = new[] { 1, 2 }.Select(number => system.ReadFreshAsync("idp", [Id(number)], CancellationToken.None)).ToList();
        await holding.IsHeld.Task.WaitAsync(TimeSpan.FromSeconds(30));
        using var late = new CancellationTokenSource();
        var third = system.ReadFreshAsync("idp", [Id(3)], late.Token);

        await late.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => third.WaitAsync(TimeSpan.FromSeconds(20)));
        waiting.ShouldAllBe(read => !read.IsCompleted);
        holding.Release.SetResult();
        (await Task.WhenAll(waiting)).ShouldAllBe(found => found.Count == 1);
        Server.Requests.Count(request => request == "POST /oauth/token").ShouldBe(1);
    }

    private sealed class HoldingHandler() : DelegatingHandler(new SocketsHttpHandler())
    {
        public TaskCompletionSource IsHeld { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.AbsolutePath == "/oauth/token")
            {
                IsHeld.TrySetResult();
                await Release.Task.WaitAsync(cancellationToken);
            }

            return await base.SendAsync(request, cancellationToken);
        }
    }

    [Fact]
    public async Task A_wrong_secret_and_a_missing_scope_say_what_to_correct_and_no_secret_stands_in_a_message()
    {
        const string wrong = "a-wrong-secret-that-is-one-too";
        await using var other = Open(secret: wrong);
        Server.Scopes.Remove("update:users");
        Fill(1);

        var refused = (await other.CreateAsync(Id(2), Of(("email", "ann@example.org")), CancellationToken.None)).ShouldBeOfType<Refused>();
        var unread = await Should.ThrowAsync<SystemUnavailableException>(() => other.DescribeAsync(CancellationToken.None));
        (await System.UpdateAsync(Id(1), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("update:users");

        foreach (var message in new[] { refused.Message, unread.Message })
        {
            message.ShouldContain("clientSecret");
            message.ShouldNotContain(wrong);
        }

        var probes = await System.ProbeAsync(CancellationToken.None);
        probes.Where(probe => probe.Answer == ProbeAnswer.No).ShouldHaveSingleItem().WhatToDo.ShouldContain("update:users");
        probes.Count(probe => probe.Answer == ProbeAnswer.Yes).ShouldBe(5);
    }

    [Fact]
    public async Task A_probe_that_is_throttled_says_so_and_judges_nothing()
    {
        Server.FailNext(Auth0StandIn.TokenEndpoint, Auth0Fault.TooMany);

        var probes = await System.ProbeAsync(CancellationToken.None);

        probes.ShouldAllBe(probe => probe.Answer == ProbeAnswer.Unknown && probe.WhatToDo!.Contains("ask again later"));
    }

    [Fact]
    public async Task A_server_that_is_not_there_or_is_no_Auth0_is_told_apart()
    {
        await using var none = Open("http://127.0.0.1:9");

        (await none.CreateAsync(Id(1), Of(("email", "ann@example.org")), CancellationToken.None)).ShouldBeOfType<Unavailable>().Message.ShouldContain("'domain'");
        (await Should.ThrowAsync<SystemUnavailableException>(() => none.DescribeAsync(CancellationToken.None))).Message.ShouldContain("127.0.0.1:9");
        Should.Throw<SystemUnavailableException>(() => Open("not a domain")).Message.ShouldContain("TENANT.eu.auth0.com");
    }

    // CASES 20: who is deleted during the read moves another user past it (Atlassian CWD-6330).
    [Fact]
    public async Task Who_is_deleted_while_pages_are_read_hides_nobody()
    {
        Fill(300);
        var deleted = false;
        Server.Users.BeforePage = page =>
        {
            if (page == 1 && !deleted)
            {
                deleted = true;
                Server.Users.Remove(Id(7).ToString());
            }
        };

        (await ReadEverybodyAsync()).Accounts.Select(account => account.Id).ShouldBe(Enumerable.Range(1, 300).Where(number => number != 7).Select(Id));
    }

    [Fact]
    public async Task A_sign_up_that_makes_up_for_a_deletion_while_pages_are_read_hides_nobody()
    {
        Fill(300);
        var changed = false;
        Server.Users.BeforePage = page =>
        {
            if (page == 1 && !changed)
            {
                changed = true;
                Server.Users.Remove(Id(7).ToString());
                Server.Users.SignUp("auth0|late", "late@example.org");
            }
        };

        var ids = (await ReadEverybodyAsync()).Accounts.Select(account => account.Id);

        ids.ShouldBe([.. Enumerable.Range(1, 300).Where(number => number != 7).Select(Id), new AccountId("auth0|late")], ignoreOrder: true);
    }

    [Fact]
    public async Task An_export_that_is_cut_off_or_fails_or_whose_link_is_too_old_is_a_read_that_failed()
    {
        Fill(1500);
        Server.Users.CutsExports = true;
        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("downloaded whole");

        Server.Users.CutsExports = false;
        Server.Users.DownloadDelay = TimeSpan.FromSeconds(61);
        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("downloaded whole");

        Server.Users.DownloadDelay = TimeSpan.Zero;
        Server.Users.FailsExports = true;
        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("failed");
    }

    [Fact]
    public async Task The_log_is_read_from_a_checkpoint_to_its_end_and_one_that_it_forgot_begins_anew()
    {
        var since = TimeProvider.System.GetUtcNow().AddHours(-1);
        (await System.ReadEventsAsync(null, since, CancellationToken.None)).Complete.ShouldBeTrue();
        var first = Server.Users.SignUp("auth0|a", "ann@example.org");
        foreach (var number in Enumerable.Range(1, 150))
        {
            Server.Log.Add("s", $"auth0|{number}");
        }

        var page = await System.ReadEventsAsync(null, since, CancellationToken.None);
        var second = await System.ReadEventsAsync(page.Checkpoint, since, CancellationToken.None);
        var last = await System.ReadEventsAsync(second.Checkpoint, since, CancellationToken.None);

        page.Events[0].Id.ShouldBe(first);
        page.Events[0].Account.ShouldBe(new AccountId("auth0|a"));
        page.Events.Concat(second.Events).Select(one => one.Id).Distinct().Count().ShouldBe(151);
        (last.Events.Count, last.Complete, last.Checkpoint).ShouldBe((0, true, second.Checkpoint));
        (await System.ReadEventsAsync("long gone", since, CancellationToken.None)).Events.Count.ShouldBe(100);
    }

    [Fact]
    public async Task A_page_of_lines_that_can_not_be_read_is_counted_and_what_is_behind_it_is_read()
    {
        var since = TimeProvider.System.GetUtcNow().AddHours(-1);
        foreach (var number in Enumerable.Range(1, 101))
        {
            Server.Log.Add("s", new string('x', SystemEvent.LongestText + number));
        }

        var good = Server.Users.SignUp("auth0|a", "ann@example.org");

        var page = await System.ReadEventsAsync(null, since, CancellationToken.None);
        var next = await System.ReadEventsAsync(page.Checkpoint, since, CancellationToken.None);

        (page.Events.Count, page.Unreadable, page.Complete).ShouldBe((0, 100, false));
        page.Problem!.ShouldContain("'user_id' that is too long");
        (next.Events.Single().Id, next.Unreadable, next.Checkpoint).ShouldBe((good, 1, good));
    }

    private async Task<IReadOnlyList<Finding>> AuditAloneAsync()
    {
        var config = new SystemConfig { Name = "idp", Connector = "auth0", Settings = new Dictionary<string, string>(), Mapping = System.Mapping };
        var topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig> { ["idp"] = config },
            Rules = [],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "",
        };
        return (await new Auditor(topology, new Dictionary<string, IConnectedSystem> { ["idp"] = System }, IdentifierKeys.TryKey, TimeProvider.System, new SeededRandom(1))
            .AuditAsync(_ => null, CancellationToken.None)).Findings;
    }

    /// <summary>A system that holds one account.</summary>
    private sealed class OneAccount(Account account) : IReadsAccounts, IReadsAccountsById
    {
        public AccountMapping Mapping => Selfsame.Connectors.Auth0.Auth0System.Kind.FixedMapping!;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => Task.FromResult(new SystemFacts { TakesChosenId = true, AtomicPreconditions = true });

        public async IAsyncEnumerable<ReadPart> ReadAllAsync([global::System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
        {
            await Task.Yield();
            yield return new ReadAccounts([account]);
            yield return new ReadEnd(1, true);
        }

        public Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
            => Task.FromResult<IReadOnlyList<Account>>(ids.Contains(account.Id) ? [account] : []);
    }
}
