using System.Text.Json;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

[Trait("needs", "executable")]
public sealed class KeysCommandTests
{
    [Fact]
    public async Task Each_line_gets_its_key_and_further_keys_on_a_line_of_its_own()
    {
        var result = await SelfsameProcess.RunAsync(["keys", "username"], "Dobbeltop\nраypal\n");

        var lines = Lines(result);
        result.ExitCode.ShouldBe(0);
        lines.Count.ShouldBe(2);
        lines[0].GetProperty("input").GetString().ShouldBe("Dobbeltop");
        lines[0].GetProperty("key").GetString().ShouldBe("dobbeltop");
        lines[1].GetProperty("skeleton").GetString().ShouldBe("paypal");
    }

    [Theory]
    [InlineData("email", "M.E+tag@GoogleMail.com", "m.e+tag@googlemail.com", "mailbox", "me@gmail.com")]
    [InlineData("phone", "00 64 21 123-456", "+6421123456", null, null)]
    [InlineData("handle", " Ada-Lovelace ", "ada-lovelace", null, null)]
    public async Task Every_kind_has_its_keys(string kind, string input, string key, string? further, string? furtherKey)
    {
        var line = Lines(await SelfsameProcess.RunAsync(["keys", kind], input + "\n")).ShouldHaveSingleItem();

        line.GetProperty("key").GetString().ShouldBe(key);
        if (further is not null)
        {
            line.GetProperty(further).GetString().ShouldBe(furtherKey);
        }
    }

    [Fact]
    public async Task It_ends_when_nobody_reads_any_more()
    {
        const string script = "yes ada 2> /dev/null | timeout --kill-after=1s 40 \"$0\" keys username | head -n 1; echo \"${PIPESTATUS[1]}\"";

        var result = await ChildProcess.RunAsync("bash", ["-c", script, Checkout.Executable]);

        result.StandardOutput.Split('\n')[^2].ShouldBe("0", result.StandardError);
        result.StandardError.ShouldBe("");
    }

    [Fact]
    public async Task Into_one_file_it_writes_after_what_is_there()
    {
        using var folder = new TemporaryFolder();
        const string script = "{ echo ada | \"$0\" keys handle; echo bob | \"$0\" keys handle; } > \"$1\"";

        (await ChildProcess.RunAsync("bash", ["-c", script, Checkout.Executable, folder["keys"]])).ExitCode.ShouldBe(0);

        (await File.ReadAllLinesAsync(folder["keys"])).ShouldBe(["""{"input":"ada","key":"ada"}""", """{"input":"bob","key":"bob"}"""]);
    }

    [Fact]
    public async Task A_refused_line_names_its_rule_the_others_are_answered_and_the_exit_code_is_2()
    {
        var result = await SelfsameProcess.RunAsync(["keys", "email"], "no address\nada@example.com");

        var lines = Lines(result);
        result.ExitCode.ShouldBe(2);
        lines[0].GetProperty("error").GetProperty("rule").GetString().ShouldNotBeNull().ShouldStartWith("email.");
        lines[0].GetProperty("error").GetProperty("message").GetString().ShouldNotBeNullOrEmpty();
        lines[1].GetProperty("key").GetString().ShouldBe("ada@example.com");
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF_8_are_refused_on_their_line_alone()
    {
        var result = await SelfsameProcess.RunAsync(["keys", "username"], (byte[])[0xC3, 0x28, (byte)'\n', (byte)'a', (byte)'\n']);

        result.ExitCode.ShouldBe(2);
        Lines(result)[1].GetProperty("key").GetString().ShouldBe("a");
    }

    [Fact]
    public async Task An_unknown_kind_is_an_error_that_names_the_kinds()
    {
        var result = await SelfsameProcess.RunAsync(["keys", "colour"], "red\n");

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldContain("username");
    }

    private static List<JsonElement> Lines(CommandResult result)
        => [.. result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
}
