using System.Globalization;
using Selfsame.Bench.Figures;
using Selfsame.Bench.Pds;
using Selfsame.Testing;

namespace Selfsame.Bench.Comparisons;

/// <summary>
/// Accounts that our server makes on a real PDS for people who have just verified themselves, a second, against the PDS's own creation called bare,
/// as many at once.
/// </summary>
internal sealed class AgainstBarePds(BenchPlan plan)
{
    private const double Bar = 0.9;

    // Enough for the PDS to be busy all the time, on both sides: more do not make it faster.
    private const int AtOnce = 8;

    /// <param name="folder">An empty folder for our server.</param>
    /// <param name="database">A PostgreSQL connection string; null means SQLite.</param>
    public async Task<Figure> MeasureAsync(TemporaryFolder folder, string? database)
    {
        await using var pds = await PersonalDataServer.StartAsync(new PersonalDataServerOptions { InviteRequired = false });
        await using var users = await VerifiedUsers.StartAsync(folder, database, pds, AtOnce);
        using var bare = new BareAccounts(pds);
        await users.SecondsAsync(plan.WarmAccounts);
        await bare.SecondsAsync(AtOnce, plan.WarmAccounts);
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = 0; round < plan.Rounds; round++)
        {
            ours.Add(plan.Accounts / await users.SecondsAsync(plan.Accounts));
            theirs.Add(plan.Accounts / await bare.SecondsAsync(AtOnce, plan.Accounts));
        }

        var ratio = Spread.Of(ours.Zip(theirs, (mine, other) => mine / other));
        return new Figure
        {
            Name = $"Accounts on a PDS for {plan.Accounts.ToString("N0", CultureInfo.InvariantCulture)} verified sign-ups against its createAccount bare, {(database is null ? "SQLite" : "PostgreSQL")}",
            HttpInside = true,
            Unit = "/s",
            Ours = new Reading("verified", Spread.Of(ours)),
            Theirs = new Reading("createAccount", Spread.Of(theirs)),
            Ratio = ratio,
            Bar = FormattableString.Invariant($"≥ {Bar:0.00}"),
            Met = ratio.Median >= Bar,
            Note = $"{AtOnce} at once on both sides, one PDS; ours from the first opened link to the last account that is known to be theirs",
        };
    }
}
