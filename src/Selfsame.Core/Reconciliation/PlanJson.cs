using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// The plan's file: indented JSON with stable names, and last a <c>digest</c> over all the rest, so that a plan which
/// was edited by hand is told from the one that was read.
/// </summary>
public static class PlanJson
{
    /// <summary>The options for all JSON that the engine writes: camel case, enums as text, unknown members refused.</summary>
    public static JsonSerializerOptions Options { get; } = Build(indented: true);

    private static readonly JsonSerializerOptions Compact = Build(indented: false);

    /// <summary>The plan as the text of its file.</summary>
    public static string Write(Plan plan)
    {
        var node = JsonSerializer.SerializeToNode(plan, Options)!.AsObject();
        node["digest"] = DigestOf(plan);
        return node.ToJsonString(Options) + "\n";
    }

    /// <summary>Reads a plan's file; what is wrong with it, in a sentence, when it can't be used.</summary>
    public static (Plan? Plan, string? Problem) Read(string text)
    {
        try
        {
            if (JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) is not JsonObject root)
            {
                return (null, "This is not a plan.");
            }

            if (root["format"] is not JsonValue format || !format.TryGetValue<int>(out var version))
            {
                return (null, "This is not a plan: it has no 'format'.");
            }

            if (version != Reconciliation.Plan.CurrentFormat)
            {
                return (null, $"The plan has format {version}; this version of Selfsame reads format {Reconciliation.Plan.CurrentFormat}. Make a new plan.");
            }

            var digest = root["digest"] is JsonValue stated && stated.TryGetValue<string>(out var hex) ? hex : "";
            root.Remove("digest");
            var plan = root.Deserialize<Plan>(Options)!;
            return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(digest), Encoding.UTF8.GetBytes(DigestOf(plan)))
                ? (plan, null)
                : (null, "The plan was changed after it was made. Apply runs exactly what was planned: change the config and make a new plan.");
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException or ArgumentException)
        {
            return (null, $"This is not a plan that Selfsame wrote: {exception.Message}");
        }
    }

    private static string DigestOf(Plan plan)
        => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(plan, Compact)));

    private static JsonSerializerOptions Build(bool indented)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            // The file is read by people and never put into HTML.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            WriteIndented = indented,
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
