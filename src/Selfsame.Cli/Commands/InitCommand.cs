using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Connectors.MongoDb;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Core.Accounts;
using Selfsame.Core.Discovery;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame init CONNECTION</c>: looks at a database's shape and writes a first config.</summary>
internal static class InitCommand
{
    /// <summary>Stands for the connection in the config; what it stands for holds a password.</summary>
    private const string Variable = "DATABASE_URL";

    private static readonly string[] NotYet = ["mysql://", "mariadb://", "sqlserver://", "https://", "http://"];

    public static Command Create()
    {
        var connection = new Argument<string?>("connection")
        {
            Description = $"\"Host=…;Database=…\", postgresql://…, mongodb://…, or the path of a SQLite file; without one, what {Variable} holds.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var output = new Option<string>("--output", "-o") { Description = "The file to write.", DefaultValueFactory = _ => ConfigFile.DefaultName };
        var table = new Option<string?>("--table") { Description = "The table that holds the users, if the guess is wrong: name or schema.name." };
        var force = new Option<bool>("--force") { Description = "Overwrite the file." };
        var command = new Command("init", "Looks at a database and writes a first selfsame.yaml. Changes nothing there.") { connection, output, table, force };
        command.SetAction(async (parsed, cancellation) =>
        {
            var file = parsed.GetRequiredValue(output);
            _ = CommandLine.FullPath("--output", file);
            if (File.Exists(file) && !parsed.GetValue(force))
            {
                throw new InvalidOperationException($"{file} is there already. Name another with -o, or overwrite it with --force.");
            }

            var given = parsed.GetValue(connection) ?? Environment.GetEnvironmentVariable(Variable)
                ?? throw new InvalidOperationException($"say which database: selfsame init CONNECTION, or put it into the environment variable {Variable}.");
            var catalog = await ReadAsync(given, cancellation);
            var named = parsed.GetValue(table);
            var proposal = Proposals.For(catalog, named) ?? throw new InvalidOperationException(Nothing(catalog, named));
            var isFile = catalog.Connector == SqliteSystem.Kind.Name;
            await File.WriteAllTextAsync(file, ConfigText.Write(proposal, isFile ? Quoted(given) : $"${{{Variable}}}"), cancellation);
            InitView.Write(proposal, file, isFile ? null : Variable);
            return ExitCode.Clean;
        });
        return command;
    }

    private static Task<Catalog> ReadAsync(string connection, CancellationToken cancellation)
    {
        if (Array.Find(NotYet, start => connection.StartsWith(start, StringComparison.OrdinalIgnoreCase)) is { } other)
        {
            throw new InvalidOperationException(
                $"init can't look into {other} yet. It knows PostgreSQL (\"Host=…;Database=…\" or postgresql://…), MongoDB (mongodb://…) and SQLite (a file's path); docs/reconciliation.md shows a config to write by hand.");
        }

        if (connection.StartsWith("mongodb", StringComparison.Ordinal) && connection.Contains("://", StringComparison.Ordinal))
        {
            return MongoShape.ReadAsync(connection, cancellation);
        }

        return IsPostgres(connection) ? PostgresShape.ReadAsync(connection, cancellation) : SqliteShape.ReadAsync(connection, cancellation);
    }

    private static bool IsPostgres(string connection)
        => connection.StartsWith("postgres://", StringComparison.Ordinal) || connection.StartsWith("postgresql://", StringComparison.Ordinal)
            || (connection.Contains('=', StringComparison.Ordinal) && !File.Exists(connection));

    private static string Nothing(Catalog catalog, string? named)
    {
        var tables = catalog.Tables.Count == 0 ? "It has no tables." : $"It has: {string.Join(", ", catalog.Tables.Take(30).Select(table => table.FullName))}{(catalog.Tables.Count > 30 ? " …" : "")}.";
        return named is null
            ? $"no table there looks like users (a name such as 'users', and columns for a username or an e-mail). {tables} Name the right one with --table."
            : $"there is no table '{named}' with a primary key and a column for a {IdentifierKind.Username.Name()} or an {IdentifierKind.Email.Name()}. {tables}";
    }

    private static string Quoted(string path) => $"\"{path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
