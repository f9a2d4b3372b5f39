using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests;

/// <summary>
/// Somebody outside of the server who does things one after the other. What a new part of the product needs in the
/// simulation is a client that uses it and looks at what came of it; the world and its faults stay as they are.
/// </summary>
internal abstract class Client(World world, string name, int seed)
{
    private const int MostTries = 6;

    protected World World { get; } = world;

    protected SeededRandom Random { get; } = new(seed);

    /// <summary>Everything this client does; it ends when its work is done.</summary>
    public abstract Task RunAsync();

    protected void Note(string text) => World.Note($"{name}: {text}");

    /// <summary>
    /// Asks the server, and asks again when the answer was lost. Not given means that every try was in
    /// vain: what was asked may or may not have happened.
    /// </summary>
    protected async Task<(bool Given, T? Answer)> AskAsync<T>(string what, Func<StoreContext, Task<T>> operation)
    {
        for (var attempt = 1; attempt <= MostTries; attempt++)
        {
            try
            {
                var answer = await World.CallAsync(operation);
                Note($"{what}: {answer}");
                return (true, answer);
            }
            catch (Exception error) when (error is ConnectionLostException or CommitUnknownException or TransientDatabaseException)
            {
                Note($"{what}: {error.GetType().Name}");
                await World.DelayAsync(1 + Random.NextInt32(80 * attempt));
            }
        }

        return (false, default);
    }
}
