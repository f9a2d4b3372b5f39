using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Webhooks;
using Selfsame.Server.Hosting;
using Selfsame.Server.Mail;
using Selfsame.Server.Webhooks;
using Selfsame.Store.Mail;

namespace Selfsame.Server.Watch;

/// <summary>Where alerts go: a mail address, a webhook, both or none.</summary>
public sealed class AlertChannels : IDisposable
{
    private const int MostLines = 100;

    private readonly string? mail;
    private readonly Uri? webhook;
    private readonly WebhookSignature? signature;
    private readonly IMailTransport transport;
    private readonly WebhookPost post;

    private AlertChannels(string? mail, Uri? webhook, WebhookSignature? signature, ServerOptions options)
    {
        this.mail = mail;
        this.webhook = webhook;
        this.signature = signature;
        transport = options.Smtp is { } smtp ? new SmtpMailTransport(smtp) : new FileMailTransport(Path.Combine(options.DataFolder, "mail"));
        post = new WebhookPost(options.Clock);
    }

    /// <summary>The channels' names, under which an alert notes whom it has not reached.</summary>
    public IReadOnlyList<string> Names => [.. new[] { mail is null ? null : "mail", webhook is null ? null : "webhook" }.OfType<string>()];

    /// <summary>The channels, or an <see cref="InvalidOperationException"/> that says what to correct.</summary>
    /// <param name="mail">An address.</param>
    /// <param name="webhook">A URL; it needs the secret.</param>
    /// <param name="secret">As <see cref="WebhookSignature.Parse"/> reads it.</param>
    /// <param name="options">Mail server and data folder.</param>
    public static AlertChannels Open(string? mail, string? webhook, string? secret, ServerOptions options)
    {
        if (mail is not null && !Core.Identifiers.EmailAddress.TryParse(mail, out _, out _))
        {
            throw new InvalidOperationException($"'{mail}' is no e-mail address.");
        }

        if (webhook is null)
        {
            return new AlertChannels(mail, null, null, options);
        }

        if (!Uri.TryCreate(webhook, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            throw new InvalidOperationException($"'{webhook}' is no http or https address.");
        }

        var signature = WebhookSignature.Parse(secret ?? "") ?? throw new InvalidOperationException(
            "a webhook is signed: put whsec_ and base64 of 24 to 64 random bytes into SELFSAME_WEBHOOK_SECRET, for instance: echo \"whsec_$(head -c 32 /dev/urandom | base64)\"");
        return new AlertChannels(mail, address, signature, options);
    }

    /// <summary>Sends an alert through one channel; what went wrong, or null when it was taken.</summary>
    public async Task<string?> SendAsync(string channel, PendingAlert alert, CancellationToken cancellation)
    {
        try
        {
            if (channel == "mail" && mail is not null)
            {
                await transport.SendAsync(new QueuedMail(alert.Id, Text(alert), 1, alert.Created), cancellation);
                transport.Keep();
                return null;
            }

            return channel == "webhook" && webhook is not null ? await PostAsync(alert, cancellation) : null;
        }
        catch (Exception exception) when (exception is System.Net.Mail.SmtpException or IOException or MailRefusedException
            || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return $"{channel}: {exception.Message}";
        }
    }

    public void Dispose() => post.Dispose();

    private async Task<string?> PostAsync(PendingAlert alert, CancellationToken cancellation)
    {
        var body = JsonSerializer.Serialize(
            new { Type = "findings.new", Timestamp = alert.Created, Data = new { Count = alert.Lines.Count, Findings = alert.Lines.Take(MostLines) } }, PlanJson.Options);
        var answer = await post.SendAsync(webhook!, [signature!], alert.Id, body, cancellation);
        return answer.Problem is { } problem ? $"webhook: {problem}" : null;
    }

    private MailText Text(PendingAlert alert)
    {
        var lines = alert.Lines.Take(MostLines).Select(line => $"{line.Kind} {line.System}: {line.Sentence}");
        var more = alert.Lines.Count > MostLines ? $"\n… and {alert.Lines.Count - MostLines} more." : "";
        return new MailText(
            mail!,
            alert.Lines.Count == 1 ? "Selfsame: 1 new finding" : $"Selfsame: {alert.Lines.Count} new findings",
            $"The audit of {alert.Created:u} found what it had not found before:\n\n{string.Join('\n', lines)}{more}\n\nNext: selfsame plan -o plan.json\n");
    }
}
