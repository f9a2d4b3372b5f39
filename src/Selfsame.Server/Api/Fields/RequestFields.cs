using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api.Fields;

/// <summary>The values of a body or query whose every field has the right type; what is missing or null is null.</summary>
internal sealed class RequestFields
{
    private readonly SortedDictionary<string, object?> values = new(StringComparer.Ordinal);

    /// <summary>What is wrong with the fields, by name; an endpoint sees only fields without errors.</summary>
    public FieldErrors Errors { get; } = new();

    /// <summary>The same text for the same values, however they were spaced, ordered or escaped.</summary>
    public string Canonical => JsonSerializer.Serialize(values);

    /// <summary>The fields that were read for this request.</summary>
    public static RequestFields Of(HttpContext http)
        => http.Features.Get<RequestFields>() ?? throw new InvalidOperationException("The endpoint must say which fields it takes.");

    public bool Has(string name) => values.ContainsKey(name);

    public string? Text(string name) => (string?)values.GetValueOrDefault(name);

    public bool? Flag(string name) => (bool?)values.GetValueOrDefault(name);

    public int? Whole(string name) => (int?)values.GetValueOrDefault(name);

    public IReadOnlyList<string>? Texts(string name) => (IReadOnlyList<string>?)values.GetValueOrDefault(name);

    /// <summary>The field as a change: set exactly when it was written, null included.</summary>
    public Change<string> TextChange(string name) => new(Has(name), Text(name));

    public Change<bool> FlagChange(string name) => new(Has(name), Flag(name) ?? false);

    internal void Set(string name, object? value) => values[name] = value;

    internal void Drop(string name) => values.Remove(name);

    /// <summary>Adds errors of fields that have none so far.</summary>
    internal void Add(FieldErrors further)
    {
        var known = Errors.ByField.Keys.ToHashSet(StringComparer.Ordinal);
        foreach (var (field, refusals) in further.ByField.Where(entry => !known.Contains(entry.Key)))
        {
            refusals.ForEach(refusal => Errors.Add(field, refusal));
        }
    }
}
