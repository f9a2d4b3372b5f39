using Microsoft.Data.Sqlite;
using Selfsame.Databases;

namespace Selfsame.Cli.Demo;

/// <summary>The sandbox of <c>selfsame demo</c>: an application's database and an auth provider's, damaged as real ones are.</summary>
internal sealed class DemoStores(string folder)
{
    /// <summary>Says that the folder is ours, so that it may be made anew.</summary>
    private const string Marker = ".selfsame-demo";

    private const string Config =
        """
        # The sandbox of 'selfsame demo'. Play with it: 'selfsame audit' here finds the damage again.
        systems:
          auth:                                  # who may sign in
            connector: sqlite
            connection: auth.db
            table: accounts
            identifiers: { email: email }
            attributes: { fullName: name, emailVerified: email_confirmed }
          app:                                   # the application's own users
            connector: sqlite
            connection: app.db
            table: users
            identifiers: { username: username, email: email }
            attributes:
              fullName: full_name
              emailVerified: email_verified
              active: is_active
              createdAt: date_joined
              superuser: is_superuser
              lastSignIn: { field: last_login, noise: true }
            unique: [username]                   # a unique index that folds case must keep it so
            duplicates: merge                    # one person; the default is to report only
            survivor: [createdAt asc, superuser desc]
            references: [{ field: comments.author_name, holds: username }]   # foreign keys are found by themselves
        reconcile:
          - source: auth
            target: app
            correlate: [id, email]
            missing: createInTarget
            orphan: disableInTarget
            idMismatch: rekeyTarget
            drifted: updateTarget
        minimumAge: 1                            # seconds; 2 is the default, and the sandbox has no other writers

        """;

    private const string App =
        """
        CREATE TABLE users (
            id text NOT NULL PRIMARY KEY, username text, email text, email_verified integer NOT NULL DEFAULT 0, full_name text,
            phone text, password text, date_joined text NOT NULL DEFAULT '2024-11-01', is_active integer NOT NULL DEFAULT 1,
            is_superuser integer NOT NULL DEFAULT 0, last_login text);
        CREATE INDEX users_username ON users (username);
        CREATE TABLE printers (id integer PRIMARY KEY, user_id text NOT NULL REFERENCES users (id), name text NOT NULL, UNIQUE (user_id, name));
        CREATE TABLE print_jobs (id integer PRIMARY KEY, user_id text REFERENCES users (id), model text NOT NULL);
        CREATE TABLE comments (id integer PRIMARY KEY, author_name text NOT NULL, body text NOT NULL);
        INSERT INTO users (id, username, email, email_verified, full_name, phone, password, date_joined, is_superuser, last_login) VALUES
            ('u01', 'ada', 'ada@example.org', 1, 'Ada Lovelace', NULL, 'hash-of-ada', '2023-01-10', 1, '2024-10-01'),
            ('u02', 'dobbeltop', 'dobbeltop@example.org', 1, 'Dirk Dobbel', NULL, 'hash-of-dobbeltop', '2023-02-01', 0, '2024-09-30'),
            ('u03', 'Dobbeltop', NULL, 0, NULL, '+64 21 555 0123', 'hash-of-Dobbeltop', '2023-08-15', 0, '2024-10-02'),
            ('u04', 'grace', 'grace@example.org', 1, 'Grace Hoper', NULL, 'hash-of-grace', '2023-03-01', 0, NULL),
            ('u05', 'margaret', 'margaret@example.org', 1, 'Margaret Hamilton', NULL, 'hash-of-margaret', '2023-04-01', 0, NULL),
            ('u06', 'PrintMaster', NULL, 0, NULL, NULL, 'hash-of-PrintMaster', '2023-06-01', 0, NULL),
            ('u07', 'printmaster', 'pm@example.org', 1, 'Pat Master', NULL, 'hash-of-printmaster', '2023-05-01', 0, '2024-10-03'),
            ('u08', 'printmaster ', NULL, 0, NULL, NULL, 'hash-of-the-third', '2023-07-01', 0, NULL),
            ('u09', 'tracy', 'tracy@example.org', 1, 'Tracy Kidder', NULL, 'hash-of-tracy', '2023-09-01', 0, NULL);
        INSERT INTO printers VALUES (1, 'u02', 'Ender'), (2, 'u03', 'Prusa'), (3, 'u06', 'Voron'), (4, 'u05', 'Ultimaker');
        INSERT INTO print_jobs VALUES (1, 'u03', 'gear'), (2, 'u03', 'case'), (3, 'u02', 'hook'), (4, 'u08', 'vase'), (5, 'u05', 'lunar module'), (6, 'u01', 'engine');
        INSERT INTO comments VALUES (1, 'Dobbeltop', 'Printed at 0.2 mm.'), (2, 'dobbeltop', 'Thanks!'), (3, 'PrintMaster', 'Try PETG.'), (4, 'ada', 'Elegant.');
        """;

    private const string Auth =
        """
        CREATE TABLE accounts (
            id text NOT NULL PRIMARY KEY, email text NOT NULL UNIQUE, email_confirmed integer NOT NULL, name text, encrypted_password text, created_at text);
        INSERT INTO accounts VALUES
            ('u01', 'ada@example.org', 1, 'Ada Lovelace', 'hash-of-ada', '2023-01-10'),
            ('u02', 'dobbeltop@example.org', 1, 'Dirk Dobbel', 'hash-of-dobbeltop', '2023-02-01'),
            ('u04', 'grace@example.org', 1, 'Grace Hopper', 'hash-of-grace', '2023-03-01'),
            ('u07', 'pm@example.org', 1, 'Pat Master', 'hash-of-printmaster', '2023-05-01'),
            ('u10', 'katherine@example.org', 1, 'Katherine Johnson', 'hash-of-katherine', '2024-10-05'),
            ('u25', 'margaret@example.org', 1, 'Margaret Hamilton', 'hash-of-margaret', '2023-04-01');
        """;

    private static readonly string[] Files = [Marker, "selfsame.yaml", "app.db", "app.db-wal", "app.db-shm", "auth.db", "auth.db-wal", "auth.db-shm", DemoWalk.PlanFile, DemoWalk.MergedFile];

    /// <summary>Makes the folder, or makes it anew where it is ours; an <see cref="InvalidOperationException"/> says what is in the way.</summary>
    public void Make()
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any() && !File.Exists(Path.Combine(folder, Marker)))
        {
            throw new InvalidOperationException($"{folder} is there already and is no sandbox of 'selfsame demo'. Name another with --folder.");
        }

        Directory.CreateDirectory(folder);
        foreach (var file in Files)
        {
            File.Delete(Path.Combine(folder, file));
        }

        if (Directory.Exists(Path.Combine(folder, "data")))
        {
            Directory.Delete(Path.Combine(folder, "data"), recursive: true);
        }

        File.WriteAllText(Path.Combine(folder, Marker), "Made by 'selfsame demo', which makes everything in this folder anew.\n");
        File.WriteAllText(Path.Combine(folder, "selfsame.yaml"), Config);
        Query("app.db", App);
        Query("auth.db", Auth);
    }

    /// <summary>Every table, index and row of both databases, each as one line.</summary>
    public IReadOnlyList<string> Dump() => [.. Dump("auth.db"), .. Dump("app.db")];

    private IEnumerable<string> Dump(string file)
    {
        var shape = Query(file, "SELECT type, name, sql FROM sqlite_master ORDER BY type, name");
        var tables = Query(file, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
        return shape.Concat(tables.SelectMany(table => Query(file, $"SELECT {DialectText.Quote(table)}.* FROM {DialectText.Quote(table)} ORDER BY 1").Select(row => $"{table}: {row}")));
    }

    private List<string> Query(string file, string sql)
    {
        SqliteLibrary.EnsureLoaded();
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, file)};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(column => reader.IsDBNull(column) ? "NULL" : reader.GetValue(column))));
        }

        return rows;
    }
}
