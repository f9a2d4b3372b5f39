using Selfsame.Core.Reconciliation;
using Selfsame.Server.Hosting;
using Selfsame.Server.Mail;
using Selfsame.Server.Reconciliation;

namespace Selfsame.EndToEnd.Tests.Mail;

/// <summary>Where links in mails lead.</summary>
public sealed class PublicLinkTests
{
    [Theory]
    [InlineData("main: { publicUrl: \"https://id.example.com\", hosts: [example.com] }", "https://id.example.com/")]
    [InlineData("main: { hosts: [example.com, www.example.com] }", "https://example.com/")]
    [InlineData("main: { hosts: [localhost] }", null)]
    [InlineData("main: { locale: en-nz }", null)]
    public void Links_lead_to_the_public_address_or_the_first_host_of_the_tenant(string tenants, string? address)
        => (PublicLinks.Configured(Options(tenants), "main")?.ToString()).ShouldBe(address);

    [Theory]
    [InlineData("main", "http://localhost:8080", "which only this machine reaches")]
    [InlineData("main", "http://0.0.0.0:8080", "which only this machine reaches")]
    [InlineData("main", "http://[::]:8080", "which only this machine reaches")]
    [InlineData("main", "https://second.example.com", "where the tenant second is")]
    [InlineData("second", "https://example.com", "where the tenant main is")]
    [InlineData("second", "https://elsewhere.example.com", "where the tenant main is")]
    [InlineData("second", "https://second.example.com", null)]
    [InlineData("main", "https://elsewhere.example.com", null)]
    public void What_links_lead_to_is_a_problem_where_nobody_else_or_another_tenant_is(string tenant, string address, string? problem)
        => PublicLinks.Problem(Options("main: { hosts: [example.com] }, second: { hosts: [second.example.com] }"), tenant, new Uri(address)).ShouldBe(problem);

    [Theory]
    [InlineData("http://127.0.0.1:8080", false, false)]
    [InlineData("http://localhost:8080", true, true)]
    [InlineData("http://0.0.0.0:8080", false, true)]
    [InlineData("http://[::]:8080", false, true)]
    [InlineData("http://10.0.0.5:8080", false, true)]
    public void Where_links_lead_matters_where_mails_are_sent_or_others_come(string listening, bool sendsMails, bool matters)
    {
        var options = Options("main: { locale: en-nz }") with { Smtp = sendsMails ? new SmtpSettings { Host = "smtp.example.com", From = "accounts@example.com" } : null };

        PublicLinks.Matter(options, [listening]).ShouldBe(matters);
    }

    private static ServerOptions Options(string tenants)
    {
        var reading = new TopologyReader(ConfigFile.Connectors, _ => null).Read($"tenants: {{ {tenants} }}\n");
        reading.Errors.ShouldBeEmpty();
        return ConfigFile.Apply(reading.Topology!, new ServerOptions { DataFolder = "." });
    }
}
