using Npgsql;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// What a change of rows sends together with the beginning of its transaction, where the tables' shapes are remembered: whether they still are
/// so, and its rows, locked and read.
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
        Statements = [PostgresShapes.Asking(shapes.Tables), .. query.Statements];
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

    /// <summary>Reads the answers, of which the first is the next result.</summary>
    public async Task ReadAsync(NpgsqlDataReader reader, CancellationToken cancellation)
    {
        await reader.ReadAsync(cancellation);
        if (PostgresShapes.VersionOf(reader) != Shapes.Version)
        {
            return;
        }

        var found = new List<List<(int, Fields)>>();
        while (await reader.NextResultAsync(cancellation))
        {
            var rows = new List<(int, Fields)>();
            while (await reader.ReadAsync(cancellation))
            {
                rows.Add(query.Read(reader, found.Count));
            }

            found.Add(rows);
        }

        Rows = query.ByKey(found);
    }
}
