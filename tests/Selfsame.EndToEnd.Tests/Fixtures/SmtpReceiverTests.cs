using System.Net.Mail;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Fixtures;

[Trait("needs", "npm")]
public sealed class SmtpReceiverTests
{
    [Fact]
    public async Task It_keeps_what_it_receives_and_decodes_it()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        await SendAsync(receiver, "Grüße an Zoë", "Ein langer Link: http://localhost/verify?token=" + new string('x', 90) + "=ü");

        var mail = await receiver.WaitForMailAsync(mail => mail.To.Contains("zoe@example.com"));

        mail.From.ShouldBe("service@example.com");
        mail.Acknowledged.ShouldBeTrue();
        mail.Encrypted.ShouldBeFalse();
        mail.Content.Subject.ShouldBe("Grüße an Zoë");
        mail.Content.Text.ShouldContain("token=" + new string('x', 90) + "=ü");
        mail.Content.Html.ShouldContain("<p>");
    }

    [Theory]
    [InlineData(SmtpStage.Recipient, 450, SmtpStatusCode.MailboxBusy)]
    [InlineData(SmtpStage.Sender, 452, SmtpStatusCode.InsufficientStorage)]
    [InlineData(SmtpStage.Message, 554, SmtpStatusCode.TransactionFailed)]
    public async Task It_refuses_where_and_as_often_as_it_is_told(SmtpStage stage, int code, SmtpStatusCode answer)
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        await receiver.RefuseAsync(stage, code);

        (await Should.ThrowAsync<SmtpException>(() => SendAsync(receiver, "first", "text"))).StatusCode.ShouldBe(answer);
        await SendAsync(receiver, "second", "text");

        (await receiver.WaitForMailAsync(_ => true)).Content.Subject.ShouldBe("second");
    }

    [Fact]
    public async Task It_can_take_a_mail_and_lose_the_answer()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        await receiver.DropAsync(SmtpStage.Message);

        await Should.ThrowAsync<SmtpException>(() => SendAsync(receiver, "lost answer", "text"));

        (await receiver.WaitForMailAsync(_ => true)).Acknowledged.ShouldBeFalse();
    }

    [Fact]
    public async Task It_takes_mail_only_after_STARTTLS_and_the_right_password()
    {
        await using var receiver = await SmtpReceiver.StartAsync(startTls: true, user: "service", password: "secret");
        await Should.ThrowAsync<SmtpException>(() => SendAsync(receiver, "in clear", "text"));

        (await SendEncryptedAsync(receiver, "service", "wrong")).ShouldStartWith("535");
        (await SendEncryptedAsync(receiver, "service", "secret")).ShouldStartWith("250");

        // The receiver tells of a mail before it answers, and we may read that after the answer.
        var mail = await receiver.WaitForMailAsync(_ => true);
        receiver.Mails.ShouldHaveSingleItem();
        mail.Encrypted.ShouldBeTrue();
        mail.User.ShouldBe("service");
    }

    [Fact]
    public async Task A_mail_that_does_not_come_is_an_error_that_lists_what_came()
    {
        await using var receiver = await SmtpReceiver.StartAsync();
        await SendAsync(receiver, "another", "text");

        var error = await Should.ThrowAsync<TimeoutException>(() => receiver.WaitForMailAsync(_ => false, TimeSpan.FromMilliseconds(300)));

        error.Message.ShouldContain("another");
    }

    private static async Task SendAsync(SmtpReceiver receiver, string subject, string text)
    {
        using var client = new SmtpClient("127.0.0.1", receiver.Port);
        using var message = new MailMessage("service@example.com", "zoe@example.com", subject, text);
        message.AlternateViews.Add(AlternateView.CreateAlternateViewFromString($"<p>{text}</p>", Encoding.UTF8, "text/html"));
        await client.SendMailAsync(message);
    }

    /// <summary>The receiver's last answer: to the password if it is wrong, else to the message.</summary>
    private static async Task<string> SendEncryptedAsync(SmtpReceiver receiver, string user, string password)
    {
        using var connection = new TcpClient("127.0.0.1", receiver.Port);
        var greeting = await SayAsync(connection.GetStream(), null);
        greeting.ShouldStartWith("220");
        await SayAsync(connection.GetStream(), "EHLO test");
        await SayAsync(connection.GetStream(), "STARTTLS");

        using var expected = X509CertificateLoader.LoadCertificateFromFile(receiver.CertificateFile);
        await using var encrypted = new SslStream(
            connection.GetStream(), leaveInnerStreamOpen: false, (_, certificate, _, _) => certificate!.GetCertHashString() == expected.GetCertHashString());
        await encrypted.AuthenticateAsClientAsync("localhost");
        await SayAsync(encrypted, "EHLO test");
        var answer = await SayAsync(encrypted, $"AUTH PLAIN {Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{user}\0{password}"))}");
        foreach (var line in (string[])["MAIL FROM:<service@example.com>", "RCPT TO:<zoe@example.com>", "DATA", "Subject: encrypted\r\n\r\ntext\r\n."])
        {
            if (answer[0] is '2' or '3')
            {
                answer = await SayAsync(encrypted, line);
            }
        }

        return answer;
    }

    /// <summary>Sends a line, if there is one, and returns the answer's last line.</summary>
    private static async Task<string> SayAsync(Stream stream, string? line)
    {
        if (line is not null)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"));
        }

        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        while (true)
        {
            var answer = await reader.ReadLineAsync() ?? throw new IOException("The receiver closed the connection.");
            if (answer.Length < 4 || answer[3] != '-')
            {
                return answer;
            }
        }
    }
}
