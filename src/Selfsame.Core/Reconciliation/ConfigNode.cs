using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// One value of the YAML with its line. Reading it as the wrong type notes an error and gives a harmless value, so that
/// all errors of a config are told at once.
/// </summary>
internal sealed partial class ConfigNode(YamlNode node, string path, ConfigReport report)
{
    public long Line => node.Start.Line;

    public bool IsText => node is YamlScalarNode;

    public string Path => path;

    /// <summary>The entries of a mapping, each key once; empty with an error when it is something else.</summary>
    public IReadOnlyDictionary<string, ConfigNode> Entries()
    {
        if (node is not YamlMappingNode mapping)
        {
            Reject($"'{path}' must be a mapping (name: value).");
            return new Dictionary<string, ConfigNode>();
        }

        var entries = new Dictionary<string, ConfigNode>(StringComparer.Ordinal);
        foreach (var (key, value) in mapping.Children)
        {
            if (key is YamlScalarNode { Value: { Length: > 0 } name })
            {
                entries.Add(name, new ConfigNode(value, path.Length == 0 ? name : $"{path}.{name}", report));
            }
            else
            {
                report.Reject(key.Start.Line, $"a name in '{path}' is not plain text.");
            }
        }

        return entries;
    }

    public IReadOnlyList<ConfigNode> Items()
    {
        if (node is YamlSequenceNode sequence)
        {
            return [.. sequence.Children.Select((child, index) => new ConfigNode(child, $"{path}[{index}]", report))];
        }

        Reject($"'{path}' must be a list ([a, b]).");
        return [];
    }

    /// <summary>The text with <c>${NAME}</c> replaced from the environment; an unset variable is an error.</summary>
    public string Text()
    {
        if (node is not YamlScalarNode { Value.Length: > 0 })
        {
            Reject($"'{path}' must be text and not empty.");
            return "";
        }

        return TextOrEmpty();
    }

    /// <summary>As <see cref="Text"/>, where an empty text says something too.</summary>
    public string TextOrEmpty()
    {
        if (node is not YamlScalarNode { Value: { } text })
        {
            Reject($"'{path}' must be text.");
            return "";
        }

        return Variable().Replace(text, match => report.Environment(match.Groups[1].Value) ?? Unset(match.Groups[1].Value));
    }

    public bool Flag()
    {
        switch (Text())
        {
            case "true": return true;
            case "false": return false;
            default:
                Reject($"'{path}' must be true or false.");
                return false;
        }
    }

    public int Count()
    {
        if (int.TryParse(Text(), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
        {
            return count;
        }

        Reject($"'{path}' must be a whole number, 0 or more.");
        return 0;
    }

    /// <summary>A number above 0, with decimals after a point where it has any.</summary>
    public double Positive()
    {
        if (double.TryParse(Text(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number > 0)
        {
            return number;
        }

        Reject($"'{path}' must be a number above 0.");
        return 1;
    }

    /// <summary>One of the <paramref name="choices"/>; the first, with an error, when it is none of them.</summary>
    public T OneOf<T>(params IReadOnlyList<(string Name, T Value)> choices)
    {
        var text = Text();
        foreach (var (name, value) in choices)
        {
            if (name == text)
            {
                return value;
            }
        }

        Reject($"'{path}' can't be '{text}'. It can be: {string.Join(", ", choices.Select(choice => choice.Name))}.");
        return choices[0].Value;
    }

    /// <summary>Notes an error for every entry whose name is not allowed here.</summary>
    public void RejectOthers(IEnumerable<string> allowed)
    {
        var names = allowed.ToList();
        foreach (var (name, entry) in Entries().Where(entry => !names.Contains(entry.Key)))
        {
            entry.Reject($"'{entry.Path}' is not known. Here can stand: {string.Join(", ", names)}.");
        }
    }

    public void Reject(string message) => report.Reject(Line, message);

    /// <summary>The list in another file, which this value names; null with an error where it is none. An empty file is an empty list.</summary>
    public ConfigNode? InFile(string file, string text) => ConfigYaml.Load(text, report.Of(file), emptyIsList: true) is { } root ? new ConfigNode(root, path, report.Of(file)) : null;

    private string Unset(string name)
    {
        Reject($"the environment variable {name}, which '{path}' names, is not set. Set it and run this again.");
        return "";
    }

    [GeneratedRegex(@"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();
}

/// <summary>Collects the errors of one reading.</summary>
internal sealed class ConfigReport(Func<string, string?> environment)
{
    private readonly List<ConfigError> errors = [];
    private readonly string? file;

    private ConfigReport(ConfigReport whole, string file)
        : this(whole.Environment)
    {
        errors = whole.errors;
        this.file = file;
    }

    public IReadOnlyList<ConfigError> Errors => [.. errors.Distinct().OrderBy(error => error.File, StringComparer.Ordinal).ThenBy(error => error.Line)];

    /// <summary>The same report, of what stands in another file.</summary>
    public ConfigReport Of(string other) => new(this, other);

    public string? Environment(string name) => environment(name) is { Length: > 0 } value ? value : null;

    public void Reject(long line, string message) => errors.Add(new ConfigError(line, message, file));
}
