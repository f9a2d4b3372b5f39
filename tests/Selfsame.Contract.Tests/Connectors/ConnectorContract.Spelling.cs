using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What other systems hold, in fields of other types: what is planned is what is read back, or nothing is sent.</summary>
public abstract partial class ConnectorContract
{
    private const string OneUuid = "3b039300-6f9d-49c8-bd77-fd81e1c2a0ea";
    private static readonly DateTimeOffset Now = new(2026, 11, 26, 3, 11, 0, 500, TimeSpan.Zero);

    /// <summary>Values as connectors read them, of all their types.</summary>
    private static readonly FieldValue[] Foreign =
    [
        FieldValue.Null, FieldValue.Boolean(true), FieldValue.Boolean(false), FieldValue.Integer(0), FieldValue.Integer(1), FieldValue.Integer(-3), FieldValue.Integer(40000),
        FieldValue.Integer(9007199254740993), FieldValue.Number(0.1), FieldValue.Number(1.5), FieldValue.Number(2), FieldValue.Number(1e300), FieldValue.Number(double.NaN),
        FieldValue.Text(""), FieldValue.Text("yes"), FieldValue.Text("No"), FieldValue.Text("T"), FieldValue.Text("1"), FieldValue.Text("0"), FieldValue.Text("007"), FieldValue.Text("1.50"),
        FieldValue.Text("1e3"), FieldValue.Text("ann"), FieldValue.Text("a longer text"), FieldValue.Text("😀😀😀😀😀"), FieldValue.Text(OneUuid.ToUpperInvariant()), FieldValue.Text("64b7f0c2a1b2c3d4e5f60718"),
        FieldValue.Text("2024-05-01"), FieldValue.Text("2024-05-01T12:00:00Z"), FieldValue.Text("2024-05-01 14:00:00.1234565+02:00"), FieldValue.Text("2024-13-01T12:00:00Z"), FieldValue.Text("0001-01-01T00:00:00+10"),
        FieldValue.Text("9999-12-31T23:59:59.9999999Z"),
        FieldValue.Native("timestamp with time zone", "2024-02-29 21:59:59.123456+00"), FieldValue.Native("timestamp without time zone", "infinity"),
        FieldValue.Native("timestamp without time zone", "1969-07-20 20:17:40.9999"), FieldValue.Native("date", "2024-02-29"), FieldValue.Native("date", "2024-05-01T12:00:00.001Z"), FieldValue.Native("date", "0044-03-15 BC"),
        FieldValue.Native("numeric", "1.5000"), FieldValue.Native("numeric", "1.505"), FieldValue.Native("numeric", "-0.004"), FieldValue.Native("numeric", "12345678901234567890.0123456789"), FieldValue.Native("numeric", "NaN"),
        FieldValue.Native("decimal", "1E+3"), FieldValue.Native("long", "5"), FieldValue.Native("uuid", OneUuid), FieldValue.Native("objectId", "64b7f0c2a1b2c3d4e5f60718"), FieldValue.Native("interval", "1 mon"),
        FieldValue.Native("json", """{"a":1}"""), FieldValue.Native("object", """{"a":1}"""), FieldValue.Bytes([0, 255]),
    ];

    /// <summary>
    /// A system whose records have an id (text) and the fields of <see cref="KindFields"/>, of the types that their names say, all of which may be null. The attributes active and
    /// emailVerified stand in the fields that are named.
    /// </summary>
    protected abstract Task<IConnectedSystem> OpenKindsAsync(string active, string verified);

    /// <summary>The fields besides the id.</summary>
    protected abstract IReadOnlyList<string> KindFields { get; }

    /// <summary>The mapping of that system.</summary>
    protected AccountMapping KindMapping(string active, string verified) => new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string>(),
        Attributes = KindFields.Where(field => field != active && field != verified).ToDictionary(field => field, field => new AttributeMapping(field))
            .Append(new(AccountMapping.Active, new AttributeMapping(active))).Append(new(AccountMapping.EmailVerified, new AttributeMapping(verified))).ToDictionary(),
    };

    [Theory]
    [InlineData("flag", "moment")]
    [InlineData("words", "whole")]
    [InlineData("exact", "words")]
    public async Task What_another_system_holds_is_read_back_as_it_was_spelled_or_never_sent(string active, string verified)
    {
        await using var kinds = await OpenKindsAsync(active, verified);
        var facts = await kinds.DescribeAsync(CancellationToken.None);
        var before = Fields.Empty;
        var sent = 0;
        foreach (var (number, value) in Foreign.Index())
        {
            // Created, and there is nothing left to do.
            var created = Spelled(facts, value, Fields.Empty).With(new Fields([new("id", FieldValue.Text($"{number}"))]));
            sent += created.Count - 1;
            (await ((ICreatesAccounts)kinds).CreateAsync(new AccountId($"{number}"), created, CancellationToken.None)).ShouldBeOfType<Done>($"{value.AsNative?.Type} {value}");
            var present = await ReadKindAsync(kinds, number);
            ShouldHold(facts, value, present, created);

            // The account of the value before takes this one, and its own back.
            if (number > 0)
            {
                var set = Spelled(facts, value, before);
                await SetKindAsync(kinds, number - 1, set, before);
                var changed = await ReadKindAsync(kinds, number - 1);
                ShouldHold(facts, value, changed, set);
                await SetKindAsync(kinds, number - 1, before.OrMissing(set.Keys), changed);
                (await ReadKindAsync(kinds, number - 1)).ShouldBe(before);
            }

            before = present;
        }

        sent.ShouldBeGreaterThan(KindFields.Count * 10);
    }

    private Fields Spelled(SystemFacts facts, FieldValue value, Fields present)
        => new(KindFields.Select(field => (Field: field, Spelled: facts.Spell(new ForeignValue(field, value, present.ValueOrNull(field), Now))))
            .Where(pair => pair.Spelled.Problem is null)
            .Select(pair => KeyValuePair.Create(pair.Field, pair.Spelled.Value)));

    // Exactly as it was planned; and written there once more it is what stands there, so that no drift is left that no update ends. Of a mark what it says counts.
    private static void ShouldHold(SystemFacts facts, FieldValue value, Fields present, Fields planned)
    {
        foreach (var (field, spelled) in planned)
        {
            present[field].ShouldBe(spelled, $"{value.AsNative?.Type} {value} in {field}");
            var again = facts.Spell(new ForeignValue(field, value, present[field], Now.AddDays(1)));
            (field == "id" || (again.Problem is null && (again.Value == spelled || (again.Value.IsNull && !spelled.IsTruthy))))
                .ShouldBeTrue($"{value.AsNative?.Type} {value} in {field} is {spelled}, and would be {again} then");
        }
    }

    private static async Task SetKindAsync(IConnectedSystem kinds, int id, Fields set, Fields present)
        => (await ((IUpdatesAccounts)kinds).UpdateAsync(new AccountId($"{id}"), set, present.Only(set.Keys), CancellationToken.None)).ShouldBeOfType<Done>($"{set}");

    private static async Task<Fields> ReadKindAsync(IConnectedSystem kinds, int id)
        => (await ((IReadsAccountsById)kinds).ReadFreshAsync("kinds", [new AccountId($"{id}")], CancellationToken.None)).Values.Single().Record;
}
