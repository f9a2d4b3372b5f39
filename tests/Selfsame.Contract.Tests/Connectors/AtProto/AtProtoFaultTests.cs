using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.AtProto;

/// <summary>What networks, proxies, the DID directory and other people do while a real PDS is read and written.</summary>
[Trait("needs", "pds")]
public sealed class AtProtoFaultTests : AtProtoServer
{
    private const string Page = "<html><body><h1>502 Bad Gateway</h1></body></html>";

    [Fact]
    public async Task A_lost_answer_is_unknown_and_the_stored_password_finds_what_became_of_it()
    {
        var (ann, bob) = (NewName(), NewName());
        Faults.LoseNext("createAccount");
        Faults.BreakNext("createAccount");

        NotMade(await CreateAsync(ann)).ShouldBeOfType<Unknown>().Message.ShouldContain("broke the connection off");
        NotMade(await CreateAsync(bob)).ShouldBeOfType<Unknown>();

        (await System.FindOursAsync(Person(ann), Password, CancellationToken.None)).ShouldBeOfType<Ours>();
        (await System.FindOursAsync(Person(bob), Password, CancellationToken.None)).ShouldBeOfType<Nobodys>();
        NotMade(await CreateAsync(ann)).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["handle"]);
    }

    // The losers get 500, not a word on what is taken.
    [Fact]
    public async Task Of_many_creations_at_once_with_one_handle_one_is_done_and_no_other_claims_to_be()
    {
        var name = NewName();
        var outcomes = await Task.WhenAll(Enumerable.Range(1, 8).Select(number => CreateAsync(name, $"{name}-{number}@example.org", $"{Password}-{number}")));

        outcomes.OfType<CreatedAccount>().Count().ShouldBe(1);
        outcomes.OfType<NotCreated>().ShouldAllBe(other => other.Outcome is Unknown || other.Outcome is AlreadyExists);
        var found = await Task.WhenAll(Enumerable.Range(1, 8).Select(
            number => System.FindOursAsync(Person(name, $"{name}-{number}@example.org"), $"{Password}-{number}", CancellationToken.None)));
        found.OfType<Ours>().Single().Id.ShouldBe(outcomes.OfType<CreatedAccount>().Single().Id);
        found.OfType<Anothers>().Count().ShouldBe(7);
    }

    // The PDS answers 500 and leaves a DID without an account, each time: to try again for ever would fill the directory.
    [Fact]
    public async Task A_handle_or_an_address_of_a_disabled_account_is_taken_though_the_PDS_only_says_500()
    {
        var (ann, bob) = (NewName(), NewName());
        var id = await MadeAsync(ann);
        await UpdateAsync(id, Of(("active", false)));

        var byHandle = NotMade(await CreateAsync(ann, $"{bob}@example.org")).ShouldBeOfType<AlreadyExists>();
        var byEmail = NotMade(await CreateAsync(bob, $"{ann}@example.org")).ShouldBeOfType<AlreadyExists>();

        byHandle.Fields.ShouldBe(["handle"]);
        byHandle.Message.ShouldContain("disabled account");
        byEmail.Fields.ShouldBe(["email"]);
    }

    [Fact]
    public async Task A_directory_that_refuses_for_too_many_requests_is_a_reason_to_wait_though_the_PDS_says_400()
    {
        await using var server = await PersonalDataServer.StartAsync(new PersonalDataServerOptions { InviteRequired = false });
        await using var system = Open(server.Url, plcUrl: server.DirectoryUrl);
        await server.RefuseOperationsAsync(HttpStatusCode.TooManyRequests, 1);

        var refused = await system.CreateAsync(Person("ann"), Password, CancellationToken.None);

        refused.ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Throttled>().RetryAfter.ShouldBeGreaterThan(TimeSpan.FromSeconds(5));
        (await system.CreateAsync(Person("ann"), Password, CancellationToken.None)).ShouldBeOfType<CreatedAccount>();
    }

    [Fact]
    public async Task A_directory_that_is_down_or_hangs_leaves_a_creation_unknown_and_it_is_made_when_it_is_back()
    {
        await using var server = await PersonalDataServer.StartAsync(new PersonalDataServerOptions { InviteRequired = false });
        await using var system = Open(server.Url, plcUrl: server.DirectoryUrl);
        var clock = new HurriedClock();
        await using var hurried = Open(server.Url, plcUrl: server.DirectoryUrl, clock: clock);
        await hurried.DescribeAsync(CancellationToken.None);
        var made = (await system.CreateAsync(Person("earlier"), Password, CancellationToken.None)).ShouldBeOfType<CreatedAccount>();

        await server.HoldDirectoryAsync();
        clock.IsHurried = true;
        var hung = await hurried.CreateAsync(Person("ann"), Password, CancellationToken.None);
        await server.ResumeDirectoryAsync();
        await server.StopDirectoryAsync();
        var down = await system.CreateAsync(Person("bob"), Password, CancellationToken.None);
        var unread = await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadByIdAsync([made.Id], CancellationToken.None));
        var probe = (await system.ProbeAsync(CancellationToken.None))[^1];
        await server.StartDirectoryAsync();

        hung.ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Unknown>().Message.ShouldContain("did not answer within 15 s");
        down.ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Unknown>().Message.ShouldContain("502");
        unread.Message.ShouldContain("DID directory");
        probe.Answer.ShouldBe(ProbeAnswer.No);
        (await system.CreateAsync(Person("bob"), Password, CancellationToken.None)).ShouldBeOfType<CreatedAccount>();
    }

    [Fact]
    public async Task A_PDS_that_starts_to_want_invite_codes_gets_one()
    {
        Faults.ReplaceNext(
            "describeServer", HttpStatusCode.OK,
            $$"""{"did": "did:web:localhost", "availableUserDomains": [".{{PersonalDataServer.HandleDomain}}"], "inviteCodeRequired": false, "links": {} }""");

        await MadeAsync(NewName());

        Faults.Calls.Count(call => call.EndsWith("createAccount", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task A_rate_limit_is_told_to_who_writes_and_waited_out_by_who_reads()
    {
        await using var server = await PersonalDataServer.StartAsync(new PersonalDataServerOptions { InviteRequired = false, RateLimits = true });
        await using var system = Open(server.Url, plcUrl: server.DirectoryUrl);
        using var client = new HttpClient { BaseAddress = new Uri(server.Url) };
        for (var attempt = 0; attempt < 100; attempt++)
        {
            using var response = await client.PostAsJsonAsync("/xrpc/com.atproto.server.createAccount", new { handle = "ab.example.net" });
        }

        var throttled = (await system.CreateAsync(Person("ann"), Password, CancellationToken.None)).ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Throttled>();
        throttled.RetryAfter.ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));

        Faults.AnswerNext("listRepos", HttpStatusCode.TooManyRequests, """{"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}""");
        await ReadEverybodyAsync();
    }

    [Theory]
    [InlineData("resolveHandle")]
    [InlineData("getAccountInfos")]
    public async Task The_service_waits_no_long_time_in_place_and_is_told_how_long_to_leave_it_alone(string call)
    {
        var name = NewName();
        await MadeAsync(name);
        var faults = new PdsFaults();
        await using var system = Open(http: new HttpMessageInvoker(faults), patience: Patience.OfService);
        await system.DescribeAsync(CancellationToken.None);
        faults.Next(call, (_, _) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.TooManyRequests)
        {
            Headers = { { "Retry-After", "50" } },
            Content = new StringContent("""{"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}"""),
        }));

        (await Should.ThrowAsync<SystemUnavailableException>(() => system.FindOursAsync(Person(name), Password, CancellationToken.None))).RetryAfter.ShouldBe(TimeSpan.FromSeconds(50));
        var calls = faults.Calls.Count;

        var handles = new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.Handle] = [name] };
        (await Should.ThrowAsync<SystemUnavailableException>(() => system.FindAsync(handles, CancellationToken.None))).RetryAfter!.Value.ShouldBeGreaterThan(TimeSpan.FromSeconds(20));
        NotMade(await system.CreateAsync(Person(NewName()), Password, CancellationToken.None)).ShouldBeOfType<Throttled>().RetryAfter.ShouldBeGreaterThan(TimeSpan.FromSeconds(20));
        faults.Calls.Count.ShouldBe(calls);
    }

    // It counts sign-ins by identifier: one account that is looked for too often is nobody else's trouble.
    [Fact]
    public async Task A_sign_in_that_is_refused_for_too_many_has_that_account_wait_and_nobody_else()
    {
        var name = NewName();
        await MadeAsync(name);
        var faults = new PdsFaults();
        await using var system = Open(http: new HttpMessageInvoker(faults), patience: Patience.OfService);
        faults.Next("createSession", (_, _) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.TooManyRequests)
        {
            Headers = { { "Retry-After", "50" } },
            Content = new StringContent("""{"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}"""),
        }));

        var limited = await Should.ThrowAsync<SystemUnavailableException>(() => system.FindOursAsync(Person(name), Password, CancellationToken.None));

        (limited.RetryAfter, limited.LimitIsOfAccount).ShouldBe((TimeSpan.FromSeconds(50), true));
        (await system.CreateAsync(Person(NewName()), Password, CancellationToken.None)).ShouldBeOfType<CreatedAccount>();
    }

    // The public directory takes ten operations of a DID an hour, and none that does not follow the last; the PDS hands its words on as 400.
    [Fact]
    public async Task What_the_directory_says_of_one_DIDs_operations_is_about_that_account_alone()
    {
        var id = await MadeAsync(NewName());
        Faults.AnswerNext("updateAccountHandle", HttpStatusCode.BadRequest, """{"error": "InvalidRequest", "message": "Too many operations within last hour (max 10)"}""");
        Faults.AnswerNext("updateAccountHandle", HttpStatusCode.BadRequest, """{"error": "InvalidRequest", "message": "Proposed prev does not match the most recent operation: bafyreib"}""");
        Faults.AnswerNext("updateAccountHandle", HttpStatusCode.BadRequest, """{"error": "InvalidRequest", "message": "Invalid signature on op: {}"}""");

        (await UpdateAsync(id, Of(("handle", NewName())))).ShouldBeOfType<Throttled>().LimitIsOfAccount.ShouldBeTrue();
        (await UpdateAsync(id, Of(("handle", NewName())))).ShouldBeOfType<Unknown>().Message.ShouldContain("came first");
        (await UpdateAsync(id, Of(("handle", NewName())))).ShouldBeOfType<Unknown>();
    }

    // The directory is a host of its own.
    [Fact]
    public async Task A_directory_that_asks_for_patience_has_the_caller_told_and_the_PDS_is_asked_on()
    {
        var (id, faults) = (await MadeAsync(NewName()), new PdsFaults());
        await using var system = Open(http: new HttpMessageInvoker(faults), patience: Patience.OfService);
        faults.Next(id.ToString(), (_, _) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.TooManyRequests) { Headers = { { "Retry-After", "300" } } }));

        (await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadFreshAsync("pds", [id], CancellationToken.None))).RetryAfter.ShouldBe(TimeSpan.FromMinutes(5));
        (await system.CreateAsync(Person(NewName()), Password, CancellationToken.None)).ShouldBeOfType<CreatedAccount>();
    }

    [Fact]
    public async Task A_page_of_HTML_is_no_answer_of_a_PDS_whatever_its_status()
    {
        var id = await MadeAsync(NewName());
        Faults.AnswerNext("createAccount", HttpStatusCode.OK, Page, "text/html");
        Faults.AnswerNext("createAccount", HttpStatusCode.BadGateway, Page, "text/html");
        Faults.AnswerNext("createAccount", HttpStatusCode.NotFound, Page, "text/html");
        Faults.AnswerNext("updateAccountHandle", HttpStatusCode.OK, Page, "text/html");
        Faults.AnswerNext("listRepos", HttpStatusCode.OK, Page, "text/html");

        NotMade(await CreateAsync(NewName())).ShouldBeOfType<Unknown>();
        NotMade(await CreateAsync(NewName())).ShouldBeOfType<Unknown>();
        NotMade(await CreateAsync(NewName())).ShouldBeOfType<Unavailable>().Message.ShouldContain("nothing that a PDS says");
        (await UpdateAsync(id, Of(("handle", NewName())))).ShouldBeOfType<Unknown>();
        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("nothing that a PDS says");
    }

    // RFC 8259, section 8.2: a JSON string may hold half of a surrogate pair.
    [Fact]
    public async Task Half_a_character_in_an_answer_makes_one_account_unreadable_and_a_refusal_a_refusal_without_words()
    {
        var (ann, bob) = (await MadeAsync(NewName()), await MadeAsync(NewName()));
        var infos = $$"""{"infos": [{"did": "{{ann}}", "handle": "a.b", "email": "half\ud83d@example.org"}, {"did": "{{bob}}", "handle": "{{"bob." + PersonalDataServer.HandleDomain}}", "email": "b@example.org"}]}""";
        Faults.AnswerNext("listRepos", HttpStatusCode.OK, $$"""{"repos": [{"did": "{{ann}}", "active": true}, {"did": "{{bob}}", "active": true}]}""");
        Faults.AnswerNext("getAccountInfos", HttpStatusCode.OK, infos);

        var everybody = await ReadEverybodyAsync();
        everybody.Accounts.Select(account => account.Id).ShouldBe([bob]);
        everybody.Unreadable.ShouldBe([new UnreadableRecord($"account {ann}", "it holds half of a surrogate pair, which is no text.")]);

        Faults.AnswerNext("getAccountInfos", HttpStatusCode.OK, $$"""{"infos": [{"did": "{{ann}}", "handle": "a.b", "email": "half\ud83d@example.org"}]}""");
        var thrown = await Should.ThrowAsync<SystemUnavailableException>(() => ReadAsync(ann));
        (thrown.Answered, thrown.Message).ShouldBe((true, $"'pds' told about account {ann}, and it holds half of a surrogate pair, which is no text. Correct it there."));

        Faults.AnswerNext("createAccount", HttpStatusCode.BadRequest, """{"error": "InvalidRequest", "message": "\ud800 bad"}""");
        NotMade(await CreateAsync(NewName())).ShouldBeOfType<Refused>().Message.ShouldBe("400 InvalidRequest: it gave no reason.");

        // A cursor that is no text is not the end of the list.
        Faults.AnswerNext("listRepos", HttpStatusCode.OK, """{"cursor": "\ud800", "repos": []}""");
        await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync);
    }

    // The list is read to see whether a disabled account is in the way; a PDS whose sequencer repeats itself must not end the sign-up.
    [Fact]
    public async Task A_list_that_names_a_disabled_account_twice_is_read_all_the_same()
    {
        var (ann, name) = (NewName(), NewName());
        var disabled = await MadeAsync(ann);
        await UpdateAsync(disabled, Of(("active", false)));
        var twice = string.Join(", ", Enumerable.Repeat($$"""{"did": "{{disabled}}", "active": false, "status": "takendown"}""", 2));
        Faults.AnswerNext("createAccount", HttpStatusCode.InternalServerError, """{"error": "InternalServerError", "message": "Internal Server Error"}""");
        Faults.AnswerNext("listRepos", HttpStatusCode.OK, $$"""{"repos": [{{twice}}]}""");

        NotMade(await CreateAsync(name, $"{ann}@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["email"]);
    }

    [Fact]
    public async Task A_message_is_cut_between_two_characters_and_holds_no_controls()
    {
        var words = new string('x', 299) + "\U0001F600 and more";
        Faults.AnswerNext("createAccount", HttpStatusCode.BadRequest, $$"""{"error": "InvalidRequest", "message": "\u0000{{words}}"}""");

        NotMade(await CreateAsync(NewName())).ShouldBeOfType<Refused>().Message.ShouldBe($"400 InvalidRequest: \ufffd{new string('x', 299)}….");
    }

    [Fact]
    public async Task Somebody_elses_DID_in_an_answer_is_never_linked()
    {
        var other = await MadeAsync(NewName());
        var (ann, bob) = (NewName(), NewName());
        Faults.ReplaceNext("createAccount", HttpStatusCode.OK, $$"""{"did": "{{other}}", "handle": "{{ann}}.{{PersonalDataServer.HandleDomain}}"}""");
        Faults.ReplaceNext("createSession", HttpStatusCode.OK, $$"""{"did": "{{other}}", "handle": "x"}""");
        Faults.ReplaceNext("getAccountInfos", HttpStatusCode.OK, $$"""{"infos": [{"did": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "handle": "x.example.com", "indexedAt": "2026-01-01T00:00:00Z"}]}""");

        var strange = await System.CreateAsync(Person(ann), Password, CancellationToken.None);
        // The first look, into which the third fault falls, belongs to the creation.
        strange.ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Unknown>().Message.ShouldContain("not asked about");
        (await Should.ThrowAsync<SystemUnavailableException>(() => System.FindOursAsync(Person(bob), Password, CancellationToken.None))).Message.ShouldContain("another account");

        Faults.ReplaceNext("createAccount", HttpStatusCode.OK, $$"""{"did": "{{other}}", "handle": "{{bob}}.{{PersonalDataServer.HandleDomain}}"}""");
        NotMade(await CreateAsync(bob)).ShouldBeOfType<Refused>().Message.ShouldContain(other.ToString());
    }

    // A DID's document names its handle: another's DID comes with another's document, or with one that is not its own.
    [Theory]
    [InlineData("{did}", "at://somebody-else.at.example.com", "http://localhost:1")]
    [InlineData("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "at://{handle}", "http://localhost:1")]
    [InlineData("{did}", "at://{handle}", "https://elsewhere.example.com")]
    [InlineData("{did}", "https://{handle}", "http://localhost:1")]
    public async Task A_DID_whose_document_is_not_that_of_the_handle_here_is_asked_about_and_never_linked(string id, string known, string endpoint)
    {
        var other = await MadeAsync(NewName());
        var ann = NewName();
        string Filled(string text) => text.Replace("{did}", other.ToString(), StringComparison.Ordinal).Replace("{handle}", $"{ann}.{PersonalDataServer.HandleDomain}", StringComparison.Ordinal);
        Faults.ReplaceNext("createAccount", HttpStatusCode.OK, JsonSerializer.Serialize(new
        {
            did = other.ToString(),
            handle = $"{ann}.{PersonalDataServer.HandleDomain}",
            didDoc = new
            {
                id = Filled(id),
                alsoKnownAs = new[] { Filled(known) },
                service = new[] { new { id = "#atproto_pds", type = "AtprotoPersonalDataServer", serviceEndpoint = endpoint } },
            },
        }));

        NotMade(await CreateAsync(ann)).ShouldBeOfType<Refused>().Message.ShouldContain(other.ToString());
    }

    [Fact]
    public async Task An_answer_with_the_DIDs_own_document_is_believed_without_another_question()
    {
        await MadeAsync(NewName());

        Faults.Calls[^1].ShouldEndWith("createAccount");
    }

    [Fact]
    public async Task A_wrong_password_says_what_to_correct_and_no_password_stands_in_a_message()
    {
        const string wrong = "a-wrong-password-that-is-a-secret-too";
        await using var system = Open(password: wrong);

        var unread = await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadByIdAsync([new AccountId("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")], CancellationToken.None));
        var refused = (await system.CreateAsync(Person(NewName()), Password, CancellationToken.None)).ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Unavailable>();
        var probes = await system.ProbeAsync(CancellationToken.None);
        Faults.AnswerNext("createAccount", HttpStatusCode.BadRequest, $$"""{"error": "InvalidRequest", "message": "no {{Password}} and no {{PersonalDataServer.AdminPassword}}"}""");
        var echo = NotMade(await CreateAsync(NewName())).ShouldBeOfType<Refused>();

        probes.SkipLast(1).ShouldAllBe(probe => probe.Answer == ProbeAnswer.No);
        foreach (var message in new[] { unread.Message, refused.Message, probes[0].WhatToDo })
        {
            message.ShouldContain("adminPassword");
            message.ShouldNotContain(wrong);
        }

        echo.Message.ShouldBe("400 InvalidRequest: no ••• and no •••.");
    }

    [Fact]
    public async Task A_domain_that_the_PDS_no_longer_serves_is_refused_to_everybody_not_only_to_who_asked_first()
    {
        var clock = new ManualClock();
        await using var system = Open(http: new HttpMessageInvoker(Faults), clock: clock);
        await system.DescribeAsync(CancellationToken.None);
        clock.Advance(TimeSpan.FromSeconds(11));
        for (var asker = 0; asker < 3; asker++)
        {
            Faults.ReplaceNext("describeServer", HttpStatusCode.OK, """{"did": "did:web:localhost", "availableUserDomains": [".elsewhere.example"], "inviteCodeRequired": false, "links": {} }""");
        }

        await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None));
        (await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None))).Message.ShouldContain("elsewhere.example");
        var made = (await system.CreateAsync(Person(NewName()), Password, CancellationToken.None)).ShouldBeOfType<NotCreated>().Outcome;

        made.ShouldBeOfType<Unavailable>().Message.ShouldContain("elsewhere.example");
        await system.DescribeAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_domain_that_the_PDS_does_not_serve_is_named_with_those_that_it_serves()
    {
        await using var system = Open(domain: "other.example.com");

        var unserved = await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None));
        var refused = (await system.CreateAsync(Person(NewName()), Password, CancellationToken.None)).ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Unavailable>();

        unserved.Message.ShouldContain("other.example.com");
        unserved.Message.ShouldContain(PersonalDataServer.HandleDomain);
        refused.Message.ShouldContain("other.example.com");
    }

    [Fact]
    public async Task A_server_that_is_not_there_and_a_config_that_can_not_be_right_are_told_apart()
    {
        await using var none = Open("http://127.0.0.1:9");

        (await none.CreateAsync(Person(NewName()), Password, CancellationToken.None)).ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Unavailable>().Message.ShouldContain("can't be reached");
        (await Should.ThrowAsync<SystemUnavailableException>(() => none.DescribeAsync(CancellationToken.None))).Message.ShouldContain("127.0.0.1:9");
        Should.Throw<SystemUnavailableException>(() => Open("pds.example.com")).Message.ShouldContain("https://pds.example.com");
        Should.Throw<SystemUnavailableException>(() => Open(plcUrl: "ftp://plc")).Message.ShouldContain("plcUrl");
        Should.Throw<SystemUnavailableException>(() => Open(password: "")).Message.ShouldContain("adminPassword");
    }

    [Fact]
    public async Task A_certificate_that_nobody_trusts_sends_nothing_and_says_so()
    {
        await using var server = await BrokenServer.WithItsOwnCertificateAsync();
        await using var system = Open(server.Url);

        (await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None))).Message.ShouldContain("certificate");
        (await system.UpdateAsync(new AccountId("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"), Of(("active", false)), Fields.Empty, CancellationToken.None))
            .ShouldBeOfType<Unavailable>().Message.ShouldContain("certificate");
        server.Received.ShouldBe(0);
    }

    [Fact]
    public async Task A_connection_that_closes_half_way_through_an_answer_is_no_answer()
    {
        await using var server = await BrokenServer.ClosingHalfWayAsync();
        await using var system = Open(server.Url);

        (await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None))).Message.ShouldContain("broke the connection off");
    }

    [Fact]
    public async Task A_lost_answer_to_a_change_is_unknown_and_the_same_change_again_is_done()
    {
        var later = NewName();
        var id = await MadeAsync(NewName());
        Faults.LoseNext("updateAccountHandle");

        (await UpdateAsync(id, Of(("handle", later)))).ShouldBeOfType<Unknown>();
        (await UpdateAsync(id, Of(("handle", later)))).ShouldBeOfType<Done>();

        (await PresentAsync(id)).Identifiers[IdentifierKind.Handle].ShouldBe(later);
        Faults.LoseNext("deleteAccount");
        (await System.DeleteAsync(id, Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unknown>();
        (await ReadAsync(id)).ShouldBeNull();
    }

    // The first of several changes has gone through: "nothing was changed" would be a lie.
    [Fact]
    public async Task A_change_of_several_fields_that_stops_half_way_says_what_was_changed()
    {
        var (later, other) = (NewName(), NewName());
        var id = await MadeAsync(NewName());
        Faults.AnswerNext("updateAccountEmail", HttpStatusCode.TooManyRequests, """{"error": "RateLimitExceeded"}""");

        (await UpdateAsync(id, Of(("handle", later), ("email", $"{other}@example.org")))).ShouldBeOfType<Unknown>().Message.ShouldContain("handle was changed");

        (await PresentAsync(id)).Identifiers[IdentifierKind.Handle].ShouldBe(later);
    }

    // CASES 20 and 23: who comes and goes meanwhile hides nobody, and half a list is no list.
    [Fact]
    public async Task Who_is_deleted_while_the_list_is_read_hides_nobody_and_a_list_without_an_end_is_a_read_that_failed()
    {
        var (gone, stays) = (await MadeAsync(NewName()), await MadeAsync(NewName()));
        Faults.Before("getAccountInfos", () => AdministerAsync("com.atproto.admin.deleteAccount", new { did = gone.ToString() }));

        var accounts = (await ReadEverybodyAsync()).Accounts;
        accounts.ShouldContain(account => account.Id.Equals(stays));
        accounts.ShouldNotContain(account => account.Id.Equals(gone));

        // The same cursor again; and ever new ones without anybody new.
        foreach (var (cursor, next) in new[] { ("1::x", """{"did": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "active": true}"""), ("2::y", "") })
        {
            Faults.AnswerNext("listRepos", HttpStatusCode.OK, $$"""{"cursor": "1::x", "repos": [{"did": "{{stays}}", "active": true}]}""");
            Faults.AnswerNext("listRepos", HttpStatusCode.OK, $$"""{"cursor": "{{cursor}}", "repos": [{{next}}]}""");
            (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("ended early");
        }

        Faults.AnswerNext("listRepos", HttpStatusCode.OK, """{"cursor": "1::x", "repos": []}""");
        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("ended early");
        Faults.AnswerNext("listRepos", HttpStatusCode.OK, $$"""{"cursor": "2::x", "repos": [{"did": "{{stays}}", "active": true}, {"did": "{{stays}}", "active": true}]}""");
        (await Should.ThrowAsync<SystemUnavailableException>(ReadEverybodyAsync)).Message.ShouldContain("twice");
    }

    [Fact]
    public async Task An_account_that_the_PDS_forgets_to_tell_about_is_asked_for_again()
    {
        var id = await MadeAsync(NewName());
        Faults.ReplaceNext("getAccountInfos", HttpStatusCode.OK, """{"infos": []}""");

        (await ReadEverybodyAsync()).Accounts.ShouldContain(account => account.Id.Equals(id));
    }

    // CASES 27 (zzstoatzz/plyr.fm#1728): the PDS that an account left says "deactivated", and only the DID document knows where it lives.
    [Fact]
    public async Task Whether_an_account_is_active_is_believed_from_its_DID_document_not_from_the_PDS_that_it_left()
    {
        var id = await MadeAsync(NewName());
        await AdministerAsync("com.atproto.admin.updateSubjectStatus", new
        {
            subject = new Dictionary<string, string> { ["$type"] = "com.atproto.admin.defs#repoRef", ["did"] = id.ToString() },
            deactivated = new { applied = true },
        });
        var document = $$"""{"id": "{{id}}", "service": [{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": "https://elsewhere.example.net"}]}""";

        var deactivated = await PresentAsync(id);
        Faults.AnswerNext(id.ToString(), HttpStatusCode.OK, document);
        Faults.AnswerNext(id.ToString(), HttpStatusCode.OK, document);
        Faults.AnswerNext(id.ToString(), HttpStatusCode.OK, document);
        var moved = await PresentAsync(id);
        var listed = (await ReadEverybodyAsync()).Accounts.Single(account => account.Id.Equals(id));
        var refused = await UpdateAsync(id, Of(("active", true)));
        Faults.AnswerNext(id.ToString(), HttpStatusCode.NotFound, """{"message": "DID not registered"}""");
        var unregistered = await PresentAsync(id);

        deactivated.Record["status"].ShouldBe(FieldValue.Text("deactivated"));
        deactivated.Record["active"].ShouldBe(FieldValue.Boolean(false));
        moved.Record["active"].ShouldBe(FieldValue.Null);
        moved.Record["moved_to"].ShouldBe(FieldValue.Text("https://elsewhere.example.net"));
        listed.Record.ShouldBe(moved.Record);
        refused.ShouldBeOfType<Refused>().Message.ShouldContain("https://elsewhere.example.net");
        unregistered.Record["status"].ShouldBe(FieldValue.Text("unregistered"));
        (await UpdateAsync(id, Of(("active", true)))).ShouldBeOfType<Refused>().Message.ShouldContain("owner");
    }

    /// <summary>A clock whose timers can be told to run fifty times faster than time.</summary>
    private sealed class HurriedClock : TimeProvider
    {
        public bool IsHurried { get; set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
            => System.CreateTimer(callback, state, IsHurried && dueTime > TimeSpan.Zero ? dueTime / 50 : dueTime, period);
    }
}
