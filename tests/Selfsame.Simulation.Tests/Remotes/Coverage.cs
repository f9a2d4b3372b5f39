using System.Globalization;
using System.Text;
using Selfsame.Core.Provisioning;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>What the world does to servers, their database and the network between them and the connected systems.</summary>
internal enum Fault
{
    RequestLost,
    AnswerLost,
    NoAnswerInTime,
    Duplicated,
    Reordered,
    Throttled,
    Unavailable,
    LaggingRead,
    Crash,
    Pause,
    ClockJump,
    TransactionRepeated,
    CommitUnknown,
}

/// <summary>How often a fault met a provisioning row in a state: the one about which a call was, or that the server held or wrote.</summary>
internal sealed class Coverage
{
    private static readonly ProvisioningState[] Worked
        = [ProvisioningState.Pending, ProvisioningState.Intent, ProvisioningState.Linked, ProvisioningState.Compensating];

    private readonly Dictionary<(Fault Fault, ProvisioningState State), int> counts = [];

    /// <summary>The states in which a fault can meet a row.</summary>
    public static IReadOnlyList<ProvisioningState> Possible(Fault fault) => fault switch
    {
        // What may lag is a look for accounts that are not known. For a row in conflict, or compensated, there is none before it is pending or has an intent again.
        Fault.LaggingRead => Worked,
        // Also such a row is met: it is written, an event has its source read, and a change of handle reads and changes its account.
        _ => Enum.GetValues<ProvisioningState>(),
    };

    /// <summary>Whether nobody works on a row in this state.</summary>
    public static bool IsSettled(ProvisioningState state) => !Worked.Contains(state);

    public int this[Fault fault, ProvisioningState state] => counts.GetValueOrDefault((fault, state));

    public void Count(Fault fault, ProvisioningState state, int times = 1) => counts[(fault, state)] = this[fault, state] + times;

    public void Add(Coverage other)
    {
        foreach (var ((fault, state), times) in other.counts)
        {
            Count(fault, state, times);
        }
    }

    /// <summary>The pairs that were met less often than that.</summary>
    public IEnumerable<string> MetLessThan(int times)
        => from fault in Enum.GetValues<Fault>()
           from state in Possible(fault)
           where this[fault, state] < times
           select $"{fault} × {state}: {this[fault, state]}";

    /// <summary>A table of faults and states; a dash where they can't meet.</summary>
    public override string ToString()
    {
        var states = Enum.GetValues<ProvisioningState>();
        var table = new StringBuilder($"{"",-20}").AppendLine(string.Concat(states.Select(state => $"{state,14}")));
        foreach (var fault in Enum.GetValues<Fault>())
        {
            table.Append(CultureInfo.InvariantCulture, $"{fault,-20}")
                .AppendLine(string.Concat(states.Select(state => Possible(fault).Contains(state) ? $"{this[fault, state],14}" : $"{$"({this[fault, state]})",14}")));
        }

        return table.ToString();
    }
}
