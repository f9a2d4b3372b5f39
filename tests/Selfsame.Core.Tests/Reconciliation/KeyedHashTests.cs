using Selfsame.Core.Reconciliation.Scanning;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class KeyedHashTests
{
    // The reference implementation's vectors for 128 bits: key 00 … 0f, input 00 01 02 … of that length.
    [Theory]
    [InlineData(0, "A3817F04BA25A8E66DF67214C7550293")]
    [InlineData(1, "DA87C1D86B99AF44347659119B22FC45")]
    [InlineData(15, "5493E99933B0A8117E08EC0F97CFC3D9")]
    [InlineData(63, "5150D1772F50834A503E069A973FBD7C")]
    public void The_published_vectors_come_out(int length, string expected)
    {
        var hash = new KeyedHash(new CountingUp()).Of([.. Enumerable.Range(0, length).Select(value => (byte)value)]);

        Convert.ToHexString([.. BitConverter.GetBytes(hash.Low), .. BitConverter.GetBytes(hash.High)]).ShouldBe(expected);
    }

    [Fact]
    public void Another_key_gives_another_hash()
        => new KeyedHash(new SeededRandom(1)).Of("ann"u8).ShouldNotBe(new KeyedHash(new SeededRandom(2)).Of("ann"u8));

    private sealed class CountingUp : RandomSource
    {
        public override void Fill(Span<byte> bytes)
        {
            for (var index = 0; index < bytes.Length; index++)
            {
                bytes[index] = (byte)index;
            }
        }
    }
}
