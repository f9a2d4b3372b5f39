using System.Text.RegularExpressions;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.RealInput;

/// <summary>One way in which the package index names somebody.</summary>
public sealed record Maintainer(string Name, string Address);

/// <summary>
/// Everybody whom Debian's package index names as a maintainer: real names and addresses with accents, lists, and people
/// with several of each. Read from the machine's package lists when a test runs; never stored.
/// </summary>
public static partial class DebianMaintainers
{
    /// <summary>Of distinct names, and of distinct addresses.</summary>
    private const int Fewest = 1500;

    /// <summary>Why the package lists are not today's, or null; once for all tests.</summary>
    private static readonly Lazy<Task<string?>> Update = new(UpdateAsync);

    /// <summary>Every distinct spelling of name and address, of today's package lists; where those can't be had, of the machine's, and the test's output says so.</summary>
    public static async Task<IReadOnlyList<Maintainer>> ReadAsync()
    {
        var problem = await Update.Value;
        var maintainers = await ReadListsAsync();
        if (IsTooFew(maintainers))
        {
            throw new InvalidOperationException($"The package lists name fewer than {Fewest} people or addresses. Run 'apt-get update' as root. {problem}");
        }

        if (problem is not null)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"These are the people of the machine's package lists as they were, for they could not be updated: {problem}");
        }

        return maintainers;
    }

    /// <summary>Takes seconds where a mirror is near; nobody else than root may. A list that could not be fetched is an error here, not a warning.</summary>
    private static async Task<string?> UpdateAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        try
        {
            var update = await ChildProcess.RunAsync(
                "apt-get", ["update", "-qq", "-o", "APT::Update::Error-Mode=any"], ReadOnlyMemory<byte>.Empty, null, user: null, folder: null, patience.Token);
            return update.ExitCode == 0 ? null : $"'apt-get update' ended with code {update.ExitCode}. {update.StandardError.Trim()}";
        }
        catch (OperationCanceledException)
        {
            return "'apt-get update' took longer than a minute.";
        }
    }

    private static bool IsTooFew(IReadOnlyList<Maintainer> maintainers)
        => maintainers.DistinctBy(maintainer => maintainer.Name).Count() < Fewest || maintainers.DistinctBy(maintainer => maintainer.Address).Count() < Fewest;

    private static async Task<IReadOnlyList<Maintainer>> ReadListsAsync()
    {
        var available = await RunAsync("apt-cache", ["dumpavail"]);
        return
        [
            .. available.StandardOutput.Split('\n')
                .Where(line => line.StartsWith("Maintainer: ", StringComparison.Ordinal))
                .Distinct(StringComparer.Ordinal)
                .SelectMany(line => Named(line["Maintainer: ".Length..]))
                .Distinct(),
        ];
    }

    /// <summary>The people of a field: <c>Name &lt;address&gt;, Name &lt;address&gt;</c>.</summary>
    internal static IEnumerable<Maintainer> Named(string field)
        => NameAndAddress().Matches(field).Select(match => new Maintainer(match.Groups["name"].Value.Trim().Trim('"'), match.Groups["address"].Value));

    internal static async Task<CommandResult> RunAsync(string program, string[] arguments)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        return await ChildProcess.RunAsync(program, arguments, ReadOnlyMemory<byte>.Empty, null, user: null, folder: null, timeout.Token);
    }

    [GeneratedRegex(@"\s*(?<name>[^<>]*)<(?<address>[^<>]+)>\s*,?", RegexOptions.CultureInvariant)]
    private static partial Regex NameAndAddress();
}
