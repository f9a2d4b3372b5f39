using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Tests.Identifiers;

/// <summary>NormalizationTest.txt of Unicode 15.0.0, whole: its columns are source, NFC, NFD, NFKC, NFKD.</summary>
public sealed class NormalizationTests
{
    [Fact]
    public void All_of_the_published_test_passes_for_forms_C_and_D()
    {
        var rows = 0;
        foreach (var row in UnicodeFiles.TestRows("NormalizationTest.txt"))
        {
            var columns = row.Take(5).Select(UnicodeFiles.Text).ToArray();
            foreach (var (column, expected) in ((int, int)[])[(0, 1), (1, 1), (2, 1), (3, 3), (4, 3)])
            {
                Assert.True(Normalization.ToNfc(columns[column]) == columns[expected], row[0]);
            }

            foreach (var (column, expected) in ((int, int)[])[(0, 2), (1, 2), (2, 2), (3, 4), (4, 4)])
            {
                Assert.True(Normalization.ToNfd(columns[column]) == columns[expected], row[0]);
            }

            rows++;
        }

        rows.ShouldBe(19_074);
    }

    [Fact]
    public void Characters_that_the_published_test_does_not_list_do_not_change()
    {
        // "Part 1" of the file: every code point that is not in its first column is its own normalization form.
        var listed = UnicodeFiles.TestRows("NormalizationTest.txt").Select(row => row[0]).ToHashSet();
        foreach (var point in UnicodeFiles.TellingPoints.Where(point => point is < 0xD800 or > 0xDFFF))
        {
            var text = char.ConvertFromUtf32(point);
            if (!listed.Contains($"{point:X4}"))
            {
                Assert.True(Normalization.ToNfc(text) == text && Normalization.ToNfd(text) == text, text);
            }
        }
    }

    [Fact]
    public void Text_in_form_C_is_given_back_as_it_is()
    {
        const string text = "Zoë Ω 한글 日本語";
        Normalization.ToNfc(text).ShouldBeSameAs(text);
    }
}
