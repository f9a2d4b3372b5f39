using System.CommandLine;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Store.ServiceTokens;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame service-tokens list|create|revoke</c>: machines' rights to call the API.</summary>
internal static class ServiceTokensCommand
{
    private const int MostDays = 36_500;

    private static readonly TenantOption Tenant = new();

    public static Command Create() => new("service-tokens", "Makes, lists and revokes tokens for services.") { List(), CreateToken(), Revoke() };

    private static Command List() => WithStore(
        new Command("list", "Lists tokens; their secrets are not stored."),
        async (context, parsed, cancellation) =>
        {
            foreach (var token in await new ServiceTokenStore(context).ListAsync(Tenant.Read(context, parsed), cancellation))
            {
                var state = token.RevokedAt is not null ? "revoked" : token.ExpiresAt is { } expires ? $"until {expires:u}" : "no end";
                var used = token.LastUsedAt is { } last ? $"last used {last:u}" : "never used";
                Console.WriteLine($"{token.Name}\t{token.Scopes}\t{state}\t{used}");
            }

            return ExitCode.Clean;
        });

    private static Command CreateToken()
    {
        var name = new Argument<string>("name") { Description = "What the token is for." };
        var scopes = new Option<string[]>("--scope") { Description = $"One or more of: {string.Join(", ", ServiceScope.All)}.", AllowMultipleArgumentsPerToken = true, Required = true };
        var days = new Option<int?>("--days") { Description = "Days until it expires (default: never)." };
        return WithStore(
            new Command("create", "Makes a token and prints it, once.") { name, scopes, days },
            async (context, parsed, cancellation) =>
            {
                if (parsed.GetValue(days) is < 1 or > MostDays)
                {
                    await Console.Error.WriteLineAsync($"selfsame: '--days' is a number from 1 to {MostDays}; leave it out for a token that does not expire.");
                    return ExitCode.Error;
                }

                TimeSpan? lifetime = parsed.GetValue(days) is { } count ? TimeSpan.FromDays(count) : null;
                var (token, refusal) = await new ServiceTokenStore(context).CreateAsync(
                    Tenant.Read(context, parsed), parsed.GetValue(name)!, parsed.GetValue(scopes)!, lifetime, cancellation);
                if (token is null)
                {
                    await Console.Error.WriteLineAsync($"selfsame: {refusal!.Message}");
                    return ExitCode.Error;
                }

                Console.WriteLine(token);
                return ExitCode.Clean;
            });
    }

    private static Command Revoke()
    {
        var name = new Argument<string>("name");
        return WithStore(
            new Command("revoke", "Revokes a token at once.") { name },
            async (context, parsed, cancellation) =>
            {
                if (await new ServiceTokenStore(context).RevokeAsync(Tenant.Read(context, parsed), parsed.GetValue(name)!, cancellation))
                {
                    return ExitCode.Clean;
                }

                await Console.Error.WriteLineAsync("selfsame: there is no such token in force. 'selfsame service-tokens list' shows them.");
                return ExitCode.Error;
            });
    }

    private static Command WithStore(Command command, Func<StoreContext, ParseResult, CancellationToken, Task<int>> run)
    {
        var options = new StoreOptions();
        options.AddTo(command);
        command.Options.Add(Tenant);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var store = await OpenedStore.OpenAsync(options.Read(parsed), cancellation);
            return await run(store.Context, parsed, cancellation);
        });
        return command;
    }
}
