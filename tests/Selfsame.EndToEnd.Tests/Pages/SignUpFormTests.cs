using System.Net;
using Selfsame.Store;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>The sign-up form by HTTP: what holds without any browser's help.</summary>
public sealed class SignUpFormTests
{
    // better-auth/better-auth#4039 and CASES 5.
    [Fact]
    public async Task The_same_form_sent_ten_times_at_once_makes_one_user_and_one_mail()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        var form = await client.FormAsync("/sign-up");

        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => PostAsync(client, form, "river@example.com", "river")));

        answers.ShouldAllBe(answer => answer.Status == HttpStatusCode.SeeOther && answer.Location == "/sign-up/done");
        (await server.UsersAsync()).Count.ShouldBe(1);
        (await server.SettledMailsAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Ten_forms_of_one_person_at_once_make_one_user_and_name_the_fields()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        var forms = new List<Dictionary<string, string>>();
        for (var number = 0; number < 10; number++)
        {
            forms.Add(await client.FormAsync("/sign-up"));
        }

        var answers = await Task.WhenAll(forms.Select(form => PostAsync(client, form, "river@example.com", "river")));

        answers.Count(answer => answer.Status == HttpStatusCode.SeeOther).ShouldBe(1);
        answers.Where(answer => answer.Status != HttpStatusCode.SeeOther)
            .ShouldAllBe(answer => answer.Status == HttpStatusCode.Conflict && answer.Text.Contains("email-error") && answer.Text.Contains("username-error"));
        (await server.UsersAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_form_that_was_changed_after_its_success_makes_nobody_and_gets_a_new_token()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        var form = await client.FormAsync("/sign-up");
        await PostAsync(client, form, "river@example.com", "river");

        var changed = await PostAsync(client, form, "maple@example.com", "maple");

        changed.Status.ShouldBe(HttpStatusCode.Conflict);
        changed.Text.ShouldContain("made an account already");
        (await server.UsersAsync()).Count.ShouldBe(1);
        var again = await PostAsync(client, PageClient.HiddenFields(changed.Text), "maple@example.com", "maple");
        again.Status.ShouldBe(HttpStatusCode.SeeOther);
        (await server.UsersAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_form_without_its_token_makes_nobody()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        var form = await client.FormAsync("/sign-up");
        form["form-token"] = "short";

        var answer = await PostAsync(client, form, "river@example.com", "river");

        answer.Status.ShouldBe(HttpStatusCode.BadRequest);
        (await server.UsersAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_sixth_account_from_one_network_has_to_wait_and_is_told_how_long()
    {
        await using var server = await PageServer.StartAsync(settings => settings with { SignUpLimit = new("sign-up", 5, TimeSpan.FromHours(1)) });
        using var client = server.Client();
        for (var number = 0; number < 5; number++)
        {
            (await PostAsync(client, await client.FormAsync("/sign-up"), $"river{number}@example.com", "")).Status.ShouldBe(HttpStatusCode.SeeOther);
        }

        var answer = await PostAsync(client, await client.FormAsync("/sign-up"), "river6@example.com", "");

        answer.Status.ShouldBe(HttpStatusCode.TooManyRequests);
        answer.Message.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(3500, 3600);
        answer.Text.ShouldContain("Try again in 60 minutes.");
        (await server.UsersAsync()).Count.ShouldBe(5);
    }

    [Fact]
    public async Task What_only_administrators_may_set_is_not_read_from_the_form()
    {
        // CASES 33.
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();

        await client.SubmitAsync(
            "/sign-up", ("email", "river@example.com"), ("password", PageServer.Password),
            ("isSuperuser", "true"), ("isStaff", "true"), ("role", "owner"), ("emailVerified", "true"), ("tenant", "other"));

        var user = await server.UserAsync("river@example.com");
        (user.IsSuperuser, user.IsStaff, user.Role, user.EmailVerifiedAt, user.Tenant).ShouldBe((false, false, "observer", null, "main"));
    }

    [Fact]
    public async Task A_wrong_value_is_explained_at_its_field()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        var form = await client.FormAsync("/sign-up");
        (string Field, string Value)[] wrong =
        [
            ("email", ""), ("email", "not an address"), ("email", "a\u0001b@example.com"), ("email", $"{new string('a', 300)}@example.com"),
            ("username", "a\u0007b"), ("username", "\u0378"), ("username", "a@b"), ("username", new string('a', 2000)),
            ("password", ""), ("password", "short"), ("password", "password"), ("password", "river@example.com"),
            ("firstName", "a\u202Eb"), ("lastName", new string('a', 200)),
            ("email", "a\0b@example.com"), ("username", "a\0b"), ("password", "willow \0 bark 9"), ("firstName", "a\0b"), ("lastName", "\0"),
        ];

        foreach (var (field, value) in wrong)
        {
            var answer = await client.PostAsync("/sign-up", form, ("email", "river@example.com"), ("password", PageServer.Password), (field, value));

            answer.Status.ShouldBe(HttpStatusCode.UnprocessableEntity, $"{field} {value}");
            answer.Text.ShouldContain($"id=\"{field}-error\"", customMessage: $"{field} {value}");
            answer.Text.ShouldNotContain(PageServer.Password);
        }

        (await server.UsersAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Where_the_tenant_hides_it_a_taken_address_is_answered_as_a_free_one()
    {
        // CASES 31.
        await using var server = await PageServer.StartAsync(settings => settings with { Disclosure = Disclosure.Hide });
        await server.AddUserAsync("river", "river@example.com");
        using var client = server.Client();
        (await client.GetAsync("/sign-up")).Text.ShouldNotContain("name=\"username\"");

        var taken = await PostAsync(client, await client.FormAsync("/sign-up"), "river@example.com", "");
        var free = await PostAsync(client, await client.FormAsync("/sign-up"), "maple@example.com", "");

        (taken.Status, taken.Location, taken.Text).ShouldBe((free.Status, free.Location, free.Text));
        Names(taken).ShouldBe(Names(free));
        var mails = await server.SettledMailsAsync();
        mails.ShouldContain(mail => mail.Contains("To: river@example.com") && mail.Contains("You already have an account"));
        mails.ShouldContain(mail => mail.Contains("To: maple@example.com") && mail.Contains("/verify-email?token="));
    }

    private static IEnumerable<string> Names(PageAnswer answer) => answer.Message.Headers.Select(header => header.Key).Order();

    private static Task<PageAnswer> PostAsync(PageClient client, Dictionary<string, string> form, string email, string username)
        => client.PostAsync("/sign-up", form, ("email", email), ("username", username), ("password", PageServer.Password));
}
