using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame users list|show|create|disable|enable|delete|restore</c>.</summary>
internal static class UsersCommand
{
    private static readonly TenantOption Tenant = new();
    private static readonly Option<bool> Json = new("--json") { Description = "Write JSON for programs." };

    public static Command Create()
    {
        var command = new Command("users", "Lists, shows, creates, disables, deletes and restores users.")
        {
            List(),
            Show(),
            CreateUser(),
            Change("disable", "Stops a user from signing in and ends the user's sessions.", (users, user, cancellation) => users.SetActiveAsync(user.Tenant, user.Uuid, false, Actor.CommandLine, cancellation)),
            Change("enable", "Lets a disabled user sign in again.", (users, user, cancellation) => users.SetActiveAsync(user.Tenant, user.Uuid, true, Actor.CommandLine, cancellation)),
            Change("delete", "Deletes a user; can be restored until the grace period ends.", (users, user, cancellation) => users.DeleteAsync(user.Tenant, user.Uuid, null, Actor.CommandLine, cancellation)),
            Change("restore", "Takes a deletion back.", (users, user, cancellation) => users.RestoreAsync(user.Tenant, user.Uuid, null, Actor.CommandLine, cancellation)),
        };
        return command;
    }

    private static Command List()
    {
        var search = new Option<string?>("--search") { Description = "Part of a name, e-mail, handle or code." };
        var page = new Option<int>("--page") { Description = "The page, from 1.", DefaultValueFactory = _ => 1 };
        var deleted = new Option<bool>("--deleted") { Description = "Deleted users too." };
        return WithStore(
            new Command("list", "Lists users, newest first, 50 a page.") { search, page, deleted },
            async (context, parsed, cancellation) =>
            {
                var query = new UserQuery
                {
                    Tenant = Tenant.Read(context, parsed),
                    Search = parsed.GetValue(search),
                    Page = Math.Clamp(parsed.GetValue(page), 1, 1_000_000),
                    IncludeDeleted = parsed.GetValue(deleted),
                };
                UserView.Write(await new UserReader(context).ListAsync(query, cancellation), parsed.GetValue(Json));
                return ExitCode.Clean;
            });
    }

    private static Command Show()
    {
        var who = Who();
        return WithStore(
            new Command("show", "Shows one user.") { who },
            (context, parsed, cancellation) => WithUserAsync(context, parsed, who, async user =>
            {
                var groups = await new UserReader(context).GroupsAsync(user, cancellation);
                UserView.Write(user, groups, parsed.GetValue(Json));
                return ExitCode.Clean;
            }, cancellation));
    }

    private static Command CreateUser()
    {
        var username = new Option<string?>("--username");
        var email = new Option<string?>("--email");
        var superuser = new Option<bool>("--superuser") { Description = "May do everything." };
        var staff = new Option<bool>("--staff") { Description = "May administer users." };
        var verified = new Option<bool>("--email-verified") { Description = "The address is known to be the user's." };
        var role = new Option<string?>("--role");
        return WithStore(
            new Command("create", "Creates a user; the password is read from standard input.") { username, email, superuser, staff, verified, role },
            async (context, parsed, cancellation) =>
            {
                var password = await PasswordPrompt.ReadAsync(cancellation);
                var form = new SignUpForm
                {
                    Username = parsed.GetValue(username),
                    Email = parsed.GetValue(email),
                    Password = password,
                    Administrator = new AdministratorFields
                    {
                        IsSuperuser = parsed.GetValue(superuser),
                        IsStaff = parsed.GetValue(staff) || parsed.GetValue(superuser),
                        EmailVerified = parsed.GetValue(verified),
                        Role = parsed.GetValue(role),
                    },
                };
                if (form is { Administrator.IsSuperuser: true, Password: null, Email: null })
                {
                    await Console.Error.WriteLineAsync(
                        "selfsame: a superuser without a password and without an e-mail address could never sign in. Write the password to standard input, or add --email.");
                    return ExitCode.Error;
                }

                var request = new SignUpRequest { Tenant = Tenant.Read(context, parsed), Form = form, Actor = Actor.CommandLine };
                return UserView.WriteOutcome(await new SignUp(context).ExecuteAsync(request, cancellation), parsed.GetValue(Json));
            });
    }

    private static Command Change(
        string name, string description, Func<UserAdministration, User, CancellationToken, Task<UserChangeResult>> change)
    {
        var who = Who();
        return WithStore(
            new Command(name, description) { who },
            (context, parsed, cancellation) => WithUserAsync(
                context,
                parsed,
                who,
                async user => UserView.WriteOutcome(await change(new UserAdministration(context), user, cancellation), parsed.GetValue(Json)),
                cancellation));
    }

    private static Argument<string> Who() => new("who") { Description = "A uuid, username, e-mail, handle or user code." };

    private static async Task<int> WithUserAsync(
        StoreContext context, ParseResult parsed, Argument<string> who, Func<User, Task<int>> act, CancellationToken cancellation)
    {
        var found = await new UserReader(context).FindByAnyAsync(Tenant.Read(context, parsed), parsed.GetValue(who)!, cancellation);
        if (found.Count == 0)
        {
            await Console.Error.WriteLineAsync("selfsame: there is no such user. 'selfsame users list --search …' finds one.");
            return ExitCode.Error;
        }

        if (found.Count > 1)
        {
            await Console.Error.WriteLineAsync($"selfsame: this names more than one user, and nothing was done. Say which by the uuid: {string.Join(", ", found.Select(user => user.Uuid))}.");
            return ExitCode.Error;
        }

        return await act(found[0]);
    }

    private static Command WithStore(Command command, Func<StoreContext, ParseResult, CancellationToken, Task<int>> run)
    {
        var options = new StoreOptions();
        options.AddTo(command);
        command.Options.Add(Tenant);
        command.Options.Add(Json);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var store = await OpenedStore.OpenAsync(options.Read(parsed), cancellation);
            return await run(store.Context, parsed, cancellation);
        });
        return command;
    }
}
