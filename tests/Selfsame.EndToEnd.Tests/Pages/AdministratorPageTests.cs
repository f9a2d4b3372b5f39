using System.Globalization;
using System.Net;
using Microsoft.Playwright;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Pages;

public sealed class AdministratorPageTests
{
    [Fact]
    [Trait("needs", "chromium")]
    public async Task An_administrator_makes_a_user_and_is_shown_a_taken_username_at_its_field()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        await server.AddUserAsync("River");
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.SignInAsync("ada");
        await page.ClickAsync("text=Users");
        await page.ClickAsync("text=Add a user");
        await page.FillAsync("#username", "rIvEr");
        await page.FillAsync("#firstName", "Brook");
        await page.FillAsync("#groups", "Household 1\nReaders");
        await page.SubmitAsync();
        (await page.FieldErrorAsync("username")).ShouldContain("This username is taken");
        (await page.InputValueAsync("#firstName")).ShouldBe("Brook");

        await page.FillAsync("#username", "brook");
        await page.Locator("main button[type=submit]").DblClickAsync();
        await page.ArriveAsync("?done=user-created");

        (await page.InnerTextAsync("h1")).ShouldBe("brook");
        (await page.InnerTextAsync("main")).ShouldContain("Household 1, Readers");
        (await page.InnerTextAsync("main")).ShouldContain("Account created");
        (await server.UsersAsync()).Count.ShouldBe(3);
        browser.Faults().ShouldBeEmpty();
    }

    [Fact]
    [Trait("needs", "chromium")]
    public async Task The_list_is_searched_while_typing_and_paged_without_script()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        for (var number = 0; number < 30; number++)
        {
            await server.AddUserAsync($"river{number}");
        }

        await using var browser = await server.BrowseAsync();
        await browser.Page.SignInAsync("ada");
        await browser.Page.GotoAsync("/admin/users");
        await Assertions.Expect(browser.Page.Locator("tbody tr")).ToHaveCountAsync(25);
        await browser.Page.Locator("#search").PressSequentiallyAsync("RIVER17");
        await Assertions.Expect(browser.Page.Locator("tbody tr")).ToHaveCountAsync(1);
        await Assertions.Expect(browser.Page.Locator("#announcer")).ToHaveTextAsync("1 user found for “RIVER17”");
        browser.Page.Url.ShouldContain("search=RIVER17");
        browser.Errors.ShouldBeEmpty();

        await using var plain = await server.BrowseAsync(script: false);
        await plain.Page.SignInAsync("ada");
        await plain.Page.GotoAsync("/admin/users?search=river");
        await plain.Page.ClickAsync("a[rel=next]");
        await Assertions.Expect(plain.Page.Locator("tbody tr")).ToHaveCountAsync(5);
        (await plain.Page.InnerTextAsync("nav.pages")).ShouldContain("Page 2 of 2");
    }

    [Fact]
    public async Task A_strange_search_breaks_nothing()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        using var client = server.Client();
        await client.SignInAsync("ada");

        foreach (var query in new[]
        {
            "search=%00", "search=%25%5F%5C%27", "search=%ED%A0%80", "page=-1", "page=0", "page=99999999999999999999", "page=2147483647", "deleted=maybe",
        })
        {
            (await client.GetAsync($"/admin/users?{query}")).Status.ShouldBe(HttpStatusCode.OK, query);
        }

        (await client.GetAsync("/admin/users?search=%25")).Text.ShouldContain("0 users found");

        // The 254th of the UTF-16 units would be half a character.
        var cut = await client.GetAsync($"/admin/users?search={new string('a', 253)}%F0%9F%98%80");
        cut.Status.ShouldBe(HttpStatusCode.OK);
        cut.Text.ShouldContain($"value=\"{new string('a', 253)}\"");
    }

    [Fact]
    [Trait("needs", "chromium")]
    public async Task A_user_is_disabled_enabled_deleted_after_a_question_and_restored()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        var river = await server.AddUserAsync("river");
        using var client = server.Client();
        await client.SignInAsync("river");
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.SignInAsync("ada");
        await page.GotoAsync($"/admin/users/{river.Uuid}");

        await page.ClickAsync("text=Disable");
        await page.ArriveAsync("?done=user-disabled");
        (await page.InnerTextAsync(".title-row")).ShouldContain("✕ disabled");
        (await client.GetAsync("/account")).Status.ShouldBe(HttpStatusCode.SeeOther);
        await page.ClickAsync("text=Enable");
        await page.ArriveAsync("?done=user-enabled");

        await page.ClickAsync("text=Delete…");
        (await page.InnerTextAsync("h1")).ShouldBe("Delete river?");
        (await server.UserAsync("river")).DeletedAt.ShouldBeNull();
        await page.SubmitAsync();
        await page.ArriveAsync("?done=user-deleted");
        (await page.InnerTextAsync(".title-row")).ShouldContain("✕ deleted");
        await page.GotoAsync("/admin/users");
        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(1);
        await page.CheckAsync("#deleted");
        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(2);
        await page.GotoAsync($"/admin/users/{river.Uuid}");
        await page.ClickAsync("text=Restore");
        await page.ArriveAsync("?done=user-restored");

        foreach (var happened in new[] { "Disabled", "Enabled", "Deleted", "Restored" })
        {
            (await page.InnerTextAsync("tbody")).ShouldContain(happened);
        }

        browser.Errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_is_no_administrator_sees_none_of_it()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        var ada = await server.AddSuperuserAsync();
        using var client = server.Client();
        (await client.GetAsync("/admin/users")).Location.ShouldBe("/sign-in?next=%2Fadmin%2Fusers");
        await client.SignInAsync("river");
        var form = await client.FormAsync("/account/profile");
        form["form-token"] = new string('a', 43);

        foreach (var path in new[] { "/admin", "/admin/users", "/admin/users/new", $"/admin/users/{ada.Uuid}", $"/admin/users/{ada.Uuid}/edit", $"/admin/users/{ada.Uuid}/delete" })
        {
            (await client.GetAsync(path)).Status.ShouldBe(HttpStatusCode.Forbidden, path);
            (await client.PostAsync(path, form, ("username", "x"), ("isSuperuser", "true"))).Status.ShouldBe(HttpStatusCode.Forbidden, path);
        }

        (await client.GetAsync("/account")).Text.ShouldNotContain("/admin/users");
        (await server.UsersAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task Staff_neither_grant_rights_nor_touch_superusers()
    {
        await using var server = await PageServer.StartAsync();
        var ada = await server.AddSuperuserAsync();
        var river = await server.AddUserAsync("river");
        await server.AddUserAsync("osprey", fields: new AdministratorFields { EmailVerified = true, IsStaff = true });
        using var client = server.Client();
        await client.SignInAsync("osprey");

        var form = await client.FormAsync("/admin/users/new");
        (await client.GetAsync("/admin/users/new")).Text.ShouldNotContain("isSuperuser");
        (await client.PostAsync("/admin/users/new", form, ("username", "evil"), ("isSuperuser", "true"))).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await client.SubmitAsync($"/admin/users/{river.Uuid}/edit", ("username", "river"), ("isStaff", "true"))).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await client.GetAsync($"/admin/users/{ada.Uuid}")).Text.ShouldContain("Only superusers may change a superuser.");
        (await client.GetAsync($"/admin/users/{ada.Uuid}/edit")).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await client.PostAsync($"/admin/users/{ada.Uuid}/edit", form, ("username", "eve"))).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await client.PostAsync($"/admin/users/{ada.Uuid}/delete", form)).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await client.PostAsync($"/admin/users/{ada.Uuid}?handler=Active", form, ("active", "false"))).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await client.SubmitAsync($"/admin/users/{river.Uuid}/edit", ("username", "brook"), ("email", "river@example.com"), ("emailVerified", "true")))
            .Location.ShouldBe($"/admin/users/{river.Uuid}?done=user-saved");

        (await server.UserAsync("ada")).IsActive.ShouldBeTrue();
        (await server.UserAsync("brook")).IsStaff.ShouldBeFalse();
    }

    // The rights are judged on the user as read: whoever guesses the next version must not change what the user becomes meanwhile.
    [Fact]
    public async Task Staff_do_not_change_a_user_who_becomes_a_superuser_this_moment()
    {
        await using var server = await PageServer.StartAsync();
        var river = await server.AddUserAsync("river");
        await server.AddUserAsync("osprey", fields: new AdministratorFields { EmailVerified = true, IsStaff = true });
        using var client = server.Client();
        await client.SignInAsync("osprey");
        var form = await client.FormAsync($"/admin/users/{river.Uuid}");
        form["version"] = (river.Version + 1).ToString(CultureInfo.InvariantCulture);

        // Held open: the page reads the user as it was before, and what it would write could only be written afterwards.
        var answers = new List<Task<PageAnswer>>();
        await server.Server.Context.Database.TransactAsync(async transaction =>
        {
            await transaction.ExecuteAsync("UPDATE users SET is_superuser = @yes, version = version + 1 WHERE uuid = @uuid", new { yes = true, uuid = river.Uuid });
            answers.Add(client.PostAsync($"/admin/users/{river.Uuid}?handler=Active", form, ("active", "false")));
            answers.Add(client.PostAsync($"/admin/users/{river.Uuid}/edit", form, ("username", "eve")));
            answers.Add(client.PostAsync($"/admin/users/{river.Uuid}/delete", form));
            await Task.WhenAny(Task.WhenAll(answers), Task.Delay(TimeSpan.FromSeconds(5)));
        });

        (await Task.WhenAll(answers)).ShouldAllBe(answer => answer.Status == HttpStatusCode.Conflict || answer.Status == HttpStatusCode.Forbidden);
        var present = await server.UserAsync("river");
        (present.IsSuperuser, present.IsActive, present.DeletedAt, present.Version).ShouldBe((true, true, null, river.Version + 1));
    }

    [Fact]
    public async Task A_deleted_user_is_restored_before_anything_else_is_changed()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        var river = await server.AddUserAsync("river");
        using var client = server.Client();
        await client.SignInAsync("ada");
        var form = await client.FormAsync($"/admin/users/{river.Uuid}/edit");
        form.Remove("version");
        await client.SubmitAsync($"/admin/users/{river.Uuid}/delete");

        foreach (var (path, field, value) in new[] { ("?handler=Active", "active", "false"), ("/edit", "username", "brook") })
        {
            var refused = await client.PostAsync($"/admin/users/{river.Uuid}{path}", form, (field, value));
            refused.Status.ShouldBe(HttpStatusCode.Conflict);
            refused.Text.ShouldContain("Restore the user first");
        }

        (await client.GetAsync($"/admin/users/{river.Uuid}/edit")).Location.ShouldBe($"/admin/users/{river.Uuid}");
        var present = await server.UserAsync("river");
        (present.IsActive, present.DeletedAt is not null).ShouldBe((true, true));
    }

    [Fact]
    public async Task Administrators_cannot_lock_themselves_out()
    {
        await using var server = await PageServer.StartAsync();
        var ada = await server.AddSuperuserAsync();
        using var client = server.Client();
        await client.SignInAsync("ada");
        var form = await client.FormAsync($"/admin/users/{ada.Uuid}/edit");

        (await client.PostAsync($"/admin/users/{ada.Uuid}?handler=Active", form, ("active", "false"))).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await client.PostAsync($"/admin/users/{ada.Uuid}/delete", form)).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await client.PostAsync($"/admin/users/{ada.Uuid}/edit", form, ("username", "Ada"), ("email", ada.Email!))).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);

        var present = await server.UserAsync("ada");
        (present.IsActive, present.IsSuperuser, present.DeletedAt).ShouldBe((true, true, null));
    }

    [Fact]
    public async Task Changes_of_two_administrators_at_once_are_not_mixed()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        var river = await server.AddUserAsync("river", "river@example.com");
        using var client = server.Client();
        await client.SignInAsync("ada");
        var form = await client.FormAsync($"/admin/users/{river.Uuid}/edit");

        (await client.PostAsync($"/admin/users/{river.Uuid}/edit", form, ("username", "river"), ("email", "river@example.com"), ("role", "one"))).Status
            .ShouldBe(HttpStatusCode.SeeOther);
        var stale = await client.PostAsync($"/admin/users/{river.Uuid}/edit", form, ("username", "river"), ("email", "river@example.com"), ("role", "two"));

        stale.Status.ShouldBe(HttpStatusCode.Conflict);
        stale.Text.ShouldContain("Somebody else changed this user meanwhile");
        (await server.UserAsync("river")).Role.ShouldBe("one");
    }

    [Fact]
    public async Task Another_address_is_confirmed_only_when_the_box_says_so_anew()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        var river = await server.AddUserAsync("river", "river@example.com");
        using var client = server.Client();
        await client.SignInAsync("ada");

        await client.SubmitAsync($"/admin/users/{river.Uuid}/edit", ("username", "river"), ("email", "brook@example.com"), ("emailVerified", "true"));
        (await server.UserAsync("river")).EmailVerifiedAt.ShouldBeNull();
        await client.SubmitAsync($"/admin/users/{river.Uuid}/edit", ("username", "river"), ("email", "brook@example.com"), ("emailVerified", "true"));

        (await server.UserAsync("river")).EmailVerifiedAt.ShouldNotBeNull();
        (await server.LinkAsync("brook@example.com", "verify-email")).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task A_password_that_a_refused_form_lost_is_asked_for_again_before_a_user_is_made_without_one()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        using var client = server.Client();
        await client.SignInAsync("ada");

        var refused = await client.SubmitAsync("/admin/users/new", ("username", "ada"), ("password", PageServer.Password));
        refused.Status.ShouldBe(HttpStatusCode.Conflict);
        refused.Text.ShouldContain("type it again");
        var again = await client.PostAsync("/admin/users/new", PageClient.HiddenFields(refused.Text), ("username", "river"));

        again.Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        again.Text.ShouldContain("was not kept");
        var hidden = PageClient.HiddenFields(again.Text);
        hidden.Remove("lostPassword").ShouldBeFalse();
        (await client.PostAsync("/admin/users/new", hidden, ("username", "river"))).Status.ShouldBe(HttpStatusCode.SeeOther);
    }

    [Fact]
    public async Task Users_who_look_alike_are_shown_to_administrators()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        var latin = await server.AddUserAsync("paypal", "a@example.com");
        await server.AddUserAsync("раураl", "b@example.com");
        using var client = server.Client();
        await client.SignInAsync("ada");

        var page = await client.GetAsync($"/admin/users/{latin.Uuid}");

        page.Text.ShouldContain("Looks like");
        page.Text.ShouldContain("b@example.com");
    }
}
