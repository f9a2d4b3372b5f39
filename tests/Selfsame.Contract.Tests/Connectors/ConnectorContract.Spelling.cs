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
        var sent = 0;
        foreach (var field in KindFields)
        {
            var before = Fields.Empty;
            foreach (var (number, value) in Foreign.Index())
            {
                var id = $"{field} {number}";
                var (spelled, problem) = facts.Spell(new ForeignValue(field, value, default, Now));
                if (problem is not null)
                {
                    problem.ShouldNotBeEmpty();
                    continue;
                }

                // Created, and there is nothing left to do.
                await CreateKindAsync(kinds, id, field, spelled);
                (await ReadKindAsync(kinds, id))[field].ShouldBe(spelled, $"{value.AsNative?.Type} {value} in {field}");
                IsThere(facts, field, value, spelled);

                // The account of the value before takes this one, and its own back.
                if (before.Count > 0)
                {
                    var last = new AccountId(before["id"].ToString());
                    var (changed, refusal) = facts.Spell(new ForeignValue(field, value, before[field], Now));
                    if (refusal is null)
                    {
                        await SetKindAsync(kinds, last, field, changed, before);
                        var after = await ReadKindAsync(kinds, last.ToString());
                        after[field].ShouldBe(changed, $"{value.AsNative?.Type} {value} in {field} in place of {before[field]}");
                        IsThere(facts, field, value, changed);
                        await SetKindAsync(kinds, last, field, before[field], after);
                        (await ReadKindAsync(kinds, last.ToString())).ShouldBe(before);
                    }
                }

                before = await ReadKindAsync(kinds, id);
                sent++;
            }
        }

        sent.ShouldBeGreaterThan(KindFields.Count * 5);
    }

    // What stands there, written there once more, is what stands there: no drift that an update does not end. Of a mark what it says counts.
    private static void IsThere(SystemFacts facts, string field, FieldValue value, FieldValue present)
        => (facts.Spell(new ForeignValue(field, value, present, Now.AddDays(1))) is { Problem: null } again && (again.Value == present || (again.Value.IsNull && !present.IsTruthy))).ShouldBeTrue($"{value} in {field}");

    private static async Task CreateKindAsync(IConnectedSystem kinds, string id, string field, FieldValue value)
        => (await ((ICreatesAccounts)kinds).CreateAsync(new AccountId(id), new Fields([new("id", FieldValue.Text(id)), new(field, value)]), CancellationToken.None))
            .ShouldBeOfType<Done>($"{value} in {field}");

    private static async Task SetKindAsync(IConnectedSystem kinds, AccountId id, string field, FieldValue value, Fields present)
        => (await ((IUpdatesAccounts)kinds).UpdateAsync(id, new Fields([new(field, value)]), present.Only([field]), CancellationToken.None)).ShouldBeOfType<Done>($"{value} in {field}");

    private static async Task<Fields> ReadKindAsync(IConnectedSystem kinds, string id)
        => (await ((IReadsAccountsById)kinds).ReadFreshAsync("kinds", [new AccountId(id)], CancellationToken.None)).Values.Single().Record;
}
