namespace Selfsame.Core.Accounts;

/// <summary>How long a read waits in place, for as long as its system asks for it, before it tells the caller instead.</summary>
/// <param name="AtOnce">The longest single wait.</param>
/// <param name="InAll">So much in all for one request.</param>
public sealed record Patience(TimeSpan AtOnce, TimeSpan InAll)
{
    /// <summary>Of a command: an audit reads to the end, however slowly it is let.</summary>
    public static Patience OfCommand { get; } = new(TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(10));

    /// <summary>Of the service, which works under leases, for others too: a longer wait is a pause of the system, for all nodes.</summary>
    public static Patience OfService { get; } = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2));
}
