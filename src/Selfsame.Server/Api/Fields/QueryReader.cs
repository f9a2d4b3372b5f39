using System.Globalization;
using Microsoft.AspNetCore.Http;
using Selfsame.Core.Identifiers;

namespace Selfsame.Server.Api.Fields;

/// <summary>Reads a query strictly: every parameter known, once, and of its type.</summary>
internal static class QueryReader
{
    public static RequestFields Read(HttpContext http, QueryShape shape)
    {
        var fields = new RequestFields();
        foreach (var (name, values) in http.Request.Query.Take(20))
        {
            var field = shape.Fields.FirstOrDefault(candidate => candidate.Name == name);
            if (field is null)
            {
                fields.Errors.Add(name.Length <= 100 ? name : "query", new Refusal("field.unknown", "There is no such parameter. Leave it out."));
            }
            else if (values.Count != 1)
            {
                fields.Errors.Add(name, new Refusal($"{name}.repeated", "This parameter is there twice. Write it once."));
            }
            else
            {
                ReadValue(values.ToString(), field, fields);
            }
        }

        return fields;
    }

    private static void ReadValue(string text, Field field, RequestFields fields)
    {
        var (value, refusal) = field.Kind switch
        {
            FieldKind.Whole => ReadWhole(text, field),
            FieldKind.Flag => text is "true" or "false" ? (text == "true", null) : (null, new Refusal($"{field.Name}.type", "Write true or false.")),
            _ => (text, FieldText.Refuse(text, field)),
        };
        if (refusal is null)
        {
            fields.Set(field.Name, value);
        }
        else
        {
            fields.Errors.Add(field.Name, refusal);
        }
    }

    private static (object? Value, Refusal? Refusal) ReadWhole(string text, Field field)
    {
        var (minimum, maximum) = field.Range;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= minimum && number <= maximum
            ? (number, null)
            : (null, new Refusal($"{field.Name}.range", $"Write a whole number from {minimum} to {maximum}."));
    }
}
