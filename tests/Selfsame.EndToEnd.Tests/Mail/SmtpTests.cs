using System.Net;
using System.Net.Http.Json;
using Selfsame.Server.Hosting;
using Selfsame.Server.Mail;
using Selfsame.Store;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Mail;

/// <summary>The server's mails against a real SMTP server that can refuse, and lose its answers.</summary>
[Trait("needs", "npm")]
public sealed class SmtpTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_sign_up_sends_its_mail_once_with_a_link_that_verifies()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver);

        await SignUpAsync(server, "ada@example.com");
        var mail = await receiver.WaitForMailAsync(mail => mail.To.Contains("ada@example.com"), Patience);

        mail.From.ShouldBe("accounts@example.com");
        mail.Content.Text.ShouldContain($"{server.Address}verify-email?token=");
        await WaitUntilAsync(server, "SELECT count(*) FROM mails WHERE sent_at IS NOT NULL");
        receiver.Mails.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_lost_answer_sends_the_mail_again_under_the_same_message_id()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        await receiver.DropAsync(SmtpStage.Message);
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver);

        await SignUpAsync(server, "ada@example.com");
        await WaitUntilAsync(server, "SELECT count(*) FROM mails WHERE sent_at IS NOT NULL");

        receiver.Mails.Count.ShouldBe(2);
        receiver.Mails.Select(mail => mail.Content.Headers["Message-ID"]).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_refused_recipient_is_given_up_and_does_not_hold_up_the_others()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        await receiver.RefuseAsync(SmtpStage.Recipient, 550);
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver);

        await SignUpAsync(server, "nobody@example.com");
        await WaitUntilAsync(server, "SELECT count(*) FROM mails WHERE given_up_at IS NOT NULL");
        await SignUpAsync(server, "ada@example.com");

        (await receiver.WaitForMailAsync(mail => mail.To.Contains("ada@example.com"), Patience)).Acknowledged.ShouldBeTrue();
    }

    // A sender who is not let in, or not relayed for, meets that with every mail: none may be lost by it.
    [Theory]
    [InlineData(SmtpStage.Connect, 554, null)]
    [InlineData(SmtpStage.Sender, 530, null)]
    [InlineData(SmtpStage.Sender, 550, null)]
    [InlineData(SmtpStage.Recipient, 554, "Relay access denied")]
    [InlineData(SmtpStage.Recipient, 550, "5.7.1 Relaying denied")]
    [InlineData(SmtpStage.Recipient, 550, "relay not permitted")]
    [InlineData(SmtpStage.Recipient, 552, "5.2.2 Mailbox full")]
    [InlineData(SmtpStage.Message, 554, null)]
    public async Task What_is_not_the_recipients_fault_is_tried_again(SmtpStage stage, int code, string? text)
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        await receiver.RefuseAsync(stage, code, text: text);
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver);

        await SignUpAsync(server, "ada@example.com");

        (await receiver.WaitForMailAsync(mail => mail.To.Contains("ada@example.com"), Patience)).Acknowledged.ShouldBeTrue();
    }

    [Fact]
    public async Task A_sender_that_is_no_address_loses_no_mail()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver, from: "Accounts");

        await SignUpAsync(server, "ada@example.com");
        await WaitUntilAsync(server, "SELECT count(*) FROM mails WHERE last_error IS NOT NULL");

        (await server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM mails WHERE given_up_at IS NULL"))).ShouldBe(1);
    }

    [Fact]
    public async Task The_error_that_is_kept_says_the_servers_codes_and_names_no_address()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        await receiver.RefuseAsync(SmtpStage.Recipient, 450, text: "4.7.1 <ada@example.com>: greylisted");
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver);

        await SignUpAsync(server, "ada@example.com");
        await WaitUntilAsync(server, "SELECT count(*) FROM mails WHERE last_error IS NOT NULL");

        (await server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<string>("SELECT last_error FROM mails")))
            .ShouldBe("The SMTP server answered 450 4.7.1 (MailboxBusy).");
    }

    // RFC 6531: what is before the @ has no other form.
    [Fact]
    public async Task An_address_that_is_not_ASCII_gets_its_mail_by_SMTPUTF8_and_others_go_without_it()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver);

        await SignUpAsync(server, "jörg@example.com");
        await SignUpAsync(server, "ada@bücher.example");

        var international = await receiver.WaitForMailAsync(mail => mail.To.Contains("jörg@example.com"), Patience);
        international.International.ShouldBeTrue();
        international.Content.Text.ShouldContain($"{server.Address}verify-email?token=");
        (await receiver.WaitForMailAsync(mail => mail.To.Any(to => to.StartsWith("ada@", StringComparison.Ordinal)), Patience)).International.ShouldBeFalse();
    }

    [Fact]
    public async Task Where_the_server_has_no_SMTPUTF8_such_a_mail_is_given_up_and_says_what_to_do()
    {
        await using var receiver = await SmtpReceiver.StartAsync(ascii: true);
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver);

        await SignUpAsync(server, "jörg@example.com");
        await WaitUntilAsync(server, "SELECT count(*) FROM mails WHERE given_up_at IS NOT NULL");
        await SignUpAsync(server, "ada@example.com");

        var error = (await server.Context.Database.ReadAsync(
            transaction => transaction.ScalarAsync<string>("SELECT last_error FROM mails WHERE given_up_at IS NOT NULL"))).ShouldNotBeNull();
        error.ShouldContain("does not announce SMTPUTF8");
        error.ShouldNotContain("jörg");
        (await receiver.WaitForMailAsync(mail => mail.To.Contains("ada@example.com"), Patience)).Acknowledged.ShouldBeTrue();
    }

    [Fact]
    public async Task A_server_without_STARTTLS_gets_no_mail_where_it_is_required()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        using var folder = new TemporaryFolder();
        await using var server = await StartAsync(folder, receiver, requireTls: true);

        await SignUpAsync(server, "ada@example.com");
        await WaitUntilAsync(server, "SELECT count(*) FROM mails WHERE last_error IS NOT NULL");

        receiver.Mails.ShouldBeEmpty();
    }

    private static async Task<SelfsameServer> StartAsync(TemporaryFolder folder, SmtpReceiver receiver, bool requireTls = false, string from = "accounts@example.com")
    {
        var server = await SelfsameServer.CreateAsync(
            new ServerOptions
            {
                Urls = ["http://127.0.0.1:0"],
                DataFolder = folder.Path,
                Passwords = new PlainPasswordHashing(),
                Tenants = [new TenantSettings { Name = "main" }],
                Smtp = new SmtpSettings { Host = "127.0.0.1", Port = receiver.Port, From = from, RequireTls = requireTls },
            },
            CancellationToken.None);
        await server.StartAsync(CancellationToken.None);
        return server;
    }

    private static async Task SignUpAsync(SelfsameServer server, string email)
    {
        using var client = new HttpClient { BaseAddress = server.Address };
        using var response = await client.PostAsJsonAsync("/api/v1/sign-ups", new { email, password = "correct horse battery" });
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    private static async Task WaitUntilAsync(SelfsameServer server, string count)
    {
        using var timeout = new CancellationTokenSource(Patience);
        while (await server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>(count), timeout.Token) == 0)
        {
            await Task.Delay(100, timeout.Token);
        }
    }
}
