using System.Globalization;
using Npgsql;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>A small store full of duplicates, with a folder that holds the config for it.</summary>
internal interface IDamagedStore : IAsyncDisposable
{
    string Folder { get; }

    IReadOnlyDictionary<string, string?> Environment { get; }

    /// <summary>Every row and every index, one line each.</summary>
    Task<IReadOnlyList<string>> StateAsync();
}

/// <summary>
/// PostgreSQL: duplicates, some three times, with references guarded and not, also to themselves and each other, memberships that both have, wrong ids, ids that go round in circles, people missing in a table that numbers
/// its rows, no uuids, no unique index.
/// </summary>
internal sealed class DamagedPostgres : IDamagedStore
{
    private const string Config =
        """
        minimumAge: 0
        systems:
          auth: { connector: postgres, connection: "${APP_DB}", table: people, identifiers: { email: mail }, attributes: { emailVerified: verified } }
          app:
            connector: postgres
            connection: ${APP_DB}
            table: users
            identifiers: { username: username, email: email }
            attributes: { emailVerified: verified, createdAt: created }
            unique: [username]
            duplicates: merge
            survivor: [createdAt asc]
            references: [{ field: comments.author, holds: username }]
            uuid: public_id
          club: { connector: postgres, connection: "${APP_DB}", table: club, identifiers: { email: email }, attributes: { emailVerified: verified, city: city }, defaults: { joined: now, city: unknown } }
          desks: { connector: postgres, connection: "${APP_DB}", table: desks, identifiers: { email: email }, references: [plants.desk] }
        reconcile:
          - { source: auth, target: club, correlate: [email], missing: createInTarget }
          - { source: auth, target: desks, correlate: [email, id], trustEmail: true, idMismatch: rekeyTarget }
          - { source: auth, target: app, correlate: [id, email], idMismatch: rekeyTarget, drifted: report }
        """;

    private const string Data =
        """
        CREATE TABLE people (id text PRIMARY KEY, mail text, verified boolean);
        CREATE TABLE users (id text PRIMARY KEY, username text, email text UNIQUE, verified boolean, created date, password text,
            created_by text REFERENCES users, invited_by text REFERENCES users ON DELETE SET NULL);
        CREATE INDEX username_1 ON users (username);
        CREATE TABLE printers (id integer PRIMARY KEY, owner text NOT NULL REFERENCES users (id));
        CREATE TABLE members ("user" text NOT NULL REFERENCES users (id), club text NOT NULL, since date, PRIMARY KEY ("user", club));
        CREATE TABLE comments (id integer PRIMARY KEY, author text);
        CREATE TABLE club (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, verified boolean NOT NULL, joined date NOT NULL, city text);
        CREATE TABLE desks (id text PRIMARY KEY, email text UNIQUE);
        CREATE TABLE chairs (desk text REFERENCES desks, number integer, colour text, PRIMARY KEY (desk, number));
        CREATE TABLE plants (desk text, name text);
        INSERT INTO club (email, verified, joined, city) SELECT 'name' || n || '@example.org', true, '2020-01-01', 'Arnhem' FROM generate_series(1, 10) n;
        INSERT INTO desks SELECT 'a' || CASE WHEN n % 4 = 3 THEN n - 3 ELSE n + 1 END, 'name' || n || '@example.org' FROM generate_series(20, 31) n;
        INSERT INTO chairs SELECT id, 1, email FROM desks UNION ALL SELECT id, 2, email FROM desks WHERE id < 'a25';
        INSERT INTO plants SELECT id, email FROM desks;
        INSERT INTO users SELECT 'a' || n, 'name' || n, 'name' || n || '@example.org', true, '2020-01-01', 'hash-a' || n FROM generate_series(1, 40) n;
        INSERT INTO users SELECT 'b' || n, 'NAME' || n, NULL, false, '2021-01-01', 'hash-b' || n FROM generate_series(1, 40) n;
        INSERT INTO users SELECT 'c' || n, 'Name' || n, NULL, false, '2022-01-01', 'hash-c' || n FROM generate_series(6, 15) n;
        UPDATE users SET created_by = id, invited_by = CASE left(id, 1) WHEN 'c' THEN 'b' ELSE 'c' END || CASE WHEN id LIKE '_1_' THEN substr(id, 2) ELSE '6' END
            WHERE id LIKE '_6' OR id BETWEEN 'a10' AND 'a15' OR id BETWEEN 'b10' AND 'b15' OR id BETWEEN 'c10' AND 'c15';
        UPDATE users SET created_by = 'b2', invited_by = 'b3' WHERE id IN ('a2', 'b2', 'a3', 'b3', 'c7', 'c8', 'b40');
        INSERT INTO people SELECT CASE WHEN n <= 10 THEN 'right' || n ELSE 'a' || n END, 'name' || n || '@example.org', true FROM generate_series(1, 40) n;
        INSERT INTO printers SELECT n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END || (1 + n % 40) FROM generate_series(1, 80) n;
        INSERT INTO members SELECT 'a' || n, 'chess', '2020-02-02' FROM generate_series(1, 20) n;
        INSERT INTO members SELECT 'b' || n, 'chess', '2021-02-02' FROM generate_series(1, 40) n;
        INSERT INTO comments SELECT n, CASE WHEN n % 2 = 0 THEN 'name' ELSE 'NAME' END || (1 + n % 40) FROM generate_series(1, 80) n;
        """;

    private const string State =
        """
        SELECT 'users ' || u FROM (SELECT to_jsonb(users.*)::text AS u FROM users) rows UNION ALL
        SELECT 'printers ' || p::text FROM printers p UNION ALL SELECT 'members ' || m::text FROM members m UNION ALL
        SELECT 'club ' || (to_jsonb(c) - 'id')::text FROM club c UNION ALL SELECT 'desks ' || d::text FROM desks d UNION ALL
        SELECT 'chairs ' || c::text FROM chairs c UNION ALL SELECT 'plants ' || p::text FROM plants p UNION ALL
        SELECT 'comments ' || c::text FROM comments c UNION ALL SELECT 'people ' || p::text FROM people p UNION ALL
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1
        """;

    private readonly TemporaryFolder folder;
    private readonly NpgsqlDataSource source;

    private DamagedPostgres(TemporaryFolder folder, string database)
    {
        this.folder = folder;
        source = NpgsqlDataSource.Create(database);
        Environment = new Dictionary<string, string?> { ["APP_DB"] = database };
    }

    public string Folder => folder.Path;

    public IReadOnlyDictionary<string, string?> Environment { get; }

    public static async Task<DamagedPostgres> MakeAsync()
    {
        var server = await PostgresServer.SharedAsync();
        var store = new DamagedPostgres(new TemporaryFolder(), await server.CreateDatabaseAsync());
        await File.WriteAllTextAsync(store.folder["selfsame.yaml"], Config);
        await using var command = store.source.CreateCommand(Data);
        await command.ExecuteNonQueryAsync();
        return store;
    }

    public async Task<IReadOnlyList<string>> StateAsync()
    {
        await using var command = source.CreateCommand(State);
        await using var reader = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
        {
            lines.Add(reader.GetString(0));
        }

        return lines;
    }

    public async ValueTask DisposeAsync()
    {
        await source.DisposeAsync();
        folder.Dispose();
    }
}

/// <summary>A standalone MongoDB, without transactions: the stand-in, or the server that SELFSAME_TEST_MONGODB names.</summary>
internal sealed class DamagedMongo : IDamagedStore
{
    private const string Config =
        """
        minimumAge: 0
        systems:
          app:
            connector: mongodb
            connection: ${APP_DB}
            collection: users
            identifiers: { username: username, email: email }
            attributes: { createdAt: joined }
            unique: [username]
            duplicates: merge
            survivor: [createdAt asc]
            references: [printers.user_id, users.invited_by, { field: comments.author_name, holds: username }]
        """;

    // Stays and answers each line on its input, with the line in front.
    private const string Script =
        """
        import { MongoClient } from 'mongodb';
        import { createInterface } from 'node:readline';
        const client = new MongoClient(process.env.APP_DB);
        const database = client.db();
        const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
        await database.collection('users').insertMany(numbers.flatMap((n) => [
          { _id: `a${n}`, username: `name${n}`, email: `name${n}@example.org`, joined: new Date('2020-01-01'), password: `hash-a${n}` },
          { _id: `b${n}`, username: `NAME${n}`, email: null, joined: new Date('2021-01-01'), password: `hash-b${n}`, city: 'Nijmegen', invited_by: n % 3 ? `b${n}` : `c${n % 10}` },
          ...(n < 10 ? [{ _id: `c${n}`, username: `Name${n}`, joined: new Date('2022-01-01'), password: `hash-c${n}`, invited_by: n % 2 ? `b${n}` : `b${n + 9}` }] : []),
        ]));
        await database.collection('users').updateMany({ _id: { $in: ['a1', 'a2', 'a30'] } }, { $set: { invited_by: 'b2' } });
        await database.collection('users').createIndex({ username: 1 }, { unique: true, name: 'username_1' });
        await database.collection('printers').insertMany(numbers.flatMap((n) => [{ _id: n, user_id: `a${n}` }, { _id: 100 + n, user_id: `b${n}` }]));
        await database.collection('comments').insertMany(numbers.map((n) => ({ _id: n, author_name: `NAME${n}` })));
        console.log('made');
        for await (const line of createInterface({ input: process.stdin })) {
          const state = [];
          for (const name of ['users', 'printers', 'comments']) {
            for (const row of await database.collection(name).find().sort({ _id: 1 }).toArray()) state.push(`${name} ${JSON.stringify(row, Object.keys(row).sort())}`);
          }
          for (const index of await database.collection('users').indexes()) state.push(`index ${index.name} ${!!index.unique} ${index.collation?.locale} ${index.collation?.strength}`);
          console.log(`${line} ${JSON.stringify(state)}`);
        }
        await client.close();
        """;

    private readonly TemporaryFolder folder = new();
    private readonly ChildProcess process;
    private int asked;

    private DamagedMongo(string connection)
    {
        Environment = new Dictionary<string, string?> { ["APP_DB"] = connection };
        File.WriteAllText(folder["selfsame.yaml"], Config);
        File.WriteAllText(folder["state.mjs"], Script);
        Directory.CreateSymbolicLink(folder["node_modules"], Path.Combine(Checkout.NodeFolder, "node_modules"));
        process = ChildProcess.Start("node", [folder["state.mjs"]], Environment, folder: folder.Path);
    }

    public string Folder => folder.Path;

    public IReadOnlyDictionary<string, string?> Environment { get; }

    public static async Task<DamagedMongo> MakeAsync()
    {
        var store = new DamagedMongo(await MongoAddress.NewDatabaseAsync("killed", replicaSet: false));
        await store.LineAsync("made");
        return store;
    }

    public async Task<IReadOnlyList<string>> StateAsync()
    {
        var mark = (++asked).ToString(CultureInfo.InvariantCulture);
        await process.StandardInput.WriteLineAsync(mark);
        await process.StandardInput.FlushAsync();
        var line = await LineAsync($"{mark} ");
        return System.Text.Json.JsonSerializer.Deserialize<string[]>(line[(mark.Length + 1)..])!;
    }

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        folder.Dispose();
    }

    private async Task<string> LineAsync(string beginning)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await process.StandardOutput.FirstAsync(line => line.StartsWith(beginning, StringComparison.Ordinal), timeout.Token)
            ?? throw new InvalidOperationException($"The script ended:\n{process.StandardError.Text}");
    }
}
