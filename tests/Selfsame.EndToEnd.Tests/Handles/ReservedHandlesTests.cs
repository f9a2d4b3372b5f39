using System.Text.RegularExpressions;
using Selfsame.Core.Identifiers;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Handles;

[Trait("needs", "pds")]
public sealed partial class ReservedHandlesTests
{
    [Fact]
    public async Task The_list_is_that_of_the_PDS()
    {
        var result = await ChildProcess.RunAsync(
            "node",
            ["-e", "console.log(Object.keys(require('@atproto/pds/dist/handle/reserved.js').reservedSubdomains).join('\\n'))"],
            folder: Checkout.PersonalDataServerFolder,
            cancellationToken: TestContext.Current.CancellationToken);
        result.ExitCode.ShouldBe(0, result.StandardError);
        // Names with other characters, or of another length, no handle can be anyway.
        var reserved = result.StandardOutput.Split('\n').Where(name => Shape().IsMatch(name)).ToList();

        reserved.Count.ShouldBeGreaterThan(900);
        reserved.Where(name => !ReservedHandles.Contains(name)).ShouldBeEmpty();
        ReservedHandles.Contains("Admin").ShouldBeTrue();
        ReservedHandles.Contains("dobbeltop").ShouldBeFalse();
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{1,16}[a-z0-9]$")]
    private static partial Regex Shape();
}
