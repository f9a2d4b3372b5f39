using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Scripts;

/// <summary>What <c>./test</c> and <c>.ci/run</c> promise, on a machine that is made up.</summary>
public sealed class TestScriptTests
{
    private static readonly string[] Projects = ["Core.Tests", "Contract.Tests", "Simulation.Tests", "EndToEnd.Tests"];

    [Fact]
    public async Task It_ends_with_the_numbers_of_all_projects_and_tells_minutes_per_part()
    {
        using var checkout = new FakeCheckout();

        var result = await checkout.RunAsync("test");

        LastLine(result).ShouldBe("40 passed, 0 failed");
        result.ExitCode.ShouldBe(0, result.StandardError);
        foreach (var part in new[] { "install", "install npm packages", "build", "format", "Selfsame.EndToEnd.Tests", "all" })
        {
            result.StandardOutput.ShouldMatch($@"(?m)^ +\d+\.\d\d  {part}$");
        }
    }

    [Fact]
    public async Task A_failed_test_is_named_above_the_last_line_and_fails_the_run()
    {
        using var checkout = new FakeCheckout();
        checkout.Runner("Contract", "echo '    Contract.Some_test [FAIL]'; echo '      it is broken'; " + FakeCheckout.Summary("Contract", total: 10, failed: 1));

        var result = await checkout.RunAsync("test");

        (LastLine(result), result.ExitCode).ShouldBe(("39 passed, 1 failed", 1));
        result.StandardOutput.ShouldContain("failed\n  Contract.Some_test\n        it is broken");
    }

    [Fact]
    public async Task A_runner_that_ends_without_its_summary_or_with_a_code_that_no_test_explains_is_a_failure()
    {
        using var checkout = new FakeCheckout();
        checkout.Runner("Core", "exit 134");
        checkout.Runner("Simulation", FakeCheckout.Summary("Simulation", total: 10, failed: 0, skipped: 1));

        var result = await checkout.RunAsync("test", "--fast");

        (LastLine(result), result.ExitCode).ShouldBe(("20 passed, 2 failed", 1));
        result.StandardError.ShouldContain("Selfsame.Core.Tests ended with code 134 and no summary");
        result.StandardError.ShouldContain("Selfsame.Simulation.Tests reports no failed test but ended with code 1");
    }

    [Fact]
    public async Task As_root_it_installs_what_is_missing_by_itself()
    {
        using var checkout = new FakeCheckout();

        var result = await checkout.RunAsync("test");

        result.ExitCode.ShouldBe(0, result.StandardError);
        var install = checkout.Calls.Single(call => call.StartsWith("apt-get", StringComparison.Ordinal));
        foreach (var package in new[] { "postgresql-15", "chromium", "libsodium23", "libargon2-1", "g++", "make", "python3" })
        {
            install.Split(' ').ShouldContain(package);
        }

        install.Split(' ').ShouldNotContain("npm");
        (await checkout.RunAsync("test")).ExitCode.ShouldBe(0);
        checkout.Calls.Count(call => call.StartsWith("apt-get", StringComparison.Ordinal)).ShouldBe(1, "everything is there by now");
        checkout.Calls.Count(call => call.StartsWith("npm", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task Anybody_else_is_told_the_one_line_and_no_test_is_run_or_skipped()
    {
        using var checkout = new FakeCheckout();
        checkout.Tool("id", "echo 1000");
        checkout.Without("npm");

        var result = await checkout.RunAsync("test");

        (LastLine(result), result.ExitCode).ShouldBe(("0 passed, 2 failed", 1));
        var line = result.StandardError.Split('\n').Single(line => line.Contains("apt-get", StringComparison.Ordinal)).Trim();
        line.ShouldStartWith("sudo apt-get install -y --no-install-recommends postgresql-15 chromium ");
        line.ShouldEndWith(" npm");
        checkout.Calls.ShouldNotContain(call => Projects.Any(project => call.StartsWith(project, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("v18.20.4", true)]
    [InlineData("v20.20.2", false)]
    [InlineData("v24.1.0", true)]
    public async Task A_Nodejs_of_another_version_or_without_headers_is_replaced_by_npms_in_this_checkout(string version, bool headers)
    {
        using var checkout = new FakeCheckout();
        checkout.Node(version, headers);
        checkout.Runner("EndToEnd", "node --version; " + FakeCheckout.Summary("EndToEnd", total: 10, failed: 0));

        var result = await checkout.RunAsync("test");

        result.ExitCode.ShouldBe(0, result.StandardError);
        result.StandardOutput.ShouldContain("v20.20.2");
        checkout.Calls.Where(call => call.StartsWith("npm", StringComparison.Ordinal)).Select(call => call.Split(' ')[^1]).ShouldBe(["runtime", "node", "pds"]);
    }

    [Fact]
    public async Task Where_there_is_no_Nodejs_at_all_the_packages_bring_an_npm_that_fetches_it()
    {
        using var checkout = new FakeCheckout();
        checkout.Without("node");
        checkout.Without("npm");

        var result = await checkout.RunAsync("test");

        result.ExitCode.ShouldBe(0, result.StandardError);
        checkout.Calls.Single(call => call.StartsWith("apt-get", StringComparison.Ordinal)).Split(' ').ShouldContain("npm");
    }

    [Fact]
    public async Task Where_Nodejs_cannot_be_had_it_says_what_to_install()
    {
        using var checkout = new FakeCheckout();
        checkout.Node("v18.20.4", headers: true);
        checkout.Tool("npm", "echo 'npm error network' >&2; exit 1");

        var result = await checkout.RunAsync("test");

        (LastLine(result), result.ExitCode).ShouldBe(("0 passed, 1 failed", 1));
        result.StandardError.ShouldContain("The tests need Node.js 20 with npm and its headers");
        result.StandardError.ShouldContain("FAILED: npm packages are missing");
    }

    [Fact]
    public async Task Without_the_SDK_it_says_where_to_get_it()
    {
        using var checkout = new FakeCheckout();
        checkout.Tool("dotnet", "echo '8.0.100 [sdk]'");

        var result = await checkout.RunAsync("test");

        (LastLine(result), result.ExitCode).ShouldBe(("0 passed, 1 failed", 1));
        result.StandardError.ShouldContain("Selfsame needs the .NET 10 SDK");
    }

    [Fact]
    public async Task A_name_runs_the_tests_that_contain_it_and_nothing_else_and_one_that_matches_nothing_is_a_failure()
    {
        using var checkout = new FakeCheckout();
        foreach (var project in new[] { "Core", "Contract", "Simulation", "EndToEnd" })
        {
            checkout.Runner(project, FakeCheckout.Summary(project, total: 0, failed: 0));
        }

        var result = await checkout.RunAsync("test", "Nobody");

        (LastLine(result), result.ExitCode).ShouldBe(("0 passed, 1 failed", 1));
        result.StandardError.ShouldContain("no test's name contains Nobody");
        checkout.Calls.Where(call => call.Contains(".Tests -", StringComparison.Ordinal)).ShouldAllBe(call => call.Contains("-method *Nobody*", StringComparison.Ordinal));
        checkout.Calls.ShouldNotContain(call => call.StartsWith("dotnet format", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Fast_installs_nothing_and_leaves_out_whatever_needs_something()
    {
        using var checkout = new FakeCheckout();
        checkout.Without("node");
        checkout.Without("npm");

        var result = await checkout.RunAsync("test", "--fast");

        (LastLine(result), result.ExitCode).ShouldBe(("30 passed, 0 failed", 0));
        checkout.Calls.ShouldNotContain(call => call.StartsWith("apt-get", StringComparison.Ordinal) || call.StartsWith("dotnet format", StringComparison.Ordinal));
        var runs = checkout.Calls.Where(call => Projects.Any(project => call.StartsWith(project, StringComparison.Ordinal))).ToList();
        runs.Select(call => call.Split(' ')[0]).ShouldBe(Projects[..3], ignoreOrder: true);
        runs.ShouldAllBe(call => call.Contains("-trait- needs=*", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_did_not_change_is_not_built_again()
    {
        using var checkout = new FakeCheckout();

        await checkout.RunAsync("test", "--fast");
        await checkout.RunAsync("test", "--fast");
        Builds().ShouldBe(1);

        checkout.Touch("tests/Selfsame.Contract.Tests/Tests.cs");
        await checkout.RunAsync("test", "--fast");
        Builds().ShouldBe(2);

        int Builds() => checkout.Calls.Count(call => call.StartsWith("dotnet build", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_unknown_option_is_said_and_nothing_is_run()
    {
        using var checkout = new FakeCheckout();

        var result = await checkout.RunAsync("test", "--quick");

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldContain("Unknown option --quick.");
        checkout.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_CI_runs_everything_and_restores_exactly_what_the_lock_files_say()
    {
        using var checkout = new FakeCheckout();
        checkout.Tool("dotnet", """[ "$1" = --list-sdks ] && echo "10.0.401 [sdk]"; [ "$1" != build ] || [ "$CI$RestoreLockedMode" = truetrue ]""");

        var result = await checkout.RunAsync(".ci/run");

        (LastLine(result), result.ExitCode).ShouldBe(("40 passed, 0 failed", 0));
        checkout.Calls.ShouldContain(call => call.StartsWith("dotnet format", StringComparison.Ordinal));
    }

    private static string LastLine(CommandResult result) => result.StandardOutput.TrimEnd('\n').Split('\n')[^1];
}
