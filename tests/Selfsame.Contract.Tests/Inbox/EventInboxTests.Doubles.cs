using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Contract.Tests.Inbox;

/// <summary>Systems and a store that fail where a test says so.</summary>
public abstract partial class EventInboxTests
{
    /// <summary>The database fails at one commit.</summary>
    private sealed class RefusedCommit : TransactionFaults
    {
        private int left;
        private Exception? failure;

        public void At(int commit, Exception exception) => (left, failure) = (commit, exception);

        public override void BeforeCommit()
        {
            if (failure is not null && --left == 0)
            {
                throw failure;
            }
        }
    }

    /// <summary>The exceptions that were logged.</summary>
    private sealed class ExceptionLog : ILogger
    {
        public ConcurrentQueue<Exception> Exceptions { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (exception is not null)
            {
                Exceptions.Enqueue(exception);
            }
        }
    }

    /// <summary>A source in memory: who is there, its log, and why it can't be read.</summary>
    private sealed class Accounts : IReadsAccountsById, IReportsEvents
    {
        private const int PageSize = 10;

        public static AccountMapping People { get; } = new() { Id = ["id"], Identifiers = new Dictionary<IdentifierKind, string>() };

        public HashSet<AccountId> Present { get; } = [];

        public List<SystemEvent> Log { get; init; } = [];

        public string? Problem { get; init; }

        /// <summary>Accounts that can't be read, nor others together with them.</summary>
        public HashSet<AccountId> Refused { get; } = [];

        /// <summary>Accounts whose answers the connector stumbles over.</summary>
        public HashSet<AccountId> Unforeseen { get; } = [];

        public bool Hangs { get; init; }

        /// <summary>What happens between a question and its answer, which is as it was when it was asked.</summary>
        public Func<Task> BeforeAnswer { get; init; } = () => Task.CompletedTask;

        /// <summary>For how long it asks to be left alone, with its problem.</summary>
        public TimeSpan? RetryAfter { get; init; }

        public bool LogIsBusy { get; init; }

        /// <summary>So many lines of the log have no id; they stand before all that comes after the checkpoint.</summary>
        public int NamelessLines { get; set; }

        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Reads { get; private set; }

        public AccountMapping Mapping => People;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => Task.FromResult(new SystemFacts { TakesChosenId = true, AtomicPreconditions = true });

        public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        {
            Reads++;
            Asked.TrySetResult();
            if (Hangs)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            }

            await BeforeAnswer();
            if (ids.Any(Unforeseen.Contains))
            {
                throw new InvalidOperationException("Cannot read incomplete UTF-16.");
            }

            return (Problem ?? (ids.Any(Refused.Contains) ? "400 for one of them" : null)) is { } problem
                ? throw new SystemUnavailableException(problem) { RetryAfter = RetryAfter }
                : [.. ids.Where(Present.Contains).Select(id => People.ToAccount(new Fields([new("id", FieldValue.Text(id.ToString()))]))!)];
        }

        /// <summary>From when it was last asked for, should it know the checkpoint no longer.</summary>
        public DateTimeOffset? ReadSince { get; private set; }

        public EventReading ReadBody(ReadOnlyMemory<byte> body) => throw new NotSupportedException();

        public Task<EventPage> ReadEventsAsync(string? checkpoint, DateTimeOffset since, CancellationToken cancellation)
        {
            ReadSince = since;
            if (LogIsBusy)
            {
                throw new SystemUnavailableException(Problem!) { RetryAfter = RetryAfter };
            }

            if (NamelessLines > 0)
            {
                return Task.FromResult(new EventPage([], checkpoint, Complete: false) { Unreadable = NamelessLines, Problem = "has no 'log_id' that is text." });
            }

            var page = Log.Where(one => string.CompareOrdinal(one.Id, checkpoint) > 0).Take(PageSize).ToList();
            return Task.FromResult(new EventPage(page, page.Count > 0 ? page[^1].Id : checkpoint, page.Count == 0));
        }

        public Task<EventDelivery> DescribeDeliveryAsync(CancellationToken cancellation) => throw new NotSupportedException();
    }
}
