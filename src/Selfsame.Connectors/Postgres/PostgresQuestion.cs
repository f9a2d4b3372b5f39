using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>A question whose answer must be 0 for a transaction to be committed.</summary>
/// <param name="Statement">Gives one row with one bigint.</param>
/// <param name="Topic">Answers of one topic are told together; null for one that stands alone.</param>
/// <param name="Says">What an answer other than 0 says.</param>
/// <param name="Outcome">What it comes to, from what was said.</param>
internal sealed record PostgresQuestion(PostgresStatement Statement, string? Topic, Func<long, string> Says, Func<string, WriteOutcome> Outcome);

/// <summary>One statement of a transaction: a question, or a write to a table that must change as many rows as it says.</summary>
internal sealed record PostgresStep(PostgresStatement Statement, string Table, PostgresQuestion? Question)
{
    /// <summary>What the first of the steps that did not come out as it must comes to; null when there is none.</summary>
    /// <param name="steps">What was sent.</param>
    /// <param name="results">What came back of the first of them: rows changed, or the answer.</param>
    public static WriteOutcome? FirstAgainst(IReadOnlyList<PostgresStep> steps, IReadOnlyList<long> results)
    {
        var against = steps.Zip(results, (step, result) => (step.Question, step.Table, step.Statement, Result: result))
            .Where(step => step.Result != (step.Question is null ? step.Statement.Rows : 0)).ToList();
        return against switch
        {
            [] => null,
            [{ Question: null } first, ..] => NotOne(first.Table),
            [{ Question: { } question } first, ..] => question.Outcome(string.Join(", ", against
                .Where(other => other == first || (question.Topic is not null && other.Question?.Topic == question.Topic))
                .Select(other => other.Question!.Says(other.Result)))),
        };
    }

    public static Refused NotOne(string table)
        => new($"A write to {table} would not have changed exactly one row; everything was taken back. A trigger or a rule of the table may be the reason.");
}
