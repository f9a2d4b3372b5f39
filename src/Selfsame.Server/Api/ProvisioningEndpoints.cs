using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Reconciliation;
using Selfsame.Store.Inbox;
using Selfsame.Store.Provisioning;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary><c>/api/v1/provisioning</c>: how the accounts in the connected systems stand, and a retry of conflicts.</summary>
internal static class ProvisioningEndpoints
{
    private const int LongestName = 200;
    private const int LongestAccount = 1000;
    private const int LargestPage = 200;

    private static readonly QueryShape ListQuery = new(
        new Field("system", FieldKind.Text, "Only rows of this connected system.") { ReadLimit = LongestName },
        new Field("state", FieldKind.Text, "Only rows in this state.") { Choices = [.. Enum.GetValues<ProvisioningState>().Select(ProvisioningRowAnswer.NameOf)], ReadLimit = 20 },
        new Field("user", FieldKind.Text, "Only the rows of this user, with their history: a uuid.") { ReadLimit = 36, Format = "uuid" },
        new Field("source", FieldKind.Text, "With 'account': only the rows of this account of any system, with their history.") { ReadLimit = LongestName },
        new Field("account", FieldKind.Text, "The account's id in 'source', as the list has it.") { ReadLimit = LongestAccount },
        new Field("page", FieldKind.Whole, "Which page, from 1.") { Range = (1, 1_000_000) },
        new Field("pageSize", FieldKind.Whole, "Rows per page; 50 when it is missing.") { Range = (1, LargestPage) });

    private static readonly BodyShape RetryBody = new(
        "ProvisioningRetry",
        "Which row of the system is retried; empty: all that are in conflict.",
        new Field("source", FieldKind.Text, "The system whose account the row is about.") { ReadLimit = LongestName, Example = "users" },
        new Field("account", FieldKind.Text, "The account's id there, as the list has it.") { ReadLimit = LongestAccount, Example = "0c2e7a1e-6d0b-4f3a-9a54-3f9a1c8f2b77" });

    public static void MapProvisioning(this IEndpointRouteBuilder api)
    {
        const string tag = "Provisioning";
        api.MapGet("/provisioning", ListAsync)
            .Described("listProvisioning", tag, "How each connected system stands, and a page of rows, the oldest first.")
            .RequiresAdministrator(ServiceScope.ReadProvisioning)
            .TakesQuery(ListQuery)
            .Produces<ProvisioningAnswer>();
        api.MapPost("/provisioning/{system}/retry", RetryAsync)
            .Described("retryProvisioning", tag, "Looks again at one row of a system that is in conflict, or at all.")
            .RequiresAdministrator(ServiceScope.WriteProvisioning)
            .TakesBody(RetryBody)
            .Produces<ProvisioningRetryAnswer>()
            .Refuses(Problem.NotFound);
        api.MapPost("/provisioning/sources/{system}/retry", RetryEventsAsync)
            .Described("retryEvents", tag, "Works now on the events of a system that failed: reads their accounts, and has them provisioned.")
            .RequiresAdministrator(ServiceScope.WriteProvisioning)
            .Produces<ProvisioningRetryAnswer>()
            .Refuses(Problem.NotFound);
    }

    private static async Task<IResult> ListAsync(HttpContext http, TenantProvisioning provisioning)
    {
        var query = RequestFields.Of(http);
        var errors = new FieldErrors();
        var user = ReadUser(query, errors);
        var account = ReadAccount(query, errors);
        if (user is not null && account is not null)
        {
            errors.Add("user", "user.account", "Write a user, or an account of a system, not both.");
        }

        if (errors.Any)
        {
            return Problem.Of(errors);
        }

        ProvisioningState? state = query.Text("state") is { } name ? Enum.Parse<ProvisioningState>(name, ignoreCase: true) : null;
        var systems = await provisioning.SystemsAsync(http.RequestAborted);
        var chosen = systems.Where(system => query.Text("system") is not { } wanted || system.System == wanted).ToList();
        var (page, pageSize) = (query.Whole("page") ?? 1, query.Whole("pageSize") ?? 50);
        var rows = user is { } uuid ? OfOne(await provisioning.OfUserAsync(uuid, http.RequestAborted), chosen, state, page, pageSize)
            : account is { } one ? OfOne(await provisioning.OfAccountAsync(one.Source, one.Id, http.RequestAborted), chosen, state, page, pageSize)
            : await provisioning.RowsAsync(chosen, state, page, pageSize, http.RequestAborted);
        return Results.Ok(new ProvisioningAnswer
        {
            Sources = [.. (await provisioning.SourcesAsync(http.RequestAborted)).Where(source => query.Text("system") is not { } wanted || source.System == wanted).Select(ProvisioningSourceAnswer.Of)],
            Systems = [.. chosen.Select(ProvisioningSystemAnswer.Of)],
            Rows = [.. rows.Rows.Select(ProvisioningRowAnswer.Of)],
            Total = rows.Total,
            Page = rows.Page,
            PageSize = rows.PageSize,
        });
    }

    private static async Task<IResult> RetryAsync(string system, HttpContext http, TenantProvisioning provisioning)
    {
        var fields = RequestFields.Of(http);
        if ((await provisioning.SystemsAsync(http.RequestAborted)).All(summary => summary.System != system))
        {
            return Problem.NotFound.Because("Nothing was ever provisioned into a system of this name. Look the names up with GET /api/v1/provisioning.");
        }

        var errors = new FieldErrors();
        var account = ReadAccount(fields, errors);
        if (errors.Any)
        {
            return Problem.Of(errors);
        }

        return Results.Ok(new ProvisioningRetryAnswer
        {
            Retried = account is not { } one ? await provisioning.RetryAllAsync(system, http.RequestAborted)
                : await provisioning.RetryAsync(new ProvisioningKey(one.Source, one.Id, system), http.RequestAborted) ? 1
                : 0,
        });
    }

    private static async Task<IResult> RetryEventsAsync(string system, HttpContext http, TenantProvisioning provisioning)
        => (await provisioning.SourcesAsync(http.RequestAborted)).All(source => source.System != system)
            ? Problem.NotFound.Because("No system of this name ever reported something. Look the names up with GET /api/v1/provisioning, under 'sources'.")
            : Results.Ok(new ProvisioningRetryAnswer { Retried = await provisioning.RetryEventsAsync(system, http.RequestAborted) });

    /// <summary>One person has few rows: they are read at once.</summary>
    private static ProvisioningRowPage OfOne(
        IReadOnlyList<ProvisioningStatus> all, List<SystemProvisioning> chosen, ProvisioningState? state, int page, int pageSize)
    {
        var rows = all.Where(row => chosen.Exists(system => system.System == row.Row.Key.System) && (state is null || row.Row.State == state)).ToList();
        return new ProvisioningRowPage([.. rows.Skip((page - 1) * pageSize).Take(pageSize)], rows.Count, page, pageSize);
    }

    /// <summary>The account that 'source' and 'account' name together; null where neither is there, or something is wrong with them.</summary>
    private static (string Source, AccountId Id)? ReadAccount(RequestFields fields, FieldErrors errors)
    {
        var (source, account) = (fields.Text("source"), fields.Text("account"));
        if (source is null && account is null)
        {
            return null;
        }

        if (source is null || account is null)
        {
            errors.Add(source is null ? "account" : "source", "account.half", "An account is named by its system and its id there. Write both, or neither.");
            return null;
        }

        if (!AccountId.TryFromText(account, out var id))
        {
            errors.Add("account", "account.shape", "Write the account's id as GET /api/v1/provisioning has it.");
            return null;
        }

        return (source, id);
    }

    private static Guid? ReadUser(RequestFields query, FieldErrors errors)
    {
        if (query.Text("user") is not { } text)
        {
            return null;
        }

        if (Guid.TryParseExact(text, "D", out var uuid))
        {
            return uuid;
        }

        errors.Add("user", "user.shape", "Write the user's uuid.");
        return null;
    }
}

/// <summary>How provisioning stands, and a page of rows.</summary>
internal sealed record ProvisioningAnswer
{
    public required IReadOnlyList<ProvisioningSourceAnswer> Sources { get; init; }

    public required IReadOnlyList<ProvisioningSystemAnswer> Systems { get; init; }

    public required IReadOnlyList<ProvisioningRowAnswer> Rows { get; init; }

    public required long Total { get; init; }

    public required int Page { get; init; }

    public required int PageSize { get; init; }
}

/// <summary>One system that reports what happens in it: how many of its events wait, and what holds them up.</summary>
internal sealed record ProvisioningSourceAnswer
{
    public required string System { get; init; }

    public required long Waiting { get; init; }

    public required long Failing { get; init; }

    public required DateTimeOffset? OldestWaiting { get; init; }

    public required string? LastProblem { get; init; }

    public required DateTimeOffset? PausedUntil { get; init; }

    public static ProvisioningSourceAnswer Of(InboxBacklog backlog) => new()
    {
        System = backlog.System,
        Waiting = backlog.Waiting,
        Failing = backlog.Failing,
        OldestWaiting = backlog.OldestWaiting,
        LastProblem = backlog.LastProblem,
        PausedUntil = backlog.PausedUntil,
    };
}

/// <summary>How many rows were taken out of their conflict, or events are worked on again.</summary>
internal sealed record ProvisioningRetryAnswer
{
    public required int Retried { get; init; }
}

/// <summary>One connected system: how many rows are in each state, and what holds it up.</summary>
internal sealed record ProvisioningSystemAnswer
{
    public required string System { get; init; }

    public required long Pending { get; init; }

    public required long Intent { get; init; }

    public required long Linked { get; init; }

    public required long Conflict { get; init; }

    public required long Compensating { get; init; }

    public required long Compensated { get; init; }

    public required long DueAgain { get; init; }

    public required DateTimeOffset? OldestWaiting { get; init; }

    public required string? LastProblem { get; init; }

    public required DateTimeOffset? LastProblemAt { get; init; }

    public required DateTimeOffset? PausedUntil { get; init; }

    public static ProvisioningSystemAnswer Of(SystemProvisioning summary)
    {
        long Count(ProvisioningState state) => summary.Counts.GetValueOrDefault(state);
        return new ProvisioningSystemAnswer
        {
            System = summary.System,
            Pending = Count(ProvisioningState.Pending),
            Intent = Count(ProvisioningState.Intent),
            Linked = Count(ProvisioningState.Linked),
            Conflict = Count(ProvisioningState.Conflict),
            Compensating = Count(ProvisioningState.Compensating),
            Compensated = Count(ProvisioningState.Compensated),
            DueAgain = summary.DueAgain,
            OldestWaiting = summary.OldestWaiting,
            LastProblem = summary.LastProblem,
            LastProblemAt = summary.LastProblemAt,
            PausedUntil = summary.PausedUntil,
        };
    }
}

/// <summary>One account and one system into which it is provisioned.</summary>
internal sealed record ProvisioningRowAnswer
{
    public required string Source { get; init; }

    public required string Account { get; init; }

    public required string System { get; init; }

    public required string State { get; init; }

    public required string? TargetId { get; init; }

    public required string? DueBecause { get; init; }

    public required int Attempts { get; init; }

    public required DateTimeOffset NotBefore { get; init; }

    public required string? Problem { get; init; }

    public required string? Note { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public required IReadOnlyList<ProvisioningHappeningAnswer> History { get; init; }

    /// <summary>A state as callers write it.</summary>
    public static string NameOf(ProvisioningState state) => state.ToString().ToLowerInvariant();

    public static ProvisioningRowAnswer Of(ProvisioningStatus status) => new()
    {
        Source = status.Row.Key.Source,
        Account = status.Row.Key.Account.ToText(),
        System = status.Row.Key.System,
        State = NameOf(status.Row.State),
        TargetId = status.Row.TargetId?.ToText(),
        DueBecause = status.Row.DueBecause,
        Attempts = status.Row.Attempts,
        NotBefore = status.Row.NotBefore,
        Problem = status.Row.Problem,
        Note = status.Row.Note,
        CreatedAt = status.Created,
        UpdatedAt = status.Updated,
        History = [.. status.History.Select(line => new ProvisioningHappeningAnswer { At = line.At, State = NameOf(line.State), What = line.What, CorrelationId = line.CorrelationId })],
    };
}

/// <summary>One line of a row's history.</summary>
internal sealed record ProvisioningHappeningAnswer
{
    public required DateTimeOffset At { get; init; }

    public required string State { get; init; }

    public required string? What { get; init; }

    public required string? CorrelationId { get; init; }
}
