using System.Text.Json;

namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>What may not be in an answer, whatever was asked.</summary>
internal static class AnswerCheck
{
    private static readonly string[] ProblemsOfFields =
        ["/problems/malformed-body", "/problems/invalid-header", "/problems/identifier-taken", "/problems/body-too-large", "/problems/unsupported-media-type", "/problems/invalid-fields",
         "/problems/idempotency-key-reused", "/problems/invalid-link", "/problems/if-match-required", "/problems/password-needed"];

    public static IEnumerable<string> Find(ApiDescription api, FuzzedRequest request, ApiAnswer answer)
    {
        if (answer.Status >= 500)
        {
            return ["The service failed."];
        }

        if (!request.Operation.Responses.TryGetValue(answer.Status, out var response))
        {
            return [$"The status {answer.Status} is not described for {request.Operation.Id}."];
        }

        if (answer.Status >= 400)
        {
            return FindInProblem(request, answer);
        }

        if (!response.TryGetProperty("content", out var content))
        {
            return answer.Text.Length == 0 ? [] : ["There is a body where none is described."];
        }

        return content.TryGetProperty("application/json", out var json)
            ? SchemaCheck.Find(api, json.GetProperty("schema"), answer.Json)
            : [];
    }

    private static IEnumerable<string> FindInProblem(FuzzedRequest request, ApiAnswer answer)
    {
        if (answer.MediaType != "application/problem+json")
        {
            yield return "A refusal is no problem document.";
            yield break;
        }

        var problem = answer.Json;
        var type = problem.GetProperty("type").GetString()!;
        if (!IsSentence(problem.GetProperty("detail")))
        {
            yield return "The detail is no sentence.";
        }

        var errors = problem.TryGetProperty("errors", out var fields) ? fields.EnumerateObject().ToList() : [];
        if (errors.Count == 0 && ProblemsOfFields.Contains(type))
        {
            yield return "The refusal names no field.";
        }

        foreach (var field in errors)
        {
            if (!request.Fields.Contains(field.Name) && request.Mutation != "one byte changed")
            {
                yield return $"The refusal names {field.Name}, which is no field of the request.";
            }

            if (field.Value.GetArrayLength() == 0 || !field.Value.EnumerateArray().All(IsSentence))
            {
                yield return $"The refusal of {field.Name} is no sentence.";
            }
        }
    }

    private static bool IsSentence(JsonElement text) => text.GetString() is { Length: > 10 } sentence && sentence.EndsWith('.') && !char.IsLower(sentence[0]);
}
