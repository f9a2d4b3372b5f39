namespace Selfsame.EndToEnd.Tests.Scripts;

/// <summary>What <c>./run</c> promises, on a machine that is made up.</summary>
public sealed class RunScriptTests
{
    [Fact]
    public async Task Without_a_command_it_serves_with_the_data_of_the_checkout()
    {
        using var checkout = new FakeCheckout();
        checkout.Selfsame("""printf '[%s]' "$@"; echo; echo "$SELFSAME_DATA" """);

        var result = await checkout.RunAsync("run");

        result.ExitCode.ShouldBe(0, result.StandardError);
        result.StandardOutput.ShouldBe($"[serve]\n{Path.Combine(checkout.Root, "data")}\n");
    }

    [Theory]
    [InlineData("[--help]", "--help")]
    [InlineData("[keys][username]", "keys", "username")]
    [InlineData("[serve][--data][a folder]", "serve", "--data", "a folder")]
    public async Task A_command_gets_its_arguments_and_input_and_its_output_and_exit_code_are_the_commands(string expected, params string[] arguments)
    {
        using var checkout = new FakeCheckout();
        checkout.Selfsame("""printf '[%s]' "$@"; cat; exit 3""");

        var result = await checkout.RunAsync("run", " and what it reads", arguments);

        (result.StandardOutput, result.ExitCode).ShouldBe(($"{expected} and what it reads", 3));
    }

    [Fact]
    public async Task It_builds_what_changed_with_its_output_beside_and_nothing_else()
    {
        using var checkout = new FakeCheckout();
        checkout.Tool("dotnet", """[ "$1" = --list-sdks ] && echo "10.0.401 [sdk]"; [ "$1" != build ] || echo 'it is built'""");

        var first = await checkout.RunAsync("run", "--help");
        Builds().ShouldHaveSingleItem().ShouldContain("src/Selfsame.Cli/Selfsame.Cli.csproj --configuration Release");
        (first.StandardOutput, first.ExitCode).ShouldBe(("", 0));
        first.StandardError.ShouldContain("it is built");

        (await checkout.RunAsync("run", "--help")).StandardError.ShouldBe("");
        checkout.Touch("tests/Selfsame.Contract.Tests/Tests.cs");
        (await checkout.RunAsync("run", "--help")).StandardError.ShouldBe("");
        Builds().Count.ShouldBe(1);

        checkout.Touch("src/Selfsame.Cli/Program.cs");
        await checkout.RunAsync("run", "--help");
        Builds().Count.ShouldBe(2);
        checkout.Calls.Count(call => call.StartsWith("selfsame --help", StringComparison.Ordinal)).ShouldBe(4);

        List<string> Builds() => [.. checkout.Calls.Where(call => call.StartsWith("dotnet build", StringComparison.Ordinal))];
    }

    [Fact]
    public async Task What_does_not_build_is_not_run()
    {
        using var checkout = new FakeCheckout();
        checkout.Tool("dotnet", """[ "$1" = --list-sdks ] && echo "10.0.401 [sdk]"; [ "$1" != build ]""");

        var result = await checkout.RunAsync("run");

        result.ExitCode.ShouldBe(1);
        checkout.Calls.ShouldNotContain(call => call.StartsWith("selfsame", StringComparison.Ordinal));
    }
}
