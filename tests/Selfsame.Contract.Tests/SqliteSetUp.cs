using System.Runtime.CompilerServices;
using Selfsame.Databases;

namespace Selfsame.Contract.Tests;

/// <summary>Whichever test uses SQLite first, by a connection of its own too, uses the library of the product.</summary>
internal static class SqliteSetUp
{
    [ModuleInitializer]
    internal static void Load() => SqliteLibrary.EnsureLoaded();
}
