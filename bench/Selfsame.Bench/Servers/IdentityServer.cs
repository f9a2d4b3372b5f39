using System.CommandLine;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Selfsame.Bench.Servers;

/// <summary>
/// The command <c>serve-identity</c>: the peer, ASP.NET Core Identity over EF Core and Npgsql behind one minimal endpoint, with
/// unique e-mail addresses asked for, pooled contexts, prepared statements, and no work for the password hash.
/// </summary>
internal static class IdentityServer
{
    public const string Name = "serve-identity";

    public static Command Command()
    {
        var database = new Option<string>("--database") { Required = true };
        var command = new Command(Name, "ASP.NET Core Identity, to be measured.") { database };
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(database)!, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string connection, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        // A race for a username ends in an exception, which the endpoint answers; the log is not what is measured.
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.None);
        var settings = new NpgsqlConnectionStringBuilder(connection) { MaxPoolSize = 32, MaxAutoPrepare = 200, AutoPrepareMinUsages = 2 };
        builder.Services.AddDbContextPool<IdentityUsers>(options => options.UseNpgsql(settings.ToString()));
        builder.Services.AddIdentityCore<IdentityUser>(options => options.User.RequireUniqueEmail = true).AddEntityFrameworkStores<IdentityUsers>();
        builder.Services.AddSingleton<IPasswordHasher<IdentityUser>, NoIdentityHashing>();
        await using var app = builder.Build();
        await using (var scope = app.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<IdentityUsers>().Database.EnsureCreatedAsync(cancellation);
        }

        app.MapPost("/sign-ups", CreateAsync);
        await app.StartAsync(cancellation);
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        Console.WriteLine(ServerProcess.ListeningOn + addresses.First());
        await app.WaitForShutdownAsync(cancellation);
        return 0;
    }

    private static async Task<IResult> CreateAsync(IdentitySignUp form, UserManager<IdentityUser> users)
    {
        var user = new IdentityUser { UserName = form.Username, Email = form.Email };
        try
        {
            var result = await users.CreateAsync(user, form.Password);
            return result.Succeeded
                ? Results.Created($"/users/{user.Id}", new { user.Id, user.UserName, user.Email })
                : Results.Conflict(result.Errors);
        }
        catch (DbUpdateException)
        {
            // The index on the normalized username, lost in a race between look-up and insert.
            return Results.Conflict();
        }
    }
}

/// <summary>What the peer's endpoint takes.</summary>
internal sealed record IdentitySignUp(string Username, string Email, string Password);

/// <summary>Identity's own schema, as EF Core makes it.</summary>
internal sealed class IdentityUsers(DbContextOptions<IdentityUsers> options) : IdentityUserContext<IdentityUser>(options);

/// <summary>The peer's hashing that does no work.</summary>
internal sealed class NoIdentityHashing : IPasswordHasher<IdentityUser>
{
    public string HashPassword(IdentityUser user, string password) => Stores.NoHashing.Placeholder;

    public PasswordVerificationResult VerifyHashedPassword(IdentityUser user, string hashedPassword, string providedPassword)
        => PasswordVerificationResult.Success;
}
