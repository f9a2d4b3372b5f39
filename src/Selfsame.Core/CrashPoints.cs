namespace Selfsame.Core;

/// <summary>
/// The named places at which losing the process matters. Production code announces that it reached one; what
/// happens then is injected: nothing, SIGKILL (the kill -9 tests) or a simulated crash.
/// </summary>
public sealed class CrashPoints(Action<string> reached)
{
    /// <summary>Reaching a crash point does nothing.</summary>
    public static CrashPoints None { get; } = new(_ => { });

    /// <summary>Announces that the crash point <paramref name="name"/> (as <c>area.what-just-happened</c>) was reached.</summary>
    public void Reach(string name) => reached(name);
}
