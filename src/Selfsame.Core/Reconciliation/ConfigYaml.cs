using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Selfsame.Core.Reconciliation;

/// <summary>Reads the YAML of the config, or of a file that it names.</summary>
internal static class ConfigYaml
{
    /// <summary>The root of the only document; null with an error where the text is none.</summary>
    /// <param name="text">The file's text.</param>
    /// <param name="report">Takes the error.</param>
    /// <param name="emptyIsList">Whether a file in which nothing stands is an empty list.</param>
    public static YamlNode? Load(string text, ConfigReport report, bool emptyIsList = false)
    {
        if (text.Length > TopologyReader.MaximumLength)
        {
            report.Reject(1, $"the file has over {TopologyReader.MaximumLength} characters, which no config needs. Is it the right file?");
            return null;
        }

        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException exception)
        {
            report.Reject(exception.Start.Line, $"this is not YAML: {exception.Message}");
            return null;
        }

        if (stream.Documents.Count == 0 && emptyIsList)
        {
            return new YamlSequenceNode();
        }

        if (stream.Documents.Count != 1)
        {
            report.Reject(1, "the file must hold exactly one YAML document.");
            return null;
        }

        return stream.Documents[0].RootNode;
    }
}
