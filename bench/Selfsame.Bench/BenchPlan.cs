namespace Selfsame.Bench;

/// <summary>How long everything is measured.</summary>
internal sealed record BenchPlan
{
    /// <summary>Enough for a judgement.</summary>
    public static BenchPlan Full { get; } = new()
    {
        Pairs = 5,
        HashPairs = 11,
        HashWarmUp = TimeSpan.FromSeconds(10),
        WarmUp = TimeSpan.FromSeconds(3),
        Settle = TimeSpan.FromSeconds(0.5),
        Window = TimeSpan.FromSeconds(3),
        Races = 100,
        Starts = 5,
        UsersInMemory = 100_000,
        RequestsBeforeMemory = 1_000,
        WarmRows = 20_000,
        AuditedRows = [1_000_000, 10_000_000],
        WarmMerges = 1_000,
        Merges = 10_000,
        WarmAccounts = 200,
        Accounts = 500,
        Rounds = 3,
        Judges = true,
    };

    /// <summary>One short pass of each: it shows that the benchmark runs.</summary>
    public static BenchPlan Quick { get; } = new()
    {
        Pairs = 1,
        HashPairs = 1,
        HashWarmUp = TimeSpan.FromSeconds(0.3),
        WarmUp = TimeSpan.FromSeconds(0.3),
        Settle = TimeSpan.FromSeconds(0.1),
        Window = TimeSpan.FromSeconds(0.5),
        Races = 5,
        Starts = 1,
        UsersInMemory = 1_000,
        RequestsBeforeMemory = 50,
        WarmRows = 1_000,
        AuditedRows = [10_000],
        WarmMerges = 10,
        Merges = 100,
        WarmAccounts = 4,
        Accounts = 12,
        Rounds = 1,
        Judges = false,
    };

    /// <summary>How often both sides are measured, one after the other.</summary>
    public required int Pairs { get; init; }

    /// <summary>As <see cref="Pairs"/>, against the hash: of the few operations that a window holds there, chance makes more.</summary>
    public required int HashPairs { get; init; }

    /// <summary>As <see cref="WarmUp"/>, against the hash: so few operations a second take longer until the runtime has compiled them for good.</summary>
    public required TimeSpan HashWarmUp { get; init; }

    /// <summary>How long each side runs before the first pair.</summary>
    public required TimeSpan WarmUp { get; init; }

    /// <summary>How long the load runs before a window opens.</summary>
    public required TimeSpan Settle { get; init; }

    /// <summary>What is counted.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>How many e-mail addresses are signed up several times at once.</summary>
    public required int Races { get; init; }

    public required int Starts { get; init; }

    public required int UsersInMemory { get; init; }

    public required int RequestsBeforeMemory { get; init; }

    /// <summary>How many rows the tables have on which work is tried before it is measured.</summary>
    public required int WarmRows { get; init; }

    /// <summary>The sizes of the tables that are audited.</summary>
    public required IReadOnlyList<int> AuditedRows { get; init; }

    /// <summary>How many pairs are merged before it is measured.</summary>
    public required int WarmMerges { get; init; }

    /// <summary>How many pairs are merged each time.</summary>
    public required int Merges { get; init; }

    /// <summary>How many accounts are made on a PDS before it is measured: both runtimes, ours and the PDS's, have compiled for good by then what they run.</summary>
    public required int WarmAccounts { get; init; }

    /// <summary>How many accounts are made on a PDS each time.</summary>
    public required int Accounts { get; init; }

    /// <summary>How often each work on such tables, or on a PDS, is measured.</summary>
    public required int Rounds { get; init; }

    /// <summary>Whether a missed bar is the run's outcome.</summary>
    public required bool Judges { get; init; }
}
