using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>A question whose answer must be 0 before a transaction goes on.</summary>
/// <param name="Statement">Gives one row with one bigint.</param>
/// <param name="Refusal">How a refusal begins, to which all answers of the same beginning are added; null where another look may help.</param>
/// <param name="Says">What an answer over 0 says.</param>
internal sealed record PostgresQuestion(PostgresStatement Statement, string? Refusal, Func<long, string> Says)
{
    /// <summary>What the first of the answers over 0 comes to; null when there is none.</summary>
    public static WriteOutcome? FirstAgainst(IReadOnlyList<PostgresQuestion> questions, IReadOnlyList<long> answers)
    {
        var against = questions.Zip(answers, (question, answer) => (Question: question, Answer: answer)).Where(pair => pair.Answer > 0).ToList();
        return against switch
        {
            [] => null,
            [{ Question.Refusal: null } first, ..] => new Drifted(first.Question.Says(first.Answer)),
            [var first, ..] => new Refused(
                $"{first.Question.Refusal}{string.Join(", ", against.Where(pair => pair.Question.Refusal == first.Question.Refusal).Select(pair => pair.Question.Says(pair.Answer)))}. Nothing was changed."),
        };
    }
}
