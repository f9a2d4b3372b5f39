using System.Text.RegularExpressions;
using Selfsame.Store.Audit;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Clients;

/// <summary>Signs up, verifies, signs in and resets passwords, for people whom other visitors are as well.</summary>
internal sealed partial class Visitor(World world, int number, int seed, PeopleSeen seen) : Client(world, $"visitor {number}", seed)
{
    private const int Actions = 8;

    private readonly List<(Person Person, string Password)> credentials = [];
    private int calls;

    public override async Task RunAsync()
    {
        for (var action = 0; action < Actions; action++)
        {
            await World.DelayAsync(Random.NextInt32(60));
            var person = Random.Pick(Person.All);
            await (Random.NextInt32(8) switch
            {
                0 or 1 or 2 or 3 => SignUpAsync(person),
                4 => SignInAsync(),
                5 => VerifyAsync(person),
                6 => AskForResetAsync(person),
                _ => ResetAsync(person),
            });
        }
    }

    /// <summary>One form, sent once or by a double click, and again as long as no answer comes.</summary>
    private async Task SignUpAsync(Person person)
    {
        var password = $"passphrase {number} of call {++calls}";
        var request = new SignUpRequest
        {
            Tenant = World.Tenant,
            Form = new SignUpForm { Username = Random.Pick(person.Usernames), Email = Random.Pick(person.Emails), Password = password },
            Actor = Actor.Self,
            Call = new IdempotentCall("form", "POST /sign-up", $"{number}-{calls}", password),
        };
        credentials.Add((person, password));
        var clicks = Random.OneIn(3) ? 2 : 1;
        await Task.WhenAll(Enumerable.Range(1, clicks).Select(_ => SendAsync(person, request)));
    }

    private async Task SendAsync(Person person, SignUpRequest request)
    {
        var purges = World.Purges;
        var (given, result) = await AskAsync($"sign up {person.Name} as {request.Call!.Key}", context => World.Options.SignUp(context, request));
        switch (result)
        {
            case SignUpResult.Created created:
                World.Acknowledge(created.User.Uuid);
                if (!seen.IsTheOnly(World, person, created.User.Uuid))
                {
                    World.Violate($"{person.Name} is two users.");
                }

                break;
            // Of a double click one may have been refused before a purge, and the other gone through after it.
            case SignUpResult.Taken when World.Purges == purges:
                ShouldHaveMadeNobody(request);
                break;
            case SignUpResult.Taken:
                break;
            default:
                if (given)
                {
                    World.Violate($"A sign-up was answered by {result}.");
                }

                break;
        }
    }

    /// <summary>Every call has a password of its own, so that the one who made a user is known: it must not be told that its own user is in its way.</summary>
    private void ShouldHaveMadeNobody(SignUpRequest request)
    {
        var made = World.Inspect(transaction => transaction.ScalarAsync<long>(
            "SELECT count(*) FROM users WHERE password_hash = @hash", new { hash = PlainPasswordHashing.Plain(request.Form.Password!) }));
        if (made > 0)
        {
            World.Violate($"Call {request.Call!.Key} was refused and made a user all the same.");
        }
    }

    private async Task SignInAsync()
    {
        if (credentials.Count == 0)
        {
            return;
        }

        var (person, password) = Random.Pick(credentials);
        var login = Random.OneIn(2) ? Random.Pick(person.Usernames) : Random.Pick(person.Emails);
        var origin = new SignInOrigin("192.0.2.1", $"192.0.2.{number}", $"browser {number}", null);
        var (_, result) = await AskAsync(
            $"sign in {person.Name}",
            context => new SignIn(context).ExecuteAsync(World.Tenant, login, password, origin, SessionKind.Browser, Actor.Self, CancellationToken.None));
        if (result is SignInResult.SignedIn signedIn && !seen.IsTheOnly(World, person, signedIn.User.Uuid))
        {
            World.Violate($"{person.Name} is two users.");
        }
    }

    private async Task VerifyAsync(Person person)
    {
        if (Token(person, "verify-email") is { } token)
        {
            var proof = new VerificationProof { NewPassword = NextPassword(person) };
            var (_, result) = await AskAsync(
                $"verify {person.Name}",
                context => new EmailVerification(context).VerifyAsync(World.Tenant, token, proof, Actor.Self, CancellationToken.None));
            ShouldBeProved((result as VerificationResult.Verified)?.User.Uuid);
        }
    }

    private async Task AskForResetAsync(Person person)
    {
        var login = Random.Pick(person.Emails);
        await AskAsync(
            $"ask for a reset for {person.Name}",
            context => new PasswordChanges(context).RequestResetAsync(World.Tenant, login, "192.0.2.1", Actor.Self, CancellationToken.None));
    }

    private async Task ResetAsync(Person person)
    {
        if (Token(person, "reset-password") is { } token)
        {
            var password = NextPassword(person);
            var (_, result) = await AskAsync(
                $"reset {person.Name}",
                context => new PasswordChanges(context).ResetAsync(World.Tenant, token, password, new SignInOrigin(null, null, null, null), Actor.Self, CancellationToken.None));
            ShouldBeProved((result as PasswordChangeResult.Changed)?.User.Uuid);
        }
    }

    private void ShouldBeProved(Guid? uuid)
    {
        if (uuid is { } told && !World.IsPurged(told) && World.Inspect(transaction => transaction.ScalarAsync<long>(
            "SELECT count(*) FROM users WHERE uuid = @uuid AND email_verified_at IS NOT NULL", new { uuid })) != 1)
        {
            World.Violate($"User {uuid} was told that the address is proved, and it is not.");
        }
    }

    private string NextPassword(Person person)
    {
        var password = $"passphrase {number} of mail {++calls}";
        credentials.Add((person, password));
        return password;
    }

    /// <summary>A link from one of the person's mails, perhaps an old one.</summary>
    private string? Token(Person person, string page)
    {
        var links = World.Mailboxes.Of(person.Emails[0])
            .Select(mail => Link().Match(mail.Body))
            .Where(link => link.Groups["page"].Value == page)
            .Select(link => link.Groups["token"].Value)
            .ToList();
        return links.Count == 0 ? null : Random.OneIn(3) ? Random.Pick(links) : links[^1];
    }

    [GeneratedRegex(@"/(?<page>[a-z-]+)\?token=(?<token>[A-Za-z0-9_-]+)")]
    private static partial Regex Link();
}

/// <summary>The users that were told to be a person, by all visitors together.</summary>
internal sealed class PeopleSeen
{
    private readonly Dictionary<string, Guid> users = new(StringComparer.Ordinal);

    /// <summary>Whether nobody was told another user for this person who is there.</summary>
    public bool IsTheOnly(World world, Person person, Guid uuid)
    {
        if (users.TryAdd(person.Name, uuid) || users[person.Name] == uuid || world.IsPurged(uuid))
        {
            return true;
        }

        if (!world.IsPurged(users[person.Name]))
        {
            return false;
        }

        users[person.Name] = uuid;
        return true;
    }
}
