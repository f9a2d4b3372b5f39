using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Selfsame.Databases;

/// <summary>
/// A command that finds its statements prepared where its connection has run the same text before. Whoever reads by it disposes of the reader before
/// the command, as Dapper does: only then are the statements kept.
/// </summary>
internal sealed class PreparedSqliteCommand(PreparedSqliteConnection connection) : DbCommand
{
    private SqliteCommand? command;
    private SqliteTransaction? transaction = connection.Running;
    private DbDataReader? reader;
    private bool hasRun;

    // The text comes before the parameters. Where one of these is a list it is replaced while they are added to the command that there is: that one stays.
    [AllowNull]
    public override string CommandText
    {
        get => Taken.CommandText;
        set
        {
            if (command is null)
            {
                command = connection.Take(value ?? "");
            }
            else
            {
                command.CommandText = value;
            }
        }
    }

    public override int CommandTimeout
    {
        get => Taken.CommandTimeout;
        set => Taken.CommandTimeout = value;
    }

    public override CommandType CommandType
    {
        get => Taken.CommandType;
        set => Taken.CommandType = value;
    }

    public override bool DesignTimeVisible { get; set; }

    public override UpdateRowSource UpdatedRowSource { get; set; }

    protected override DbConnection? DbConnection
    {
        get => connection;
        set => throw new NotSupportedException("A command stays with the connection that made it.");
    }

    protected override DbParameterCollection DbParameterCollection => Taken.Parameters;

    protected override DbTransaction? DbTransaction
    {
        get => transaction;
        set => transaction = (SqliteTransaction?)value;
    }

    private SqliteCommand Taken => command ??= connection.Take("");

    public override void Cancel() => command?.Cancel();

    public override void Prepare() => Taken.Prepare();

    public override int ExecuteNonQuery() => Run(taken => taken.ExecuteNonQuery());

    public override object? ExecuteScalar() => Run(taken => taken.ExecuteScalar());

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => reader = Run(taken => taken.ExecuteReader(behavior));

    protected override DbParameter CreateDbParameter() => new SqliteParameter();

    protected override void Dispose(bool disposing)
    {
        if (disposing && command is not null)
        {
            // What failed, or is still read from, is prepared anew.
            if (hasRun && reader is null or { IsClosed: true })
            {
                connection.Keep(command);
            }
            else
            {
                command.Dispose();
            }

            command = null;
        }

        base.Dispose(disposing);
    }

    private T Run<T>(Func<SqliteCommand, T> run)
    {
        hasRun = false;
        Taken.Transaction = transaction;
        var result = run(Taken);
        hasRun = true;
        return result;
    }
}
