using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Fixtures;

[Trait("needs", "executable")]
public sealed class SelfsameProcessTests
{
    [Fact]
    public async Task A_command_gives_its_exit_code_and_both_outputs()
    {
        var result = await SelfsameProcess.RunAsync(["--help"]);

        result.ExitCode.ShouldBe(0);
        result.StandardError.ShouldBe("");
    }

    [Fact]
    public async Task A_server_answers_on_the_address_that_it_printed_until_it_is_killed()
    {
        using var data = new TemporaryFolder();
        await using var server = await SelfsameProcess.ServeAsync(data.Path);
        using var client = new HttpClient { BaseAddress = server.Address };
        (await client.GetAsync("/healthz")).EnsureSuccessStatusCode();

        server.Kill();

        (await server.WaitForExitAsync()).ShouldBe(137);
        await Should.ThrowAsync<HttpRequestException>(() => client.GetAsync("/healthz"));
    }

    [Fact]
    public async Task A_server_that_cannot_start_is_an_error_that_holds_its_output()
    {
        using var data = new TemporaryFolder();

        var error = await Should.ThrowAsync<InvalidOperationException>(() => SelfsameProcess.ServeAsync(data.Path, ["--no-such-option"]));

        error.Message.ShouldContain("--no-such-option");
    }
}
