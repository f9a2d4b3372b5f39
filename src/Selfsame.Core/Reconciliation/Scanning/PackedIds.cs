using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>
/// The primary keys of one system's accounts: 8 bytes each while all are whole numbers, 16 while all are uuids, and otherwise their text.
/// </summary>
internal sealed class PackedIds
{
    private const int UuidLength = 36;

    private readonly Blocks<long> numbers = new();
    private readonly Blocks<Guid> uuids = new();
    private readonly Blocks<byte> texts = new();
    private readonly Blocks<long> starts = new();
    private readonly Dictionary<int, AccountId> withoutUtf8 = [];
    private bool asTexts;

    public int Count => asTexts ? starts.Count : numbers.Count + uuids.Count;

    public AccountId this[int index] => asTexts ? TextAt(index)
        : numbers.Count > 0 ? new AccountId(numbers[index].ToString(CultureInfo.InvariantCulture))
        : new AccountId(uuids[index].ToString("D"));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(long number)
    {
        if (!asTexts && uuids.Count == 0)
        {
            numbers.Add(number);
            return;
        }

        Add(new AccountId(number.ToString(CultureInfo.InvariantCulture)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(Guid uuid)
    {
        if (!asTexts && numbers.Count == 0)
        {
            uuids.Add(uuid);
            return;
        }

        Add(new AccountId(uuid.ToString("D")));
    }

    public void Add(AccountId id)
    {
        var only = id.Parts.Count == 1 ? id.Parts[0] : "";
        if (!asTexts && numbers.Count == 0 && only.Length == UuidLength && Guid.TryParseExact(only, "D", out var uuid))
        {
            uuids.Add(uuid);
        }
        else if (!asTexts && uuids.Count == 0 && long.TryParse(only, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            && number.ToString(CultureInfo.InvariantCulture) == only)
        {
            numbers.Add(number);
        }
        else
        {
            AddText(id);
        }
    }

    private void AddText(AccountId id)
    {
        ToTexts();
        if (id.Parts.Any(part => CodePoints.IndexOfLoneSurrogate(part) >= 0))
        {
            withoutUtf8.Add(Count, id);
        }

        starts.Add(texts.Length);
        Span<byte> length = stackalloc byte[4];
        foreach (var part in id.Parts)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, Encoding.UTF8.GetByteCount(part));
            Append(length);
            Append(Encoding.UTF8.GetBytes(part));
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        foreach (var one in bytes)
        {
            texts.Add(one);
        }
    }

    private AccountId TextAt(int index)
    {
        if (withoutUtf8.TryGetValue(index, out var whole))
        {
            return whole;
        }

        var (at, end) = (starts[index], index + 1 < starts.Length ? starts[index + 1] : texts.Length);
        var parts = new List<string>();
        while (at < end)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(Read(at, 4));
            parts.Add(Encoding.UTF8.GetString(Read(at + 4, length)));
            at += 4 + length;
        }

        return new AccountId(parts);
    }

    private byte[] Read(long at, int length)
    {
        var bytes = new byte[length];
        for (var index = 0; index < length; index++)
        {
            bytes[index] = texts[at + index];
        }

        return bytes;
    }

    /// <summary>Ids of several forms are kept as texts.</summary>
    private void ToTexts()
    {
        if (asTexts)
        {
            return;
        }

        var (hadNumbers, count) = (numbers.Count > 0, Count);
        asTexts = true;
        for (var index = 0; index < count; index++)
        {
            AddText(new AccountId(hadNumbers ? numbers[index].ToString(CultureInfo.InvariantCulture) : uuids[index].ToString("D")));
        }

        numbers.Clear();
        uuids.Clear();
    }
}
