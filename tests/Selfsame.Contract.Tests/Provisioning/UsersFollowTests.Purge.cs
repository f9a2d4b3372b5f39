using Selfsame.Contract.Tests.Store;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Store.Audit;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Provisioning;

// What the purge leaves to be done elsewhere.
public abstract partial class UsersFollowContract
{
    [Fact]
    public async Task A_purged_users_account_is_deleted_where_the_config_says_so_and_nothing_of_them_stays()
    {
        DeleteOrphans();
        var (user, other) = (await LinkedAsync(), await store.CreateAsync("bert", "bert@example.org"));
        await DeleteAsync(user);
        await RunAsync();
        Members().ShouldBe(["anna|anna@example.org||0", "bert|bert@example.org||1"]);

        await PurgeAsync();
        var waiting = await RowAsync(user);
        (waiting.Purged, waiting.State).ShouldBe((true, ProvisioningState.Intent));
        await RunAsync();

        Members().ShouldBe(["bert|bert@example.org||1"]);
        (await RowAsync(other)).State.ShouldBe(ProvisioningState.Linked);
        (await store.CountAsync("provisioning")).ShouldBe(1);
        (await store.CountAsync("provisioning_events", $"source_id = '{user.Uuid}'")).ShouldBe(0);
    }

    // A plan makes accounts without the service's rows; who is purged before the service came to theirs must not leave one behind.
    [Fact]
    public async Task An_account_that_a_plan_made_before_the_service_looked_is_deleted_by_the_purge()
    {
        DeleteOrphans();
        var (user, other) = (await store.CreateAsync("anna", "anna@example.org"), await store.CreateAsync("bert", "bert@example.org"));
        Sql($"INSERT INTO members (id, login, mail, is_active) VALUES ('{user.Uuid}', 'anna', 'anna@example.org', 1)");
        await DeleteAsync(user);
        await DeleteAsync(other);
        await PurgeAsync();

        await RunAsync();

        Members().ShouldBeEmpty();
        (await store.CountAsync("provisioning")).ShouldBe(0);
    }

    [Fact]
    public async Task Without_the_config_saying_so_the_purge_forgets_the_row_and_the_disabled_account_stays()
    {
        var user = await LinkedAsync();
        await DeleteAsync(user);
        await RunAsync();

        await PurgeAsync();
        await RunAsync();

        Members().ShouldBe(["anna|anna@example.org||0"]);
        (await store.CountAsync("provisioning")).ShouldBe(0);
    }

    // What can't be disabled asks for a person, who may come later than the purge.
    [Fact]
    public async Task A_conflict_whose_account_is_still_active_outlives_the_purge_until_a_person_has_settled_it()
    {
        var user = await LinkedAsync();
        Sql("CREATE TRIGGER keeps BEFORE UPDATE ON members WHEN NEW.is_active = 0 BEGIN SELECT RAISE(ABORT, 'nobody is disabled here'); END");
        await DeleteAsync(user);
        await RunAsync();
        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Conflict);

        await PurgeAsync();
        await RunAsync();

        Members().ShouldBe(["anna|anna@example.org||1"]);
        var row = await RowAsync(user);
        (row.State, row.Purged, row.TargetId).ShouldBe((ProvisioningState.Conflict, true, new AccountId(user.Uuid.ToString())));
        row.Problem!.ShouldContain("nobody is disabled here");
        Sql("DROP TRIGGER keeps");
        (await Rows().RetryAsync(row.Key, TestStore.Cancellation)).ShouldBeTrue();
        await RunAsync();
        Members().ShouldBe(["anna|anna@example.org||0"]);
        (await store.CountAsync("provisioning")).ShouldBe(0);
        (await store.CountAsync("provisioning_events")).ShouldBe(0);
    }

    [Fact]
    public async Task Who_moves_in_again_under_the_same_uuid_after_the_purge_kept_a_conflict_is_looked_at_at_once()
    {
        var user = await LinkedAsync();
        Sql("CREATE TRIGGER keeps BEFORE UPDATE ON members WHEN NEW.is_active = 0 BEGIN SELECT RAISE(ABORT, 'nobody is disabled here'); END");
        await DeleteAsync(user);
        await RunAsync();
        await PurgeAsync();
        await RunAsync();
        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Conflict);

        await MoveInAsync(user);
        await RunAsync();

        var row = await RowAsync(user);
        (row.State, row.Purged).ShouldBe((ProvisioningState.Linked, false));
        Members().ShouldBe(["anna|anna@example.org||1"]);
    }

    // No row of a purged user is kept for nothing.
    [Fact]
    public async Task A_conflict_whose_account_is_gone_by_the_purge_ends_by_itself()
    {
        var user = await LinkedAsync();
        Sql("CREATE TRIGGER keeps BEFORE UPDATE ON members BEGIN SELECT RAISE(ABORT, 'nobody is disabled here'); END");
        await DeleteAsync(user);
        await RunAsync();
        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Conflict);
        Sql("DELETE FROM members");

        await PurgeAsync();
        await RunAsync();
        // What was asked for may still arrive.
        store.Clock.Advance(TimeSpan.FromMinutes(10));
        await RunAsync();

        (await store.CountAsync("provisioning")).ShouldBe(0);
        (await store.CountAsync("provisioning_events")).ShouldBe(0);
    }

    [Fact]
    public async Task Purged_users_beyond_the_guard_wait_visibly_and_follow_when_the_hour_is_over()
    {
        DeleteOrphans();
        var users = new List<User>();
        foreach (var name in new[] { "anna", "bert", "carl" })
        {
            users.Add(await store.CreateAsync(name, $"{name}@example.org"));
        }

        await RunAsync();
        foreach (var user in users)
        {
            await DeleteAsync(user);
        }

        await RunAsync();
        await PurgeAsync();

        await RunDeletingAsync(most: 2);
        Sql("SELECT count(*) FROM members").ShouldBe(["1"]);
        var reports = new ProvisioningReports(store.Database, store.Clock);
        (await reports.SummariseAsync(TestStore.Cancellation)).Single().LastProblem!.ShouldContain("maxDeletesPerHour allows 2");
        (await reports.ListAsync(new ProvisioningQuery(["app"], null, 1, 10), TestStore.Cancellation)).Rows.ShouldHaveSingleItem().Row.Purged.ShouldBeTrue();

        store.Clock.Advance(TimeSpan.FromHours(1));
        await RunDeletingAsync(most: 2);
        Sql("SELECT count(*) FROM members").ShouldBe(["0"]);
        (await store.CountAsync("provisioning")).ShouldBe(0);
    }

    [Fact]
    public async Task Rows_that_refer_to_a_purged_users_account_keep_it_until_a_person_has_moved_them()
    {
        DeleteOrphans();
        Sql("CREATE TABLE posts (id integer PRIMARY KEY, author text REFERENCES members ON DELETE CASCADE)");
        var user = await LinkedAsync();
        Sql($"INSERT INTO posts (author) VALUES ('{user.Uuid}')");
        await DeleteAsync(user);
        await RunAsync();
        await PurgeAsync();

        await RunAsync();

        Sql("SELECT count(*) FROM posts").ShouldBe(["1"]);
        var row = await RowAsync(user);
        row.State.ShouldBe(ProvisioningState.Conflict);
        row.Problem!.ShouldContain("posts.author");
        Sql("DELETE FROM posts");
        (await Rows().RetryAsync(row.Key, TestStore.Cancellation)).ShouldBeTrue();
        await RunAsync();
        Members().ShouldBeEmpty();
        (await store.CountAsync("provisioning")).ShouldBe(0);
    }

    // The holder had looked while the user was only deleted, and writes after the purge.
    [Fact]
    public async Task A_purge_while_the_row_is_worked_on_is_not_forgotten_by_who_works_on_it()
    {
        DeleteOrphans();
        var user = await LinkedAsync();
        await DeleteAsync(user);
        var purged = false;
        await Provisioner(LeaseHolder.Current, new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.UpdateLeft && !purged)
            {
                purged = true;
                PurgeAsync().GetAwaiter().GetResult();
            }
        })).RunOnceAsync(TestStore.Cancellation);
        Members().ShouldBe(["anna|anna@example.org||0"]);

        await RunAsync();

        purged.ShouldBeTrue();
        Members().ShouldBeEmpty();
        (await store.CountAsync("provisioning")).ShouldBe(0);
    }

    [Fact]
    public async Task Who_moves_in_again_under_the_same_uuid_before_the_deletion_keeps_the_account_and_the_row()
    {
        DeleteOrphans();
        var user = await LinkedAsync();
        await DeleteAsync(user);
        await RunAsync();
        await PurgeAsync();
        await MoveInAsync(user);

        await RunAsync();

        Members().ShouldBe(["anna|anna@example.org||1"]);
        var row = await RowAsync(user);
        (row.State, row.Purged).ShouldBe((ProvisioningState.Linked, false));
        await DeleteAsync(user);
        await RunAsync();
        Members().ShouldBe(["anna|anna@example.org||0"]);
    }

    private async Task MoveInAsync(User user)
        => (await new SignUp(store.Context).ExecuteAsync(
            new SignUpRequest
            {
                Tenant = TestStore.Tenant,
                Form = new SignUpForm { Username = "anna", Email = "anna@example.org", Administrator = new AdministratorFields(), MovedIn = new MovedInFields { Uuid = user.Uuid } },
                Actor = Actor.System,
            },
            TestStore.Cancellation)).ShouldBeOfType<SignUpResult.Created>();

    private void DeleteOrphans() => orphans = OrphanAction.DeleteInTarget;

    private ProvisioningRows Rows() => new(store.Database, store.Context.Secrets, store.Clock, LeaseHolder.Current);

    private Task<UserChangeResult> DeleteAsync(User user)
        => new UserAdministration(store.Context).DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);

    private async Task PurgeAsync()
    {
        store.Clock.Advance(TimeSpan.FromDays(30));
        var context = store.With(tenant => tenant with { DeletePurgedIn = orphans == OrphanAction.DeleteInTarget ? ["app"] : [] });
        (await new UserPurge(context).ExecuteAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBeGreaterThan(0);
    }

    private async Task RunDeletingAsync(int most)
    {
        while (await Provisioner(LeaseHolder.Current, mostDeletes: most).RunOnceAsync(TestStore.Cancellation) > 0)
        {
        }
    }
}
