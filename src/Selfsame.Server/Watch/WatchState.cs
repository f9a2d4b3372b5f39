using System.Text;
using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Server.Watch;

/// <summary>An alert that one channel has not taken yet.</summary>
/// <param name="Id">Names it, the same at every attempt, so that receivers recognise a repeat.</param>
/// <param name="Created">When the findings were new.</param>
/// <param name="Lines">The findings, one sentence each.</param>
/// <param name="Left">In a file that an older version wrote for all channels, the kinds of those that it has not reached; else null.</param>
public sealed record PendingAlert(Guid Id, DateTimeOffset Created, IReadOnlyList<AlertLine> Lines, IReadOnlyList<string>? Left = null);

/// <summary>One finding of an alert.</summary>
public sealed record AlertLine(string Kind, string System, string Sentence);

/// <summary>What a watch remembers of one channel between audits: which findings it was told, and what it still has to be told.</summary>
public sealed record WatchState
{
    /// <summary>Fingerprints of the findings that stand and were told.</summary>
    public IReadOnlyList<string> Known { get; init; } = [];

    public IReadOnlyList<PendingAlert> Pending { get; init; } = [];

    /// <summary>How many audits in a row failed.</summary>
    public int Failures { get; init; }

    /// <summary>The state in a file; null where there is none.</summary>
    public static WatchState? Read(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<WatchState>(File.ReadAllText(path), PlanJson.Options)!;
        }
        catch (JsonException exception)
        {
            throw new InvalidOperationException($"{path} can't be read ({exception.Message}). Remove it: the next audit then tells all findings once more.");
        }
    }

    public void Write(string path) => PrivateFiles.WriteAtomically(path, Encoding.UTF8.GetBytes(JsonSerializer.Serialize(this, PlanJson.Options)));

    /// <summary>After an audit: what it found stays known, what is gone is forgotten, what is new becomes an alert.</summary>
    public (WatchState State, IReadOnlyList<Finding> New) After(IReadOnlyList<Finding> findings, Guid id, DateTimeOffset now)
    {
        var prints = findings.Select(finding => (Print: FindingFingerprint.Of(finding), Finding: finding)).ToList();
        var known = Known.ToHashSet();
        var fresh = prints.Where(pair => !known.Contains(pair.Print)).DistinctBy(pair => pair.Print).Select(pair => pair.Finding).ToList();
        var alert = new PendingAlert(id, now, [.. fresh.Select(finding => new AlertLine(finding.Kind, finding.System, finding.Sentence))]);
        return (new WatchState
        {
            Known = [.. prints.Select(pair => pair.Print).Distinct().Order(StringComparer.Ordinal)],
            Pending = fresh.Count == 0 ? Pending : [.. Pending, alert],
        }, fresh);
    }
}
