using Selfsame.Server.Mail;
using Selfsame.Store.Mail;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Mail;

public sealed class MailRecipientTests
{
    // From Unicode 15.1 on, ẞ is mapped to ß: with a newer ICU, x@xn--fa-hia.de would get the proof of x@fass.de.
    [Theory]
    [InlineData("x@fa\u1E9E.de", "x@fass.de")]
    [InlineData("x@fa\u00DF.de", "x@xn--fa-hia.de")]
    [InlineData("Ada.L@B\u00DCcher.Example", "Ada.L@xn--bcher-kva.example")]
    [InlineData("ada@EXAMPLE.org", "ada@example.org")]
    [InlineData("\"a b\"@example.org", "\"a b\"@example.org")]
    public async Task Mail_goes_to_the_domain_that_our_own_tables_make_of_the_address(string address, string recipient)
    {
        var mail = new QueuedMail(Guid.NewGuid(), new MailText(address, "Subject", "Body"), 1, DateTimeOffset.UnixEpoch);
        using var folder = new TemporaryFolder();

        using var message = SmtpMailTransport.Compose("accounts@example.com", mail);
        await new FileMailTransport(folder.Path).SendAsync(mail, TestContext.Current.CancellationToken);

        message.To.ShouldHaveSingleItem().Address.ShouldBe(recipient);
        File.ReadAllLines(Directory.GetFiles(folder.Path).ShouldHaveSingleItem())[0].ShouldBe($"To: {recipient}");
    }
}
