using System.Net;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.AtProto;

/// <summary>The connector's contract, on a real PDS, which gives ids itself.</summary>
[Trait("needs", "pds")]
public sealed class AtProtoConnectorTests : AtProtoServer
{
    [Fact]
    public async Task A_created_account_is_read_back_by_DID_and_in_bulk_alike_and_its_password_signs_in()
    {
        var name = NewName();

        var id = await MadeAsync(name.ToUpperInvariant(), $"{name.ToUpperInvariant()}@Example.org");

        var account = await PresentAsync(id);
        account.Identifiers[IdentifierKind.Handle].ShouldBe(name);
        account.Identifiers[IdentifierKind.Email].ShouldBe($"{name}@example.org");
        account.Attributes["active"].ShouldBe(FieldValue.Boolean(true));
        account.Attributes["emailVerified"].ShouldBe(FieldValue.Boolean(false));
        (await ReadEverybodyAsync()).Accounts.Single(other => other.Id.Equals(id)).Record.ShouldBe(account.Record);
        (await System.FindOursAsync(Person(name), Password, CancellationToken.None)).ShouldBe(new Ours(id));
    }

    // CASES 25: never one call for each account.
    [Fact]
    public async Task A_bulk_read_asks_a_few_times_for_everybody_and_gives_each_once()
    {
        var ids = new List<AccountId>();
        for (var number = 0; number < 12; number++)
        {
            ids.Add(await MadeAsync(NewName()));
        }

        Faults.Calls.Clear();
        var accounts = (await ReadEverybodyAsync()).Accounts;

        ids.ShouldBeSubsetOf(accounts.Select(account => account.Id));
        // Other tests of the shared PDS come and go meanwhile, and who is gone is asked for once more.
        Faults.Calls.Count.ShouldBeLessThanOrEqualTo(6 + (accounts.Count / 100) + accounts.Count(account => account.Record["status"].AsText == "deactivated"));
    }

    [Fact]
    public async Task Reading_by_DID_leaves_out_what_is_not_there_and_what_is_no_DID()
    {
        var id = await MadeAsync(NewName());
        AccountId[] asked = [id, new("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"), new("7"), new("a", "b")];

        (await System.ReadFreshAsync("pds", asked, CancellationToken.None)).Keys.ShouldBe([id]);
    }

    [Fact]
    public async Task A_taken_handle_or_address_exists_already_and_nothing_is_created()
    {
        var (ann, bob) = (NewName(), NewName());
        await MadeAsync(ann);

        NotMade(await CreateAsync(ann, $"{bob}@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["handle"]);
        NotMade(await CreateAsync(bob, $"{ann}@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["email"]);

        (await System.FindOursAsync(Person(bob), Password, CancellationToken.None)).ShouldBeOfType<Nobodys>();
    }

    [Fact]
    public async Task Only_the_stored_password_makes_an_account_ours_never_its_handle_or_its_address()
    {
        var name = NewName();
        await MadeAsync(name, password: "somebody-elses-password");

        var another = (await System.FindOursAsync(Person(name), Password, CancellationToken.None)).ShouldBeOfType<Anothers>();
        var elsewhere = (await System.FindOursAsync(Person(name, $"{name}@example.net"), Password, CancellationToken.None)).ShouldBeOfType<Anothers>();

        another.Fields.ShouldBe(["handle", "email"]);
        elsewhere.Fields.ShouldBe(["handle"]);
        another.Evidence.ShouldContain("does not sign in");
    }

    [Fact]
    public async Task Ours_is_found_though_disabled_and_though_its_handle_was_changed()
    {
        var (name, later) = (NewName(), NewName());
        var id = await MadeAsync(name);
        (await UpdateAsync(id, Of(("active", false)))).ShouldBeOfType<Done>();

        (await System.FindOursAsync(Person(name), Password, CancellationToken.None)).ShouldBe(new Ours(id));

        (await UpdateAsync(id, Of(("active", true), ("handle", later)))).ShouldBeOfType<Done>();
        (await System.FindOursAsync(Person(name), Password, CancellationToken.None)).ShouldBe(new Ours(id));
    }

    [Fact]
    public async Task An_update_under_a_true_precondition_sets_exactly_its_fields_and_takes_itself_back()
    {
        var (name, later) = (NewName(), NewName());
        var id = await MadeAsync(name);
        var before = (await PresentAsync(id)).Record;
        var set = Of(("handle", later), ("email", $"{later}@example.org"), ("active", false));

        (await UpdateAsync(id, set, before.Only(["handle", "email", "active"]))).ShouldBeOfType<Done>();

        var after = (await PresentAsync(id)).Record;
        set.DifferencesFrom(after, "").ShouldBeEmpty();
        after["status"].ShouldBe(FieldValue.Text("takendown"));
        (await UpdateAsync(id, before.Only(set.Keys), set)).ShouldBeOfType<Done>();
        (await PresentAsync(id)).Record.ShouldBe(before);
    }

    [Fact]
    public async Task A_change_of_an_account_that_changed_meanwhile_or_is_gone_changes_nothing()
    {
        var (name, other) = (NewName(), NewName());
        var id = await MadeAsync(name);
        var before = (await PresentAsync(id)).Record;
        await AdministerAsync("com.atproto.admin.updateAccountEmail", new { account = id.ToString(), email = $"{other}@example.org" });

        (await UpdateAsync(id, Of(("active", false)), before.Only(["email"]))).ShouldBeOfType<Drifted>().Message.ShouldContain("email");
        (await System.DeleteAsync(id, before, CancellationToken.None)).ShouldBeOfType<Drifted>();
        (await UpdateAsync(new AccountId("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"), Of(("active", false)))).ShouldBeOfType<Drifted>();
        (await System.DeleteAsync(new AccountId("9"), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();

        (await PresentAsync(id)).Attributes["active"].ShouldBe(FieldValue.Boolean(true));
    }

    [Fact]
    public async Task An_update_into_a_taken_handle_or_address_is_refused_and_changes_nothing()
    {
        var (ann, bob) = (NewName(), NewName());
        await MadeAsync(ann);
        var id = await MadeAsync(bob);
        var before = (await PresentAsync(id)).Record;

        (await UpdateAsync(id, Of(("handle", ann)))).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["handle"]);
        (await UpdateAsync(id, Of(("email", $"{ann}@example.org")))).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["email"]);

        (await PresentAsync(id)).Record.ShouldBe(before);
    }

    // com.atproto.admin.updateAccountHandle skips the check for reserved names, and updateAccountEmail takes any text.
    [Fact]
    public async Task Reserved_handles_and_nonsense_addresses_are_refused_by_us_where_the_PDS_would_take_them()
    {
        var id = await MadeAsync(NewName());
        var before = (await PresentAsync(id)).Record;
        Faults.Calls.Clear();

        (await UpdateAsync(id, Of(("handle", "admin")))).ShouldBeOfType<Refused>().Fields.ShouldBe(["handle"]);
        (await UpdateAsync(id, Of(("email", "nonsense")))).ShouldBeOfType<Refused>().Fields.ShouldBe(["email"]);
        (await UpdateAsync(id, Of(("email", "root@localhost")))).ShouldBeOfType<Refused>().Fields.ShouldBe(["email"]);

        Faults.Calls.ShouldBeEmpty();
        (await PresentAsync(id)).Record.ShouldBe(before);
    }

    [Theory]
    [InlineData("ab")]
    [InlineData("nineteen-characters")]
    [InlineData("two.labels")]
    [InlineData("under_score")]
    [InlineData("-hyphen")]
    [InlineData("hyphen-")]
    [InlineData("café")]
    [InlineData("раypal")]
    [InlineData("with space")]
    [InlineData("x@y")]
    [InlineData("support")]
    [InlineData("")]
    [InlineData("alice.example.net")]
    [InlineData("\ud800abc")]
    public async Task A_handle_of_a_disallowed_shape_is_refused_by_its_field_and_nothing_is_sent(string handle)
    {
        (await System.CreateAsync(Of(("handle", handle), ("email", $"{NewName()}@example.org")), Password, CancellationToken.None))
            .ShouldBeOfType<NotCreated>().Outcome.ShouldBeOfType<Refused>().Fields.ShouldBe(["handle"]);

        Faults.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_the_PDS_alone_refuses_is_told_by_its_field()
    {
        NotMade(await CreateAsync(NewName(), $"{NewName()}@mailinator.com")).ShouldBeOfType<Refused>().Fields.ShouldBe(["email"]);
        NotMade(await System.CreateAsync(Of(("handle", NewName()), ("email", null)), Password, CancellationToken.None)).ShouldBeOfType<Refused>().Fields.ShouldBe(["email"]);
        NotMade(await System.CreateAsync(Person(NewName()).With(Of(("shoe_size", "42"))), Password, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("shoe_size");
        (await UpdateAsync(await MadeAsync(NewName()), Of(("shoe_size", "42")))).ShouldBeOfType<Refused>();
    }

    [Fact]
    public async Task A_user_who_is_disabled_gets_a_disabled_account()
    {
        var name = NewName();
        var outcome = await System.CreateAsync(Person(name).With(Of(("active", false))), Password, CancellationToken.None);

        (await PresentAsync(outcome.ShouldBeOfType<CreatedAccount>().Id)).Attributes["active"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task A_deletion_deletes_that_account_alone_and_frees_handle_and_address()
    {
        var (ann, bob) = (NewName(), NewName());
        var id = await MadeAsync(ann);
        var other = await MadeAsync(bob);

        (await System.DeleteAsync(id, (await PresentAsync(id)).Record, CancellationToken.None)).ShouldBeOfType<Done>();

        (await ReadAsync(id)).ShouldBeNull();
        await PresentAsync(other);
        (await MadeAsync(ann)).ShouldNotBe(id);
    }

    [Fact]
    public async Task Accounts_are_found_by_a_handle_in_another_case_and_with_or_without_the_domain()
    {
        var name = NewName();
        var id = await MadeAsync(name);

        (await FindAsync(IdentifierKind.Handle, name.ToUpperInvariant(), $"{name}.{PersonalDataServer.HandleDomain}", "nobody-has-it", "a b")).Single().Id.ShouldBe(id);
        (await FindAsync(IdentifierKind.Email, $"{name}@example.org")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Its_permissions_are_probed_without_changing_anything()
    {
        var account = await PresentAsync(await MadeAsync(NewName()));
        // Other tests of the shared PDS come and go meanwhile: that each call was refused shows that it changed nothing.
        string[] changes = ["createInviteCode", "updateAccountHandle", "updateAccountEmail", "updateSubjectStatus", "deleteAccount"];
        var answers = new List<HttpStatusCode>();
        foreach (var change in changes)
        {
            Faults.Next(change, async (send, _) =>
            {
                var answer = await send();
                answers.Add(answer.StatusCode);
                return answer;
            });
        }

        Faults.Calls.Clear();
        var probes = await System.ProbeAsync(CancellationToken.None);

        probes.Select(probe => probe.Name).ShouldBe(
            ["read accounts", "make invite codes", "change handles", "change e-mail addresses", "disable accounts", "delete accounts", "ask the DID directory"]);
        probes.ShouldAllBe(probe => probe.Answer == ProbeAnswer.Yes);
        answers.ShouldBe(Enumerable.Repeat(HttpStatusCode.BadRequest, changes.Length));
        Faults.Calls.Count(call => call.StartsWith("POST", StringComparison.Ordinal)).ShouldBe(changes.Length);
        (await PresentAsync(account.Id)).Record.ShouldBe(account.Record);
    }

    [Fact]
    public async Task It_tells_that_ids_are_given_by_itself_and_what_a_deletion_takes_along()
    {
        var facts = await System.DescribeAsync(CancellationToken.None);

        facts.TakesChosenId.ShouldBeFalse();
        facts.Spell(new ForeignValue("handle", FieldValue.Text("Ann"))).Value.ShouldBe(FieldValue.Text("ann"));
        facts.DeletionEffects.ShouldContain(effect => effect.Contains("DID", StringComparison.Ordinal));
    }

    private Task<IReadOnlyList<Account>> FindAsync(IdentifierKind kind, params string[] values)
        => System.FindAsync(new Dictionary<IdentifierKind, IReadOnlyList<string>> { [kind] = values }, CancellationToken.None);

    // What an audit asks of the newest: the administrator's calls say nothing of what others see.
    [Theory]
    [InlineData("resolveHandle", 400, """{"error":"InvalidRequest","message":"Unable to resolve handle"}""", "leads to nobody.")]
    [InlineData("resolveHandle", 200, """{"did":"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"}""", "leads to did:plc:aaaaaaaaaaaaaaaaaaaaaaaa.")]
    [InlineData("describeRepo", 400, """{"error":"RepoNotFound","message":"Could not find repo"}""", "its repository is not served (RepoNotFound).")]
    [InlineData("describeRepo", 200, """{"did":"DID","handleIsCorrect":false}""", "its DID document does not name")]
    public async Task An_account_whose_handle_leads_elsewhere_or_whose_repository_is_not_served_is_not_reached(string method, int status, string answer, string told)
    {
        var name = NewName();
        var account = await PresentAsync(await MadeAsync(name));
        (await System.FindUnreachedAsync(account, CancellationToken.None)).ShouldBeNull();

        Faults.ReplaceNext(method, (HttpStatusCode)status, answer.Replace("DID", account.Id.ToString(), StringComparison.Ordinal));

        (await System.FindUnreachedAsync(account, CancellationToken.None)).ShouldNotBeNull().ShouldContain(told);
        Faults.ReplaceNext(method, HttpStatusCode.BadGateway, "<html>");
        await Should.ThrowAsync<SystemUnavailableException>(() => System.FindUnreachedAsync(account, CancellationToken.None));
    }
}
