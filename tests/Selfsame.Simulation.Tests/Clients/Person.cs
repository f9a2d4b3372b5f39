namespace Selfsame.Simulation.Tests.Clients;

/// <summary>A person, and how they and their software write their name and address.</summary>
internal sealed record Person(string Name, IReadOnlyList<string> Usernames, IReadOnlyList<string> Emails)
{
    /// <summary>The people of every run; few, so that they meet.</summary>
    public static IReadOnlyList<Person> All { get; } =
    [
        new(
            "Åse",
            ["Åse", "åse", "ÅSE", " åse ", "A\u030Ase"],
            ["åse@bücher.example", "Åse@BÜCHER.example", "åse@xn--bcher-kva.example", "A\u030Ase@bu\u0308cher.example"]),
        new("Bert", ["bert", "Bert", "ＢＥＲＴ"], ["bert@example.org", "Bert@Example.ORG", " bert@example.org"]),
        new("Carl", ["carl@example.org", "CARL@example.org"], ["carl@example.org", "Carl@example.org"]),
        new("Dora", ["dora", "DORA "], ["dora@example.org", "DORA@EXAMPLE.ORG"]),
    ];
}
