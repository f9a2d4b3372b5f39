using System.Collections.Concurrent;
using Selfsame.Store.Passwords;

namespace Selfsame.Contract.Tests.Passwords;

public sealed class PasswordQueueTests
{
    private const string Password = "correct horse battery";

    /// <summary>Milliseconds: a fault in the queue would rather hang than fail.</summary>
    private const int Timeout = 60_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = Timeout)]
    public async Task Who_finds_the_queue_full_is_told_so_and_the_others_are_served()
    {
        using var held = new HeldHashing(maximumWaiting: 2);
        var running = held.Verify();
        held.WaitUntilHeld();
        var waiting = new[] { held.Verify(), held.Verify() };
        (await held.Verify()).ShouldBe(PasswordCheck.Busy);
        (await held.Hashing.HashAsync(Password, Cancellation)).ShouldBeNull();
        held.Hashing.Waiting.ShouldBe(2);
        held.Release();
        (await running).ShouldBe(PasswordCheck.Wrong);
        (await Task.WhenAll(waiting)).ShouldAllBe(check => check == PasswordCheck.Wrong);
        (await held.Verify()).ShouldBe(PasswordCheck.Wrong);
    }

    [Fact(Timeout = Timeout)]
    public async Task Cancelling_while_waiting_gives_the_place_free_and_does_no_work()
    {
        using var held = new HeldHashing(maximumWaiting: 1);
        using var cancellation = new CancellationTokenSource();
        var running = held.Verify();
        held.WaitUntilHeld();
        var cancelled = held.Verify(cancellation.Token);
        await cancellation.CancelAsync();
        (await Should.ThrowAsync<OperationCanceledException>(cancelled)).CancellationToken.ShouldBe(cancellation.Token);
        var next = held.Verify();
        held.Release();
        (await Task.WhenAll(running, next)).ShouldAllBe(check => check == PasswordCheck.Wrong);
        held.Hashing.Computed.ShouldBe(2);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_cancelled_request_is_not_queued()
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap);
        var cancelled = new CancellationToken(canceled: true);
        await Should.ThrowAsync<OperationCanceledException>(async () => await hashing.VerifyAsync(null, Password, cancelled));
        await Should.ThrowAsync<OperationCanceledException>(async () => await hashing.HashAsync(Password, cancelled));
        hashing.Computed.ShouldBe(0);
    }

    [Fact(Timeout = Timeout)]
    public async Task Cancelling_what_already_runs_lets_it_finish()
    {
        using var held = new HeldHashing(maximumWaiting: 1);
        using var cancellation = new CancellationTokenSource();
        var running = held.Verify(cancellation.Token);
        held.WaitUntilHeld();
        await cancellation.CancelAsync();
        held.Release();
        (await running).ShouldBe(PasswordCheck.Wrong);
    }

    [Fact(Timeout = Timeout)]
    public async Task Disposing_finishes_what_runs_and_fails_what_waits()
    {
        using var held = new HeldHashing(maximumWaiting: 1);
        var running = held.Verify();
        held.WaitUntilHeld();
        var waiting = held.Verify();
        var disposing = Task.Run(held.Hashing.Dispose, Cancellation);
        await Should.ThrowAsync<ObjectDisposedException>(waiting);
        held.Release();
        await disposing;
        (await running).ShouldBe(PasswordCheck.Wrong);
        await Should.ThrowAsync<ObjectDisposedException>(async () => await held.Hashing.VerifyAsync(null, Password, Cancellation));
    }

    [Fact(Timeout = Timeout)]
    public async Task Work_runs_on_its_own_named_threads_and_the_caller_continues_elsewhere()
    {
        var seen = new ConcurrentDictionary<string, bool>();
        var settings = PasswordSamples.Cheap with
        {
            Threads = 2,
            ToNfc = text =>
            {
                seen[Thread.CurrentThread.Name ?? ""] = Thread.CurrentThread.IsThreadPoolThread;
                return text;
            },
        };
        using var hashing = PasswordSamples.Create(settings);
        var continuedOn = new ConcurrentBag<string?>();
        await Parallel.ForAsync(0, 20, Cancellation, async (_, token) =>
        {
            await hashing.VerifyAsync(null, Password, token);
            continuedOn.Add(Thread.CurrentThread.Name);
        });
        seen.Keys.Order().ShouldBe(["password hashing 1", "password hashing 2"]);
        seen.Values.ShouldAllBe(pool => !pool);
        continuedOn.ShouldAllBe(name => name == null || !name.StartsWith("password hashing", StringComparison.Ordinal));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_failure_reaches_its_caller_and_the_thread_lives_on()
    {
        var settings = PasswordSamples.Cheap with
        {
            Threads = 1,
            ToNfc = text => text == "broken" ? throw new InvalidDataException("no tables") : text,
        };
        using var hashing = PasswordSamples.Create(settings);
        await Should.ThrowAsync<InvalidDataException>(async () => await hashing.VerifyAsync(null, "broken", Cancellation));
        (await hashing.VerifyAsync(null, Password, Cancellation)).ShouldBe(PasswordCheck.Wrong);
    }

    /// <summary>One hashing thread, held at its first password until it is released.</summary>
    private sealed class HeldHashing : IDisposable
    {
        private readonly ManualResetEventSlim held = new();
        private readonly ManualResetEventSlim release = new();

        internal HeldHashing(int maximumWaiting) => Hashing = PasswordSamples.Create(PasswordSamples.Cheap with
        {
            Threads = 1,
            MaximumWaiting = maximumWaiting,
            ToNfc = text =>
            {
                // Hashing prepares on its caller's thread, which must not be held.
                if (Thread.CurrentThread.Name is { } name && name.StartsWith("password hashing", StringComparison.Ordinal))
                {
                    held.Set();
                    release.Wait();
                }
                return text;
            },
        });

        internal BoundedPasswordHashing Hashing { get; }

        internal Task<PasswordCheck> Verify(CancellationToken? cancellationToken = null) =>
            Hashing.VerifyAsync(null, Password, cancellationToken ?? Cancellation).AsTask();

        internal void WaitUntilHeld() => held.Wait(Cancellation);

        internal void Release() => release.Set();

        public void Dispose()
        {
            release.Set();
            Hashing.Dispose();
            held.Dispose();
            release.Dispose();
        }
    }
}
