using System.Text.Json;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>Somebody who sends requests: with a session, a service token, or nothing. Renewed when the fuzzing took its rights.</summary>
internal sealed class Caller(RunningServer server, string kind)
{
    public static IReadOnlyList<string> Kinds { get; } = ["nobody", "user", "unverified", "staff", "superuser", "superuser", "service"];

    public string Kind => kind;

    public string? Token { get; private set; }

    public string Login { get; private set; } = "nobody@example.org";

    public string Password { get; private set; } = RunningServer.Password;

    public string Uuid { get; private set; } = "6b9f8a3e-8c5e-4f0e-9d58-0c8a6c1d2e3f";

    /// <summary>The session in use, where there is one.</summary>
    public string SessionUuid { get; private set; } = "6b9f8a3e-8c5e-4f0e-9d58-0c8a6c1d2e3f";

    public async Task RenewAsync()
    {
        switch (kind)
        {
            case "nobody":
                return;
            case "service":
                Token = (await server.ServiceAsync([.. ServiceScope.All])).Token;
                return;
            default:
                var caller = await server.SignInNewUserAsync(new AdministratorFields
                {
                    EmailVerified = kind != "unverified",
                    IsStaff = kind == "staff",
                    IsSuperuser = kind == "superuser",
                });
                (Token, Login, Password, Uuid) = (caller.Api.Token, caller.User.Email!, RunningServer.Password, caller.User.Uuid.ToString());
                var sessions = (await caller.Api.GetAsync("/api/v1/sessions")).Json.GetProperty("sessions");
                SessionUuid = sessions[0].GetProperty("uuid").GetString()!;
                return;
        }
    }

    /// <summary>Keeps up with what an answer changed for this caller.</summary>
    public async Task HearAsync(FuzzedRequest request, ApiAnswer answer)
    {
        if (request.Operation.Id == "setPassword" && answer.Status == 204)
        {
            if (request.NewPassword is null)
            {
                // The generator broke it, and the service took what came out.
                await RenewAsync();
                return;
            }

            Password = request.NewPassword;
        }

        if (answer.Status == 401 && request.UsesOwnToken && JsonDocument.Parse(answer.Text).RootElement.GetProperty("type").GetString() == "/problems/sign-in-required")
        {
            await RenewAsync();
        }
    }
}
