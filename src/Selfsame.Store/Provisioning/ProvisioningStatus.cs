using Selfsame.Core.Provisioning;

namespace Selfsame.Store.Provisioning;

/// <summary>One line of a row's history.</summary>
/// <param name="At">When.</param>
/// <param name="State">The state from then on.</param>
/// <param name="What">A sentence; null where the state says it.</param>
/// <param name="CorrelationId">Leads to the webhook or the request that it goes back to; null where it goes back to none.</param>
public sealed record ProvisioningHappening(DateTimeOffset At, ProvisioningState State, string? What, string? CorrelationId);

/// <summary>A row as people see it; nothing of it is secret.</summary>
public sealed record ProvisioningStatus
{
    public required ProvisioningRow Row { get; init; }

    public required DateTimeOffset Created { get; init; }

    public required DateTimeOffset Updated { get; init; }

    /// <summary>What happened, the oldest first.</summary>
    public IReadOnlyList<ProvisioningHappening> History { get; init; } = [];
}

/// <summary>What the service decided on the way to an account.</summary>
/// <param name="Key">The row of the account.</param>
/// <param name="What">A sentence.</param>
public sealed record ProvisioningNote(ProvisioningKey Key, string What);

/// <summary>Which rows to list.</summary>
/// <param name="Systems">Of these target systems.</param>
/// <param name="State">In this state; null: in any.</param>
/// <param name="Page">From 1.</param>
/// <param name="PageSize">Rows on a page.</param>
public sealed record ProvisioningQuery(IReadOnlyList<string> Systems, ProvisioningState? State, int Page, int PageSize);

/// <summary>A page of rows, without their history.</summary>
public sealed record ProvisioningRowPage(IReadOnlyList<ProvisioningStatus> Rows, long Total, int Page, int PageSize);
