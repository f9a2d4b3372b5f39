using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Tells two configs apart by what they mean, not by how they are written, and without their secrets.</summary>
internal static partial class TopologyFingerprint
{
    public static string Of(IEnumerable<SystemConfig> systems, IEnumerable<ReconcileRule> rules, IReadOnlyList<ConnectorKind> connectors)
    {
        var secrets = connectors.SelectMany(kind => kind.Settings.Where(setting => setting.Secret).Select(setting => (kind.Name, setting.Name))).ToHashSet();
        var meaning = new
        {
            systems = systems.OrderBy(system => system.Name, StringComparer.Ordinal).Select(system => new
            {
                system.Name,
                system.Connector,
                system.Tenant,
                settings = system.Settings
                    .Where(pair => !secrets.Contains((system.Connector, pair.Key)))
                    .OrderBy(pair => pair.Key, StringComparer.Ordinal)
                    .Select(pair => new[] { pair.Key, ConnectionPassword().Replace(pair.Value, "") }),
                system.Mapping.Id,
                identifiers = system.Mapping.Identifiers.OrderBy(pair => pair.Key).Select(pair => new[] { pair.Key.Name(), pair.Value }),
                attributes = system.Mapping.Attributes.OrderBy(pair => pair.Key, StringComparer.Ordinal)
                    .Select(pair => new object[] { pair.Key, pair.Value.Field, pair.Value.Noise }),
                system.Mapping.PasswordHash,
                unique = system.Unique.Select(kind => kind.Name()),
                system.Duplicates,
                system.Survivor,
                system.TrustEmail,
                references = system.References.Select(place => new { place.Table, place.Fields, place.AccountFields }),
                system.Uuid,
                records = system.Records.Select(record => new { record.Name, record.Table, record.Id, fields = record.Fields.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new[] { pair.Key, pair.Value }) }),
                system.UserCode,
                defaults = system.Defaults.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new[] { pair.Key, pair.Value }),
            }),
            rules = rules.Select(rule => new
            {
                rule.Source,
                rule.Target,
                correlate = rule.Correlate.Select(correlation => correlation.Name),
                rule.TrustEmail,
                rule.When,
                rule.Missing,
                handle = rule.Handle?.ToString(),
                rule.Orphan,
                rule.IdMismatch,
                rule.Drifted,
            }),
        };
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(meaning))));
    }

    // Both forms of a connection: "Password=…;" among settings, and "://user:password@host".
    [GeneratedRegex(@"(?<=(^|;)\s*(password|pwd)\s*=)[^;]*|(?<=://[^:/@]*:)[^@/]*(?=@)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex ConnectionPassword();
}
