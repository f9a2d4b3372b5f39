namespace Selfsame.Testing;

/// <summary>The lines that a process has written so far, and a way to wait for the one that matters.</summary>
public sealed class OutputLines
{
    private readonly Lock gate = new();
    private readonly List<string> lines = [];
    private TaskCompletionSource changed = NewSignal();
    private bool ended;

    /// <summary>Everything so far, each line ended by a line feed.</summary>
    public string Text
    {
        get
        {
            lock (gate)
            {
                return string.Concat(lines.Select(line => line + '\n'));
            }
        }
    }

    /// <summary>The lines so far.</summary>
    public IReadOnlyList<string> Snapshot
    {
        get
        {
            lock (gate)
            {
                return [.. lines];
            }
        }
    }

    /// <summary>The first line for which <paramref name="matches"/> holds, past or to come; null when the output ends without one.</summary>
    public async Task<string?> FirstAsync(Func<string, bool> matches, CancellationToken cancellationToken)
    {
        for (var read = 0; ;)
        {
            Task next;
            string[] unread;
            bool last;
            lock (gate)
            {
                next = changed.Task;
                unread = [.. lines.Skip(read)];
                last = ended;
            }

            if (unread.FirstOrDefault(matches) is { } found)
            {
                return found;
            }

            if (last)
            {
                return null;
            }

            read += unread.Length;
            await next.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Takes the next line; null ends the output.</summary>
    internal void Add(string? line)
    {
        TaskCompletionSource waiting;
        lock (gate)
        {
            ended |= line is null;
            if (line is not null)
            {
                lines.Add(line);
            }

            (waiting, changed) = (changed, NewSignal());
        }

        waiting.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
