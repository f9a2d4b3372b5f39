using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using Npgsql;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// A column, and how its values come and go: booleans, whole numbers, floating-point numbers, text and bytes as such, every other type as the
/// text that PostgreSQL writes for it and reads back exactly.
/// </summary>
internal sealed record PostgresColumn
{
    // The built-in types' object ids never change (pg_type.dat).
    private const uint Uuid = 2950;
    private const uint Numeric = 1700;
    private const uint Bytea = 17;
    private static readonly HashSet<uint> Texts = [25, 1043, 1042, 19];
    private static readonly HashSet<uint> Integers = [20, 21, 23];

    private static readonly Dictionary<uint, Func<NpgsqlDataReader, int, FieldValue>> Readers = new()
    {
        [16] = (reader, index) => FieldValue.Boolean(reader.GetBoolean(index)),
        [Bytea] = (reader, index) => FieldValue.Bytes(reader.GetFieldValue<byte[]>(index)),
        [19] = (reader, index) => FieldValue.Text(reader.GetString(index)),
        [20] = (reader, index) => FieldValue.Integer(reader.GetInt64(index)),
        [21] = (reader, index) => FieldValue.Integer(reader.GetInt16(index)),
        [23] = (reader, index) => FieldValue.Integer(reader.GetInt32(index)),
        [25] = (reader, index) => FieldValue.Text(reader.GetString(index)),
        [700] = (reader, index) => FieldValue.Number(reader.GetFloat(index)),
        [701] = (reader, index) => FieldValue.Number(reader.GetDouble(index)),
        [1042] = (reader, index) => FieldValue.Text(reader.GetString(index)),
        [1043] = (reader, index) => FieldValue.Text(reader.GetString(index)),
    };

    public required string Name { get; init; }

    public required uint TypeId { get; init; }

    /// <summary>The type as a cast names it, without a length: a cast to a length cuts off silently, an assignment refuses.</summary>
    public required string TypeName { get; init; }

    /// <summary>The type's object id, of a domain that of the type below it.</summary>
    public required uint BaseTypeId { get; init; }

    /// <summary>The length or precision that was declared with the type, as <c>pg_attribute.atttypmod</c> holds it; −1 for none.</summary>
    public required int Modifier { get; init; }

    /// <summary>The values of an enumerated type; empty for others.</summary>
    public required IReadOnlyList<string> Labels { get; init; }

    public required bool NotNull { get; init; }

    /// <summary>Whether it gets a value when none is given: by a default, or perhaps by a trigger (of each row, before an insert).</summary>
    public required bool FillsItself { get; init; }

    /// <summary>GENERATED ALWAYS AS IDENTITY: inserting a chosen value must say so.</summary>
    public required bool AlwaysNumbered { get; init; }

    /// <summary>Whether the database numbers it by itself (identity, serial).</summary>
    public required bool Numbered { get; init; }

    /// <summary>GENERATED ALWAYS AS … STORED: never written.</summary>
    public required bool Computed { get; init; }

    /// <summary>Its place in the row's key from 1, or 0.</summary>
    public required int KeyPosition { get; init; }

    /// <summary>Whether a unique or exclusion constraint may look at it, so that two rows can't change it in any order.</summary>
    public required bool Unique { get; init; }

    /// <summary>Whether its own equality ignores case: citext, or a collation that is not deterministic and of level 1 or 2.</summary>
    public required bool FoldsCase { get; init; }

    /// <summary>Whether equal values may differ in their bytes (citext, a collation that is not deterministic).</summary>
    public required bool ComparesLoosely { get; init; }

    public string Quoted => DialectText.Quote(Name);

    public bool IsText => Texts.Contains(TypeId) || IsCitext;

    public bool IsCitext => TypeName == "citext" || TypeName.EndsWith(".citext", StringComparison.Ordinal);

    public bool IsInteger => Integers.Contains(TypeId);

    public bool IsBytes => TypeId == Bytea;

    public bool IsUuid => TypeId == Uuid;

    /// <summary>Whether a record holds its values as the type's exact text.</summary>
    public bool IsNative => !Readers.ContainsKey(TypeId);

    /// <summary>How it is read: <c>t."name"</c>, or its text.</summary>
    public string Selected => IsNative ? $"t.{Quoted}::text" : $"t.{Quoted}";

    public FieldValue Read(NpgsqlDataReader reader, int index)
        => reader.IsDBNull(index) ? FieldValue.Null
            : Readers.TryGetValue(TypeId, out var read) ? read(reader, index)
            : FieldValue.Native(TypeName, reader.GetString(index));

    /// <summary>As <see cref="Read"/>, of the value's binary form; a uuid stays in its 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(FieldRows rows, byte[] buffer, int start, int length)
    {
        var bytes = buffer.AsSpan(start, length);
        switch (TypeId)
        {
            case 16: rows.AddBits(FieldForm.Boolean, bytes[0]); break;
            case Bytea: rows.Add(FieldForm.Bytes, start, length); break;
            case 20: rows.AddBits(FieldForm.Integer, BinaryPrimitives.ReadInt64BigEndian(bytes)); break;
            case 21: rows.AddBits(FieldForm.Integer, BinaryPrimitives.ReadInt16BigEndian(bytes)); break;
            case 23: rows.AddBits(FieldForm.Integer, BinaryPrimitives.ReadInt32BigEndian(bytes)); break;
            case 19 or 25 or 1042 or 1043: rows.Add(FieldForm.Text, start, length); break;
            case 700: rows.AddBits(FieldForm.Number, BitConverter.DoubleToInt64Bits(BinaryPrimitives.ReadSingleBigEndian(bytes))); break;
            case 701: rows.AddBits(FieldForm.Number, BinaryPrimitives.ReadInt64BigEndian(bytes)); break;
            case Uuid: rows.Add(FieldForm.Uuid, start, length); break;
            default: rows.Add(FieldForm.Native, start, length, rows.NativeType(TypeName)); break;
        }
    }

    /// <summary>The value as PostgreSQL's input functions read it; null for null.</summary>
    public static string? TextOf(FieldValue value) => value.Raw switch
    {
        null => null,
        bool boolean => boolean ? "true" : "false",
        byte[] bytes => "\\x" + Convert.ToHexString(bytes),
        double number => number.ToString("R", CultureInfo.InvariantCulture) switch { "∞" => "Infinity", "-∞" => "-Infinity", var text => text },
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        var text => (string)text,
    };

    /// <summary>Whether the column's type reads this text as a value that it can hold; where not, no row has it.</summary>
    public bool CanHold(string text)
        => !text.Contains('\0', StringComparison.Ordinal) && TypeId switch
        {
            20 => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
            21 => short.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
            23 => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
            Numeric => decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out _),
            Uuid => Guid.TryParseExact(text, "D", out _),
            _ => true,
        };

    /// <summary>The condition that the column holds the text <paramref name="value"/> (an SQL expression of type text), by an index where there is one.</summary>
    public string HoldsText(string value) => this switch
    {
        { IsText: true } or { IsInteger: true } or { IsUuid: true } or { TypeId: Numeric } => $"t.{Quoted} = {value}::{TypeName}",
        _ => $"t.{Quoted}::text = {value}",
    };
}
