using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Webhooks;
using Selfsame.Server.Hosting;
using Selfsame.Server.Mail;
using Selfsame.Server.Webhooks;
using Selfsame.Store.Mail;

namespace Selfsame.Server.Watch;

/// <summary>One way by which alerts go.</summary>
/// <param name="Kind"><c>mail</c> or <c>webhook</c>; <see cref="Screen"/> where a round tells nobody but whoever reads its output.</param>
/// <param name="Address">The mail address or the URL, in the form in which equal ones are equal.</param>
public sealed record AlertChannel(string Kind, string Address)
{
    /// <summary>Whoever reads what a round prints.</summary>
    public static readonly AlertChannel Screen = new("screen", "");
}

/// <summary>Where alerts go: a mail address, a webhook, both or none.</summary>
public sealed class AlertChannels : IDisposable
{
    private const int MostLines = 100;
    private const string Mail = "mail";
    private const string Webhook = "webhook";

    private readonly string? mail;
    private readonly Uri? webhook;
    private readonly WebhookSignature? signature;
    private readonly IMailTransport transport;
    private readonly WebhookPost post;

    private AlertChannels(Core.Identifiers.EmailAddress? address, string? mail, Uri? webhook, WebhookSignature? signature, ServerOptions options)
    {
        All = [.. new[] { address is null ? null : new AlertChannel(Mail, address.Key), webhook is null ? null : new AlertChannel(Webhook, webhook.AbsoluteUri) }.OfType<AlertChannel>()];
        this.mail = mail;
        this.webhook = webhook;
        this.signature = signature;
        transport = options.Smtp is { } smtp ? new SmtpMailTransport(smtp) : new FileMailTransport(Path.Combine(options.DataFolder, "mail"));
        post = new WebhookPost(options.Clock);
    }

    /// <summary>The channels; none where nobody is told.</summary>
    public IReadOnlyList<AlertChannel> All { get; }

    /// <summary>The channels, or an <see cref="InvalidOperationException"/> that says what to correct.</summary>
    /// <param name="mail">An address.</param>
    /// <param name="webhook">A URL; it needs the secret.</param>
    /// <param name="secret">As <see cref="WebhookSignature.Parse"/> reads it.</param>
    /// <param name="options">Mail server and data folder.</param>
    public static AlertChannels Open(string? mail, string? webhook, string? secret, ServerOptions options)
    {
        Core.Identifiers.EmailAddress? parsed = null;
        if (mail is not null && !Core.Identifiers.EmailAddress.TryParse(mail, out parsed, out _))
        {
            throw new InvalidOperationException($"'{mail}' is no e-mail address.");
        }

        if (webhook is null)
        {
            return new AlertChannels(parsed, mail, null, null, options);
        }

        if (!Uri.TryCreate(webhook, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            throw new InvalidOperationException($"'{webhook}' is no http or https address.");
        }

        var signature = WebhookSignature.Parse(secret ?? "") ?? throw new InvalidOperationException(
            "a webhook is signed: put whsec_ and base64 of 24 to 64 random bytes into SELFSAME_WEBHOOK_SECRET, for instance: echo \"whsec_$(head -c 32 /dev/urandom | base64)\"");
        return new AlertChannels(parsed, mail, address, signature, options);
    }

    /// <summary>Sends an alert through one of these channels; what went wrong, or null when it was taken.</summary>
    public async Task<string?> SendAsync(AlertChannel channel, PendingAlert alert, CancellationToken cancellation)
    {
        try
        {
            if (channel.Kind == Webhook)
            {
                return await PostAsync(alert, cancellation);
            }

            await transport.SendAsync(new QueuedMail(alert.Id, Text(alert), 1, alert.Created), cancellation);
            transport.Keep();
            return null;
        }
        catch (Exception exception) when (exception is System.Net.Mail.SmtpException or IOException or MailRefusedException
            || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return $"{channel.Kind}: {exception.Message}";
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
