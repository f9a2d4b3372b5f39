using System.Reflection;
using System.Runtime.Loader;
using Selfsame.Databases;

namespace Selfsame.Contract.Tests.Databases;

public sealed class SqliteLibraryTests
{
    // Regression: a connection opened before the set-up took the bundled library, the functions called first after it were the system's, and the
    // process ended in a segmentation fault.
    [Fact]
    public void Setting_SQLite_up_after_it_was_used_says_so()
    {
        var context = new AssembliesOfTheirOwn(Path.GetDirectoryName(typeof(SqliteLibrary).Assembly.Location)!);
        var connection = context.LoadFromAssemblyName(new AssemblyName("Microsoft.Data.Sqlite")).GetType("Microsoft.Data.Sqlite.SqliteConnection", throwOnError: true)!;
        using (Activator.CreateInstance(connection, "Data Source=:memory:") as IDisposable)
        {
            var setUp = context.LoadFromAssemblyName(typeof(SqliteLibrary).Assembly.GetName()).GetType(typeof(SqliteLibrary).FullName!, throwOnError: true)!;
            var thrown = Should.Throw<TargetInvocationException>(() => setUp.GetMethod(nameof(SqliteLibrary.EnsureLoaded))!.Invoke(null, null));
            thrown.InnerException.ShouldBeOfType<InvalidOperationException>().Message.ShouldStartWith("SQLite was used before it was set up");
        }
    }

    /// <summary>As a process in which nothing was set up yet.</summary>
    private sealed class AssembliesOfTheirOwn(string folder) : AssemblyLoadContext("before the set-up")
    {
        protected override Assembly? Load(AssemblyName name)
            => name.Name is { } simple && (simple.Contains("Sqlite", StringComparison.OrdinalIgnoreCase) || simple == typeof(SqliteLibrary).Assembly.GetName().Name)
                ? LoadFromAssemblyPath(Path.Combine(folder, $"{simple}.dll"))
                : null;
    }
}
