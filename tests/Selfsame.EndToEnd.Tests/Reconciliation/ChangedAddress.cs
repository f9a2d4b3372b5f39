using System.Text.RegularExpressions;
using Selfsame.EndToEnd.Tests.Api;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>A person who takes another e-mail address: asks for it, and opens the link that comes to it.</summary>
internal static partial class ChangedAddress
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <param name="server">Where.</param>
    /// <param name="mailFolder">Where mails are written.</param>
    /// <param name="login">Whose.</param>
    /// <param name="password">Theirs.</param>
    /// <param name="address">The new address.</param>
    public static async Task ProveAsync(Uri server, string mailFolder, string login, string password, string address)
    {
        var session = await new ApiClient(server).PostAsync("/api/v1/sessions", new { login, password });
        session.ShouldHaveStatus(201);
        var person = new ApiClient(server, session.TextOf("token"));
        (await person.PutAsync("/api/v1/me/email", new { email = address, password })).ShouldHaveStatus(202);
        (await person.PostAsync("/api/v1/email-changes", new { token = await TokenAsync(mailFolder, address) })).ShouldHaveStatus(204);
    }

    private static async Task<string> TokenAsync(string mailFolder, string address)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            foreach (var mail in Directory.Exists(mailFolder) ? Directory.EnumerateFiles(mailFolder, "*.eml").Select(File.ReadAllText) : [])
            {
                if (mail.Contains($"To: {address}", StringComparison.Ordinal) && Link().Match(mail) is { Success: true } link)
                {
                    return link.Groups["token"].Value;
                }
            }

            await Task.Delay(100, patience.Token);
        }
    }

    [GeneratedRegex(@"/confirm-email\?token=(?<token>[\w-]+)")]
    private static partial Regex Link();
}
