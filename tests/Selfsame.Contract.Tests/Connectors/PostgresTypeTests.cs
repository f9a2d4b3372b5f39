using System.Text.Json;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Types, keys and indexes that are PostgreSQL's own.</summary>
public sealed partial class PostgresConnectorTests
{
    private const string Uuid = "3b039300-6f9d-49c8-bd77-fd81e1c2a0ea";

    private const string EveryType =
        """
        CREATE EXTENSION citext; CREATE TYPE colour AS ENUM ('red', 'light blue'); CREATE DOMAIN short AS varchar(5); CREATE TYPE pair AS (a int, b text);
        CREATE TABLE kinds (
            id uuid PRIMARY KEY, login citext, mail varchar(40), flag boolean, small smallint, whole int, big bigint, single real, twice double precision,
            exact numeric(30, 10), padded char(6), raw bytea, at timestamptz, local timestamp, day date, span interval, doc jsonb, text_doc json,
            list text[], numbers int[], hue colour, host inet, place point, bits bit(5), more bit varying, tag short, both_ pair, period tstzrange, nothing text, label name);
        INSERT INTO kinds VALUES (
            '3b039300-6f9d-49c8-bd77-fd81e1c2a0ea', 'Ann', 'ann@example.org', true, -3, 42, 9007199254740993, 0.1, 'NaN',
            12345678901234567890.0123456789, 'ab', '\x00ff', '2024-02-29 23:59:59.123456+02', 'infinity', '0044-03-15 BC', '1 mon -2 days 03:04:05.000006',
            '{"b": 1.0, "a": [null, "\u00e9"]}', '{ "b" :1,"b":2}', '{"a,b",NULL,"NULL","q\"uote"}', '{1,NULL,3}', 'light blue', '10.1.2.3/24', '(0.1,1e300)',
            B'10110', B'1', 'short', '(1,"x y")', '[2024-01-01,)', NULL, 'a name')
        """;

    [Fact]
    public async Task Every_type_of_value_survives_deletion_and_return()
    {
        await ExecuteAsync(EveryType);
        await using var system = Open("kinds");
        var before = (await system.ReadByIdAsync([new AccountId(Uuid)], CancellationToken.None)).Single().Record;
        var row = await ScalarAsync("SELECT k::text FROM kinds k");
        var json = JsonSerializer.Serialize(before);

        (await system.DeleteAsync(new AccountId(Uuid), before, CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.CreateAsync(new AccountId(Uuid), JsonSerializer.Deserialize<Fields>(json)!, CancellationToken.None)).ShouldBeOfType<Done>();

        (await ScalarAsync("SELECT k::text FROM kinds k")).ShouldBe(row);
        (await ScalarAsync("SELECT encode(float4send(single), 'hex') FROM kinds")).ShouldBe("3dcccccd");
        before["big"].ShouldBe(FieldValue.Integer(9007199254740993));
        before["at"].ShouldBe(FieldValue.Native("timestamp with time zone", "2024-02-29 21:59:59.123456+00"));
    }

    [Fact]
    public async Task Every_type_of_value_is_read_by_COPY_as_in_a_record()
    {
        await ExecuteAsync(EveryType);
        await using var system = Open("kinds");
        var record = (await system.ReadByIdAsync([new AccountId(Uuid)], CancellationToken.None)).Single().Record;
        string[] fields = [.. record.Keys, "not there"];
        await foreach (var part in system.ReadFieldsAsync(fields, CancellationToken.None))
        {
            if (part is ReadFields { Rows: var rows })
            {
                rows.Count.ShouldBe(1);
                fields.Select((_, place) => rows.TextOf(rows[0, place])).ShouldBe(fields.Select(field => record.ValueOrNull(field) is { IsNull: false } value ? value.ToString() : ""));
                fields.Select((_, place) => rows.IsTruthy(rows[0, place])).ShouldBe(fields.Select(field => record.ValueOrNull(field).IsTruthy));
            }
        }
    }

    [Fact]
    public async Task Rows_longer_than_a_buffer_and_those_without_an_id_are_read_by_COPY_too()
    {
        await ExecuteAsync(
            """
            CREATE TABLE long (id int, login text, doc text, mail text);
            INSERT INTO long SELECT n, 'user' || n, repeat('x', CASE WHEN n % 7 = 0 THEN 700000 ELSE n END) FROM generate_series(1, 100) n;
            INSERT INTO long VALUES (NULL, 'nobody', NULL);
            """);
        await using var system = Open("long");
        var parts = new List<string>();
        await foreach (var part in system.ReadFieldsAsync(["id", "doc"], CancellationToken.None))
        {
            parts.AddRange(part is ReadFields { Rows: var rows }
                ? Enumerable.Range(0, rows.Count).Select(row => $"{rows.TextOf(rows[row, 0])} {rows[row, 1].Length}")
                : [part.ToString()!]);
        }

        parts[^1].ShouldBe(new ReadEnd(100, Complete: true).ToString());
        parts.Remove(new UnreadableRecord("row 101", "its id is null, or bytes, which Selfsame takes for no id.").ToString()).ShouldBeTrue();
        parts[..^1].ShouldBe(Enumerable.Range(1, 100).Select(number => $"{number} {(number % 7 == 0 ? 700_000 : number)}"));
    }

    [Fact]
    public async Task Rows_whose_id_is_bytes_are_told_alike_by_COPY()
    {
        await ExecuteAsync("CREATE TABLE blobs (id bytea PRIMARY KEY, login text, mail text); INSERT INTO blobs VALUES ('\\x00ff', 'ann'), ('\\x01ff', 'bob')");
        await using var system = Open("blobs");
        var copied = new List<ReadPart>();
        await foreach (var part in system.ReadFieldsAsync(["id", "login"], CancellationToken.None))
        {
            copied.Add(part);
        }

        var read = await system.ReadEverythingAsync("app", null, CancellationToken.None);

        read.Accounts.ShouldBeEmpty();
        copied.OfType<UnreadableRecord>().ShouldBe(read.Unreadable);
        copied[^1].ShouldBe(new ReadEnd(0, Complete: true));
    }

    [Fact]
    public async Task A_read_by_COPY_that_nobody_goes_on_with_ends_at_once()
    {
        await ExecuteAsync("CREATE TABLE many (id int, login text, mail text); INSERT INTO many SELECT n, repeat('x', 1000) FROM generate_series(1, 100000) n");
        await using var system = Open("many");
        await foreach (var part in system.ReadFieldsAsync(["id", "login"], CancellationToken.None))
        {
            part.ShouldBeOfType<ReadFields>();
            break;
        }

        (await system.ReadByIdAsync([new AccountId("7")], CancellationToken.None)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Every_type_of_value_is_a_precondition_and_comes_back_with_other_rows()
    {
        await ExecuteAsync(EveryType);
        await using var system = Open("kinds");
        var before = (await system.ReadByIdAsync([new AccountId(Uuid)], CancellationToken.None)).Single().Record;
        var row = await ScalarAsync("SELECT k::text FROM kinds k");
        var deletion = new RowWrite { Table = "kinds", Action = RowAction.Delete, Key = Of(("id", Uuid)), Before = before, After = Fields.Empty };

        (await system.UpdateAsync(new AccountId(Uuid), before, before, CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.WriteTogetherAsync([deletion], [], CancellationToken.None)).ShouldBeOfType<Done>();
        (await ScalarAsync("SELECT count(*) FROM kinds")).ShouldBe(0L);
        (await system.WriteTogetherAsync([deletion.Reversed()], [], CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.WriteTogetherAsync([deletion.Reversed()], [], CancellationToken.None)).ShouldBeOfType<Done>();

        (await ScalarAsync("SELECT k::text FROM kinds k")).ShouldBe(row);
    }

    [Theory]
    [InlineData("at", "2024-02-29T21:59:59.123456Z")]
    [InlineData("doc", """{"a":[null,"é"],"b":1.0}""")]
    [InlineData("id", "3B039300-6F9D-49C8-BD77-FD81E1C2A0EA")]
    public async Task A_text_in_another_spelling_of_its_type_is_recognised_as_made(string field, string text)
    {
        await ExecuteAsync(EveryType);
        await using var system = Open("kinds");
        var write = new RowWrite
        {
            Table = "kinds",
            Action = RowAction.Update,
            Key = Of(("id", Uuid)),
            Before = Of((field, null)),
            After = Of((field, text)),
        };

        (await system.WriteTogetherAsync([write], [], CancellationToken.None)).ShouldBeOfType<Done>();
    }

    [Fact]
    public async Task A_value_that_its_column_cannot_hold_is_refused()
    {
        await ExecuteAsync(EveryType);
        await using var system = Open("kinds");
        var id = new AccountId(Uuid);

        (await system.UpdateAsync(id, Of(("mail", new string('x', 41))), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>();
        (await system.UpdateAsync(id, Of(("hue", "green")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("green");
        (await system.UpdateAsync(id, Of(("id", null)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("not-null");
    }

    [Fact]
    public async Task Citext_is_compared_as_citext_and_its_index_is_the_plain_column()
    {
        await ExecuteAsync("CREATE EXTENSION citext; CREATE TABLE folded (id int PRIMARY KEY, login citext, mail text)");
        await ExecuteAsync("INSERT INTO folded VALUES (1, 'Ann', 'a'), (2, 'ÉVE', 'b'), (3, 'éve', 'c'), (4, 'ann', 'd')");
        await using var system = Open("folded");
        await system.DescribeAsync(CancellationToken.None);
        var wanted = new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.Username] = ["ANN"] };

        (await system.FindAsync(wanted, CancellationToken.None)).Count.ShouldBe(2);
        (await system.FindEqualAsync(IdentifierKind.Username, CancellationToken.None)).Select(group => string.Join(' ', group.Accounts)).ShouldContain("1 4");
        await ExecuteAsync("DELETE FROM folded WHERE id > 2");
        await using var other = Open("folded");
        await other.DescribeAsync(CancellationToken.None);
        var index = other.CanonicalIndex(IdentifierKind.Username);
        index.Fields.ShouldBe(["login"]);
        (await other.ChangeSchemaAsync([new SchemaStep(SchemaAction.CreateIndex, index.Name, index.Definition)], CancellationToken.None)).ShouldBeOfType<Done>();
        (await other.ReadIndexesAsync(CancellationToken.None)).Single(found => other.IsCanonical(found, IdentifierKind.Username)).Name.ShouldBe(index.Name);
    }

    [Fact]
    public async Task Unique_indexes_that_ignore_accents_or_let_one_account_be_without_a_name_are_told()
    {
        await ExecuteAsync(
            """
            CREATE COLLATION blunt (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
            CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            CREATE TABLE strict (id int PRIMARY KEY, login text, mail text COLLATE blunt);
            CREATE UNIQUE INDEX accents ON strict (login COLLATE blunt);
            CREATE UNIQUE INDEX case_ ON strict (login COLLATE folding);
            CREATE UNIQUE INDEX nulls ON strict (lower(login)) NULLS NOT DISTINCT;
            CREATE UNIQUE INDEX late ON strict (lower(login)) NULLS NOT DISTINCT WHERE id > 5;
            CREATE UNIQUE INDEX filled ON strict (lower(login)) NULLS NOT DISTINCT WHERE lower(login) <> '';
            CREATE UNIQUE INDEX given ON strict (lower(login)) NULLS NOT DISTINCT WHERE login IS NOT NULL;
            INSERT INTO strict VALUES (1, NULL, NULL);
            CREATE UNIQUE INDEX own ON strict (mail)
            """);
        await using var system = Open("strict");

        var indexes = await system.ReadIndexesAsync(CancellationToken.None);
        string? Why(string name, IdentifierKind kind) => system.JoinsMore(indexes.Single(index => index.Name == name), kind);

        Why("accents", IdentifierKind.Username)!.ShouldContain("ignores accents");
        Why("case_", IdentifierKind.Username).ShouldBeNull();
        Why("nulls", IdentifierKind.Username)!.ShouldContain("only one account be without 'login'");
        Why("own", IdentifierKind.Email).ShouldBeNull();
        Why("late", IdentifierKind.Username)!.ShouldContain("only one account be without 'login'");
        Why("filled", IdentifierKind.Username).ShouldBeNull();
        Why("given", IdentifierKind.Username).ShouldBeNull();
        var lone = await system.FindLoneBlanksAsync([.. indexes.Where(index => index.Name is "nulls" or "late" or "filled" or "given")], IdentifierKind.Username, CancellationToken.None);
        lone.Select(blank => (blank.Index, blank.IsNull, blank.IsTaken)).ShouldBe([("nulls", true, true), ("nulls", false, false), ("late", true, false), ("late", false, false), ("given", false, false)], ignoreOrder: true);
    }

    [Fact]
    public async Task Only_a_full_valid_unique_index_that_ignores_case_is_canonical()
    {
        await ExecuteAsync(
            """
            CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            CREATE TABLE many (id int PRIMARY KEY, login varchar(20), mail text COLLATE ci);
            CREATE UNIQUE INDEX exact ON many (login);
            CREATE UNIQUE INDEX two ON many (lower(login), id);
            CREATE INDEX slow ON many (lower(login));
            CREATE UNIQUE INDEX part ON many (lower(login)) WHERE id > 0;
            CREATE UNIQUE INDEX upper_ ON many (upper(login));
            CREATE UNIQUE INDEX good ON many (lower(login));
            CREATE UNIQUE INDEX collated ON many (mail);
            CREATE UNIQUE INDEX binary_ ON many (mail COLLATE "C")
            """);
        await using var system = Open("many");

        var indexes = await system.ReadIndexesAsync(CancellationToken.None);

        indexes.Where(index => system.IsCanonical(index, IdentifierKind.Username)).Select(index => index.Name).ShouldBe(["good"]);
        indexes.Where(index => system.IsCanonical(index, IdentifierKind.Email)).Select(index => index.Name).ShouldBe(["collated"]);
        indexes.Single(index => index.Name == "part").Predicate.ShouldBe("(id > 0)");
    }

    [Fact]
    public async Task Accounts_have_composite_keys_and_ids_that_no_column_could_hold_are_not_there()
    {
        await ExecuteAsync($"CREATE TABLE composite (tenant uuid, number int, login text, mail text, PRIMARY KEY (number, tenant)); INSERT INTO composite VALUES ('{Uuid}', 7, 'ann', NULL)");
        await using var system = Open("composite", id: ["tenant", "number"]);
        var id = new AccountId(Uuid.ToUpperInvariant(), "7");

        var found = await system.ReadByIdAsync([id, new AccountId("x", "7"), new AccountId(Uuid, "99999999999999999999"), new AccountId(Uuid)], CancellationToken.None);

        found.Single().Id.ShouldBe(id);
        (await system.UpdateAsync(id, Of(("login", "bob")), found[0].Record, CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.DeleteAsync(id, Of(("login", "bob")), CancellationToken.None)).ShouldBeOfType<Done>();
    }

    [Fact]
    public async Task A_uuid_in_capitals_in_a_text_column_is_found()
    {
        await CreateAsync(Uuid.ToUpperInvariant(), "ann");

        (await ReadByIdAsync(Uuid)).ShouldNotBeNull().Record["id"].AsText.ShouldBe(Uuid.ToUpperInvariant());
    }

    [Fact]
    public async Task Numbered_and_computed_columns_come_back_and_computed_ones_are_never_written()
    {
        await ExecuteAsync(
            """
            CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, login text, mail text, folded text GENERATED ALWAYS AS (lower(login)) STORED);
            INSERT INTO numbered (login) VALUES ('Ann');
            CREATE TABLE serials (id serial PRIMARY KEY, login text, mail text)
            """);
        await using var system = Open("numbered");
        await using var serials = Open("serials");
        var before = (await system.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Single().Record;

        await system.DeleteAsync(new AccountId("1"), before, CancellationToken.None);
        (await system.CreateAsync(new AccountId("1"), before, CancellationToken.None)).ShouldBeOfType<Done>();

        (await system.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Single().Record.ShouldBe(before);
        foreach (var facts in new[] { await system.DescribeAsync(CancellationToken.None), await serials.DescribeAsync(CancellationToken.None) })
        {
            (facts.TakesChosenId, facts.GivesNumbers).ShouldBe((false, true));
            facts.FieldsWithoutDefault.ShouldBeEmpty();
        }
    }

    [Fact]
    public async Task The_auth_schema_of_Supabase_is_read_with_its_partial_index_and_what_a_deletion_takes_along()
    {
        await ExecuteAsync(
            $"""
            CREATE SCHEMA auth;
            CREATE TABLE auth.users (id uuid PRIMARY KEY, email varchar(255), phone text UNIQUE, is_sso_user boolean NOT NULL DEFAULT false,
                confirmed_at timestamptz GENERATED ALWAYS AS (NULL::timestamptz) STORED);
            CREATE UNIQUE INDEX users_email_partial_key ON auth.users (email) WHERE is_sso_user = false;
            CREATE TABLE auth.sessions (id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE);
            CREATE TABLE auth.refresh_tokens (id bigint PRIMARY KEY, session_id uuid REFERENCES auth.sessions ON DELETE CASCADE);
            CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES auth.users ON DELETE SET NULL, login text);
            INSERT INTO auth.users (id, email) VALUES ('{Uuid}', 'ann@example.org'); INSERT INTO auth.sessions VALUES ('{Uuid}', '{Uuid}')
            """);
        await using var system = Open("auth.users", usernameField: "phone", emailField: "email");

        var index = (await system.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name == "users_email_partial_key");
        index.Predicate.ShouldBe("(is_sso_user = false)");
        system.IsCanonical(index, IdentifierKind.Email).ShouldBeFalse();
        var facts = await system.DescribeAsync(CancellationToken.None);
        facts.DeletionEffects.Count.ShouldBe(3);
        facts.DeletionEffects[0].ShouldBe("Rows of auth.sessions that refer to the account by user_id are deleted with it.");
        facts.DeletionEffects[1].ShouldContain("profiles.id loses");
        facts.DeletionEffects[2].ShouldContain("auth.refresh_tokens");
        (await system.FindPlacesAsync([], CancellationToken.None)).Select(place => place.ToString()).ShouldBe(["auth.sessions.user_id", "profiles.id"]);
        var record = (await system.ReadByIdAsync([new AccountId(Uuid)], CancellationToken.None)).Single().Record;
        (await system.WriteTogetherAsync(
            [new RowWrite { Table = "auth.users", Action = RowAction.Delete, Key = Of(("id", Uuid)), Before = record, After = Fields.Empty }], [], CancellationToken.None))
            .ShouldBeOfType<Refused>().Message.ShouldContain("1 of auth.sessions by user_id (ON DELETE CASCADE)");
    }

    [Fact]
    public async Task Rows_without_a_key_move_and_come_back_even_when_they_are_equal()
    {
        await ExecuteAsync(
            """
            INSERT INTO "mem""bers" (id, login) VALUES ('5', 'ann'), ('6', 'bob');
            CREATE TABLE plain (who text, what json, at timestamptz); INSERT INTO plain VALUES ('5', '{}', NULL), ('5', '{}', NULL), ('6', '{}', 'epoch')
            """);
        var system = (IHasReferences)Connected;
        var account = (await ReadByIdAsync("5"))!;
        var places = await PlacesAsync(new ReferencePlace { Table = "plain", Fields = ["who"], AccountFields = ["id"] });
        var rows = await system.ReadReferringAsync([.. places.Where(place => place.Table == "plain")], [account], CancellationToken.None);
        RowWrite[] writes = [.. rows.Select(row => new RowWrite
        {
            Table = "plain", Action = RowAction.Update, Key = row.Key, Before = Of(("who", "5")), After = Of(("who", "6")),
        })];

        rows.Count.ShouldBe(2);
        (await TogetherAsync(writes)).ShouldBeOfType<Done>();
        (await TogetherAsync(writes)).ShouldBeOfType<Done>();
        (await CountAsync("plain", "who = '6'")).ShouldBe(3);
        (await TogetherAsync([.. writes.Select(write => write.Reversed())])).ShouldBeOfType<Done>();
        (await CountAsync("plain", "who = '5'")).ShouldBe(2);
    }
}
