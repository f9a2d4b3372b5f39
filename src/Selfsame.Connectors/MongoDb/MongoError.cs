using System.Text.RegularExpressions;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>What an error of the server means for what was asked.</summary>
internal enum MongoFault
{
    /// <summary>For good; nothing was changed.</summary>
    Refused,

    /// <summary>A unique index refused it.</summary>
    Duplicate,

    /// <summary>Nothing was changed, and it may work the next time.</summary>
    Transient,

    /// <summary>It may have happened.</summary>
    Uncertain,

    /// <summary>Too many requests.</summary>
    Throttled,

    /// <summary>This server has no transactions.</summary>
    NoTransactions,
}

/// <summary>An answer of the server that says no.</summary>
internal sealed partial record MongoError
{
    public const int NamespaceNotFound = 26;
    public const int IndexNotFound = 27;
    public const int CommandNotFound = 59;
    public const int IndexOptionsConflict = 85;
    public const int IndexKeySpecsConflict = 86;
    private const int Unauthorized = 13;
    private const int LongestMessage = 300;

    public required int Code { get; init; }

    public required MongoFault Fault { get; init; }

    /// <summary>For people; no value of a record is in it.</summary>
    public required string Message { get; init; }

    /// <summary>Of a duplicate: the index that refused it, and its fields where the server names them (from 4.4 on).</summary>
    public string Index { get; init; } = "";

    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>Whether the whole transaction may be tried again, as the driver specification for transactions says.</summary>
    public bool TransientTransaction { get; init; }

    /// <summary>
    /// What each code means, told here and nowhere else (the server's <c>error_codes.yml</c>; which of them are
    /// transient is in the driver specification for retryable writes).
    /// </summary>
    public static MongoFault FaultOf(int code) => code switch
    {
        11000 or 11001 or 12582 => MongoFault.Duplicate,

        // LockTimeout, WriteConflict, ReadConcernMajorityNotAvailableYet, NoSuchTransaction, ExceededTimeLimit, SnapshotUnavailable.
        24 or 112 or 134 or 251 or 262 or 246 => MongoFault.Transient,

        // Not the primary (LegacyNotPrimary, NotWritablePrimary, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary), no host to read from.
        10058 or 10107 or 13435 or 13436 or 133 => MongoFault.Transient,

        // The shard or its version moved: StaleShardVersion, StaleEpoch, StaleConfig.
        63 or 150 or 13388 => MongoFault.Transient,

        // Stopped in the middle: shutting down, stepping down, interrupted, a network error behind mongos, too late, not replicated.
        91 or 189 or 11600 or 11602 or 6 or 7 or 89 or 9001 or 50 or 64 or 79 or 100 or 11601 or 237 or 279 => MongoFault.Uncertain,

        // RequestRateTooLarge, as Azure Cosmos DB for MongoDB says it.
        16500 => MongoFault.Throttled,

        // IllegalOperation, and before 4.0 an unknown field of the command.
        20 or 40415 => MongoFault.NoTransactions,
        _ => MongoFault.Refused,
    };

    /// <summary>The error that an answer holds: of the command, of its first write, or of its write concern; null when it holds none.</summary>
    public static MongoError? In(BsonDocument reply, string command, string place)
    {
        if (!reply.Flag("ok"))
        {
            return Of(reply, reply.Document("errorLabels"), command, place);
        }

        foreach (var error in reply.Documents("writeErrors"))
        {
            return Of(error, reply.Document("errorLabels"), command, place);
        }

        // The write is there on the primary; whether it stays there nobody knows yet.
        var concern = reply.Document("writeConcernError");
        return concern.IsEmpty ? null : Of(concern, reply.Document("errorLabels"), command, place) with { Fault = MongoFault.Uncertain };
    }

    /// <summary>The contract's outcome for a write outside of a transaction.</summary>
    public WriteOutcome ToOutcome() => Fault switch
    {
        MongoFault.Duplicate => new AlreadyExists(Fields, Message),
        MongoFault.Transient => new Unavailable(Message),
        MongoFault.Uncertain => new Unknown(Message),
        MongoFault.Throttled => new Throttled(TimeSpan.FromSeconds(1)),
        _ => new Refused(Message) { LacksPermission = Code == Unauthorized },
    };

    private static MongoError Of(BsonDocument error, BsonDocument labels, string command, string place)
    {
        var code = (int)error.Number("code");
        var text = error.Text("errmsg");
        var fault = FaultOf(code);
        var index = fault == MongoFault.Duplicate && IndexInMessage().Match(text) is { Success: true } match ? match.Groups[1].Value : "";
        return new MongoError
        {
            Code = code,
            Fault = fault,
            Index = index,
            Fields = [.. error.Document("keyPattern").Select(element => element.Name)],
            Message = MessageOf(code, text, index, command, place),
            TransientTransaction = labels.Any(label => label.Value.AsText == "TransientTransactionError"),
        };
    }

    // The server's own words quote the command (13) or the values (11000): there ours stand instead.
    private static string MessageOf(int code, string text, string index, string command, string place) => code switch
    {
        _ when FaultOf(code) == MongoFault.Duplicate => $"Another record of {place} has the same value{(index.Length > 0 ? $" (unique index {index})" : "")}.",
        Unauthorized => $"The connection's user may not run {command} on {place}. Grant it that action; docs/connectors/mongodb.md lists what is needed.",
        _ => $"MongoDB answered {command} on {place} with error {code}: {(text.Length > LongestMessage ? text[..LongestMessage] + "…" : text)}",
    };

    // "… index: mail_1 dup key: …", "… index: name_1 collation: { … } dup key: …"; before 3.6 "index: db.users.$mail_1 dup key".
    [GeneratedRegex(@"index: (?:\S*\.\$)?(.+?)(?: collation: | dup key: )", RegexOptions.CultureInvariant)]
    private static partial Regex IndexInMessage();
}

/// <summary>The server answered a command with an error.</summary>
internal sealed class MongoErrorException(MongoError error) : IOException(error.Message)
{
    public MongoError Error => error;
}
