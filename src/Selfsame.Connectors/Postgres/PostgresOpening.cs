using System.Runtime.ExceptionServices;
using Npgsql;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// What a change of rows sends together with the beginning of its transaction, where the tables' shapes are remembered: its rows, locked and read, and
/// then, when nobody can change the tables any more, whether these still have their shapes.
/// </summary>
internal sealed class PostgresOpening
{
    private readonly RowQuery query;
    private readonly IReadOnlyList<RowWrite> writes;

    private PostgresOpening(KnownShapes shapes, IReadOnlyList<RowWrite> writes)
    {
        Shapes = shapes;
        this.writes = writes;
        query = PostgresRows.Locking(shapes.Tables, writes);
        Statements = [.. query.Statements, .. PostgresShapes.Holding(PostgresShapes.Deleting(shapes.Tables, writes)), PostgresShapes.Asking(shapes.Tables)];
    }

    public KnownShapes Shapes { get; }

    public IReadOnlyList<PostgresStatement> Statements { get; }

    /// <summary>The locked rows; null when a table's shape has changed since it was remembered.</summary>
    public IReadOnlyDictionary<(string Table, Fields Key), List<Fields>>? Rows { get; private set; }

    /// <summary>Null where the server must be asked something first.</summary>
    public static PostgresOpening? Of(KnownShapes? shapes, IReadOnlyList<RowWrite> writes)
        => shapes is not null && writes.All(write => PostgresRows.Missing(shapes.Tables, write) is null && shapes.Tables[write.Table].Undeletable is null) && PostgresStored.AreStored(shapes.Tables, writes)
            ? new PostgresOpening(shapes, writes)
            : null;

    public void Need(PostgresSession session) => PostgresRows.Need(session, Shapes.Tables, writes);

    /// <summary>Reads the answers, of which the first is the next result. A column that has another type by now can't be read: then the version is another too.</summary>
    public async Task ReadAsync(NpgsqlDataReader reader, CancellationToken cancellation)
    {
        var found = new List<List<(int, Fields)>>();
        InvalidCastException? otherType = null;
        for (; found.Count < query.Statements.Count; await reader.NextResultAsync(cancellation))
        {
            var rows = new List<(int, Fields)>();
            try
            {
                while (await reader.ReadAsync(cancellation))
                {
                    rows.Add(query.Read(reader, found.Count));
                }
            }
            catch (InvalidCastException exception)
            {
                otherType = exception;
            }

            found.Add(rows);
        }

        await reader.ReadAsync(cancellation);
        if (PostgresShapes.VersionOf(reader) != Shapes.Version)
        {
            return;
        }

        if (otherType is not null)
        {
            ExceptionDispatchInfo.Throw(otherType);
        }

        Rows = query.ByKey(found);
    }
}
