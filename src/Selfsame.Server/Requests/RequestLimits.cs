namespace Selfsame.Server.Requests;

/// <summary>How large a request may be.</summary>
internal static class RequestLimits
{
    /// <summary>Bytes of a body; far more than any form needs.</summary>
    public const int LargestBody = 64 * 1024;

    /// <summary>Bytes of a webhook's body: far more than 10,000 events need.</summary>
    public const int LargestHookBody = 32 * 1024 * 1024;
}
