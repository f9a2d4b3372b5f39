using System.Text.RegularExpressions;
using System.Xml.Linq;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.HouseRules;

/// <summary>Who may know whom.</summary>
public sealed partial class ReferenceTests
{
    [Theory]
    [InlineData("Selfsame.Core")]
    [InlineData("Selfsame.Databases", "Selfsame.Core")]
    [InlineData("Selfsame.Store", "Selfsame.Core", "Selfsame.Databases")]
    [InlineData("Selfsame.Connectors", "Selfsame.Core", "Selfsame.Databases")]
    [InlineData("Selfsame.Server", "Selfsame.Core", "Selfsame.Databases", "Selfsame.Store", "Selfsame.Connectors")]
    [InlineData("Selfsame.Cli", "Selfsame.Core", "Selfsame.Databases", "Selfsame.Store", "Selfsame.Connectors", "Selfsame.Server")]
    public void Store_and_Connectors_never_reference_each_other_and_nothing_references_upwards(string project, params string[] allowed)
    {
        var referenced = XDocument.Load(Path.Combine(Checkout.Root, "src", project, $"{project}.csproj"))
            .Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

        referenced.Except(allowed).ShouldBeEmpty();
    }

    [Fact]
    public void Core_knows_no_driver_and_no_HTTP()
    {
        string[] foreign = ["System.Data", "System.Net", "Microsoft.AspNetCore", "Microsoft.Data", "Microsoft.EntityFrameworkCore", "Npgsql", "Dapper", "SQLitePCL"];

        // The sockets' primitives hold IPAddress, a value like any other.
        var referenced = typeof(RandomSource).Assembly.GetReferencedAssemblies().Select(assembly => assembly.Name!)
            .Where(name => name != "System.Net.Primitives" && foreign.Any(start => name.StartsWith(start, StringComparison.Ordinal)));

        referenced.ShouldBeEmpty();
    }

    [Fact]
    public void No_connector_sees_another()
    {
        var strangers =
            from file in SourceTree.CSharpFiles("src/Selfsame.Connectors")
            let folders = file.Split('/')
            where folders.Length > 3
            from Match match in ConnectorNamespace().Matches(SourceTree.Read(file))
                // Rows and Http hold what several of them share, and name none of them.
            where match.Groups["connector"].Value != folders[2]
            where match.Groups["connector"].Value is not ("Rows" or "Http") || folders[2] is "Rows" or "Http"
            select $"{file} names {match.Value}";

        strangers.ShouldBeEmpty();
    }

    [GeneratedRegex(@"\bSelfsame\.Connectors\.(?<connector>\w+)")]
    private static partial Regex ConnectorNamespace();
}
