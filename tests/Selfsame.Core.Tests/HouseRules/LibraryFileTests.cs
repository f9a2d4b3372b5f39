using Selfsame.Testing;

namespace Selfsame.Core.Tests.HouseRules;

/// <summary>The libraries that we serve are the published ones, unchanged: the versions stand in tests/node/package.json.</summary>
[Trait("needs", "npm")]
public sealed class LibraryFileTests
{
    private const string Folder = "src/Selfsame.Server/wwwroot/lib";

    private static readonly Dictionary<string, string> Originals = new()
    {
        ["htmx.min.js"] = "htmx.org/dist/htmx.min.js",
        ["htmx.LICENSE.txt"] = "htmx.org/LICENSE",
        ["pico.min.css"] = "@picocss/pico/css/pico.min.css",
        ["pico.LICENSE.txt"] = "@picocss/pico/LICENSE.md",
    };

    [Fact]
    public void Every_library_file_is_byte_for_byte_the_one_from_npm()
    {
        var different = Originals.Where(pair =>
            !File.ReadAllBytes(Path.Combine(Checkout.Root, Folder, pair.Key))
                .SequenceEqual(File.ReadAllBytes(Path.Combine(Checkout.NodeFolder, "node_modules", pair.Value))));

        different.ShouldBeEmpty();
    }

    [Fact]
    public void Every_library_file_has_an_original() =>
        Directory.EnumerateFiles(Path.Combine(Checkout.Root, Folder)).Select(Path.GetFileName).ShouldBe(Originals.Keys, ignoreOrder: true);
}
