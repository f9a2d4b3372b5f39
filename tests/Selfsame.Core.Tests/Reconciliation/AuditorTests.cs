using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>How an audit reads several systems.</summary>
public sealed class AuditorTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Systems_are_read_at_once()
    {
        var (one, other) = (new TaskCompletionSource(), new TaskCompletionSource());
        var systems = new Dictionary<string, IConnectedSystem>
        {
            ["people"] = new Listed(async cancellation => await MeetAsync(one, other, cancellation)),
            ["app"] = new Listed(async cancellation => await MeetAsync(other, one, cancellation)),
        };

        var audit = await AuditAsync(systems).WaitAsync(Patience);

        audit.Pictures.Keys.ShouldBe(["people", "app"]);
        audit.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_read_that_fails_in_a_way_that_nobody_foresaw_names_the_system_and_keeps_the_exception()
    {
        var systems = new Dictionary<string, IConnectedSystem>
        {
            ["people"] = new Listed(_ => Task.CompletedTask),
            ["app"] = new Listed(_ => throw new InvalidOperationException("Cannot read incomplete UTF-16.")),
        };

        var thrown = await Should.ThrowAsync<SystemUnavailableException>(AuditAsync(systems).WaitAsync(Patience));

        thrown.Message.ShouldBe("'app' gave an answer that can't be read (InvalidOperationException). Nothing was concluded from it.");
        thrown.Unforeseen!.Message.ShouldContain("UTF-16");
    }

    [Fact]
    public async Task When_a_system_cannot_be_read_the_others_are_given_up_and_its_error_is_told()
    {
        var (given, begun) = (new TaskCompletionSource(), new TaskCompletionSource());
        var systems = new Dictionary<string, IConnectedSystem>
        {
            ["people"] = new Listed(async cancellation =>
            {
                cancellation.Register(given.SetResult);
                begun.SetResult();
                await Task.Delay(Timeout.Infinite, cancellation);
            }),
            ["app"] = new Listed(async _ =>
            {
                await begun.Task;
                throw new SystemUnavailableException("The server of 'app' does not answer.");
            }),
        };

        var error = await Should.ThrowAsync<SystemUnavailableException>(AuditAsync(systems).WaitAsync(Patience));

        error.Message.ShouldBe("The server of 'app' does not answer.");
        given.Task.IsCompleted.ShouldBeTrue();
    }

    private static async Task MeetAsync(TaskCompletionSource mine, TaskCompletionSource others, CancellationToken cancellation)
    {
        mine.SetResult();
        await others.Task.WaitAsync(cancellation);
    }

    private static Task<AuditResult> AuditAsync(Dictionary<string, IConnectedSystem> systems)
        => new Auditor(new Bench().Topology, systems, IdentifierKeys.TryKey, TimeProvider.System, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);

    /// <summary>A system of nobody, whose reading is in the test's hands.</summary>
    private sealed class Listed(Func<CancellationToken, Task> reading) : IReadsAccounts
    {
        public AccountMapping Mapping => Bench.People;

        public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => Task.FromResult(new SystemFacts { TakesChosenId = true, AtomicPreconditions = true });

        public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
        {
            await reading(cancellation);
            yield return new ReadEnd(0, Complete: true);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
