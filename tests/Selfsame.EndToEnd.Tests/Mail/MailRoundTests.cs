using Microsoft.Extensions.Logging.Abstractions;
using Selfsame.Server.Hosting;
using Selfsame.Server.Mail;
using Selfsame.Store.Audit;
using Selfsame.Store.Mail;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Mail;

/// <summary>What one round of the sender takes, sends and marks.</summary>
public sealed class MailRoundTests
{
    private readonly ManualClock clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task A_round_keeps_all_its_mails_at_once_and_marks_none_as_sent_before()
    {
        using var folder = new TemporaryFolder();
        await using var server = await CreateAsync(folder, mails: 20);
        var transport = new RecordingTransport(() => Task.CompletedTask);

        (await RoundAsync(server, transport)).ShouldBeFalse();

        transport.Calls.ShouldBe([.. Enumerable.Repeat("send", 20), "keep"]);
        (await CountAsync(server, "sent_at IS NOT NULL AND leased_until IS NULL")).ShouldBe(20);
    }

    [Fact]
    public async Task A_full_round_says_that_more_may_be_due()
    {
        using var folder = new TemporaryFolder();
        await using var server = await CreateAsync(folder, mails: MailSender.MostInRound + 1);
        var transport = new RecordingTransport(() => Task.CompletedTask);

        (await RoundAsync(server, transport)).ShouldBeTrue();
        (await RoundAsync(server, transport)).ShouldBeFalse();

        (await CountAsync(server, "sent_at IS NOT NULL")).ShouldBe(MailSender.MostInRound + 1);
    }

    [Fact]
    public async Task What_a_slow_receiver_took_is_marked_every_second()
    {
        using var folder = new TemporaryFolder();
        await using var server = await CreateAsync(folder, mails: 5);
        var marked = new List<long>();
        var transport = new RecordingTransport(async () =>
        {
            marked.Add(await CountAsync(server, "sent_at IS NOT NULL"));
            clock.Advance(TimeSpan.FromSeconds(0.7));
        });

        await RoundAsync(server, transport);

        // The second mail ends 0.7 s, the third 1.4 s after the first.
        marked.ShouldBe([0, 0, 0, 3, 3]);
        (await CountAsync(server, "sent_at IS NOT NULL")).ShouldBe(5);
    }

    [Fact]
    public async Task A_mail_that_the_loan_does_not_outlast_is_left_for_later()
    {
        using var folder = new TemporaryFolder();
        await using var server = await CreateAsync(folder, mails: 5);
        var transport = new RecordingTransport(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(50));
            return Task.CompletedTask;
        });

        await RoundAsync(server, transport);

        // Another node may have the rest by then: the loan is two minutes, and the transport may take ten seconds.
        (await CountAsync(server, "sent_at IS NOT NULL")).ShouldBe(3);
        clock.Advance(MailOutbox.Lease);
        await RoundAsync(server, transport);
        (await CountAsync(server, "sent_at IS NOT NULL")).ShouldBe(5);
    }

    // A mail that stood behind a receiver that hangs was given up at its own first failure.
    [Fact]
    public async Task A_mail_that_was_not_tried_has_used_up_no_attempt()
    {
        using var folder = new TemporaryFolder();
        await using var server = await CreateAsync(folder, mails: 40);
        var hanging = new RecordingTransport(() =>
        {
            clock.Advance(TimeSpan.FromMinutes(1));
            throw new IOException("It hangs.");
        });

        for (var round = 0; round < 12; round++)
        {
            await RoundAsync(server, hanging);
        }

        hanging.Calls.Count.ShouldBe(24);
        (await CountAsync(server, "given_up_at IS NOT NULL")).ShouldBe(0);
        (await CountAsync(server, "last_error IS NULL AND attempts = 0 AND leased_until IS NULL")).ShouldBeGreaterThan(0);
        (await CountAsync(server, "attempts > 0 AND last_error IS NULL")).ShouldBe(0);
        var working = new RecordingTransport(() => Task.CompletedTask);
        clock.Advance(TimeSpan.FromHours(1));
        await RoundAsync(server, working);
        (await CountAsync(server, "sent_at IS NOT NULL")).ShouldBe(40);
    }

    [Fact]
    public async Task When_the_mails_cannot_be_kept_none_counts_as_sent()
    {
        using var folder = new TemporaryFolder();
        await using var server = await CreateAsync(folder, mails: 3);
        var transport = new RecordingTransport(() => Task.CompletedTask) { KeepFails = true };

        await Should.ThrowAsync<IOException>(() => RoundAsync(server, transport));

        (await CountAsync(server, "sent_at IS NOT NULL")).ShouldBe(0);
    }

    private async Task<SelfsameServer> CreateAsync(TemporaryFolder folder, int mails)
    {
        var server = await SelfsameServer.CreateAsync(
            new ServerOptions
            {
                DataFolder = folder.Path,
                Passwords = new PlainPasswordHashing(),
                Clock = clock,
                PublicAddresses = new Dictionary<string, Uri> { ["main"] = new("https://id.example.com") },
            },
            CancellationToken.None);
        for (var number = 0; number < mails; number++)
        {
            var form = new SignUpForm { Email = $"ada{number}@example.com", Password = "correct horse battery" };
            (await new SignUp(server.Context).ExecuteAsync(
                new SignUpRequest { Tenant = "main", Form = form, Actor = Actor.Self }, CancellationToken.None)).ShouldBeOfType<SignUpResult.Created>();
        }

        return server;
    }

    private static Task<bool> RoundAsync(SelfsameServer server, RecordingTransport transport)
    {
        var context = server.Context;
        var sender = new MailSender(new MailOutbox(context), transport, context, NullLogger<MailSender>.Instance);
        return sender.SendDueAsync(CancellationToken.None);
    }

    private static Task<long> CountAsync(SelfsameServer server, string where)
        => server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>($"SELECT count(*) FROM mails WHERE {where}"));

    private sealed class RecordingTransport(Func<Task> send) : IMailTransport
    {
        public List<string> Calls { get; } = [];

        public bool KeepFails { get; init; }

        public TimeSpan Timeout { get; } = TimeSpan.FromSeconds(10);

        public async Task SendAsync(QueuedMail mail, CancellationToken cancellation)
        {
            Calls.Add("send");
            await send();
        }

        public void Keep()
        {
            Calls.Add("keep");
            if (KeepFails)
            {
                throw new IOException("The disk is gone.");
            }
        }
    }
}
