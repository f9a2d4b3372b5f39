using System.Diagnostics;
using System.Text;
using Selfsame.Connectors.Files;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>CSV and JSON Lines as people's tools write them.</summary>
public sealed class FilesConnectorTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Quotes_commas_and_line_ends_in_a_csv_are_values()
    {
        var system = Open("users.csv", "\uFEFFid,login,mail\r\n1,ann,\"ann \"\"a\"\"@example.org\"\r\n2,\"b,\nob\",\r\n\r\n3,cy,cy@example.org");

        var read = await system.ReadEverythingAsync("export", null, CancellationToken.None);

        read.Accounts.Select(account => account.Label).ShouldBe(["ann", "b,\nob", "cy"]);
        read.Accounts[0].Identifiers[IdentifierKind.Email].ShouldBe("ann \"a\"@example.org");
        read.Accounts[1].Record["mail"].IsNull.ShouldBeTrue();
    }

    [Fact]
    public async Task A_line_that_can_not_be_read_is_named_and_hides_no_other()
    {
        var csv = await Open("users.csv", "id,login,mail\n1,ann\n2,bob,b@example.org\n,cy,\n").ReadEverythingAsync("export", null, CancellationToken.None);
        var json = await Open("users.jsonl", "{\"id\":1,\"login\":\"ann\",\"mail\":null}\n{\"id\":2,\n[3]\n{\"id\":4,\"login\":\"dé\",\"mail\":7}\n").ReadEverythingAsync("export", null, CancellationToken.None);

        csv.Accounts.Select(account => account.Label).ShouldBe(["bob"]);
        csv.Unreadable.Select(record => record.Where).ShouldBe(["line 2", "line 4"]);
        json.Accounts.Select(account => account.Label).ShouldBe(["ann", "dé"]);
        json.Unreadable.Select(record => record.Where).ShouldBe(["line 2", "line 3"]);
    }

    [Theory]
    [InlineData("users.csv", "id,login,mail\n1,ann,a@example.org\n2,\"bob,b@example.org\n3,cy,c@example.org\n", 3, "never closed")]
    [InlineData("users.csv", "id,login,mail\n1,\"ann,a@example.org\n2,\"bob\",b@example.org\n3,cy,c@example.org\n", 2, "more than a comma")]
    [InlineData("users.csv", "id,login,mail\n1,\"ann,a@example.org\n2,bob\",b@example.org,\n3,cy,c@example.org\n", 2, "4 values")]
    [InlineData("users.csv", "id,login,mail\n1,ann,a@example.org\n2,bo", 3, "2 values")]
    [InlineData("users.csv", "id,\"login,mail\n1,ann,a@example.org\n", 1, "never closed")]
    [InlineData("users.csv", "", 1, "no header")]
    [InlineData("users.jsonl", "{\"id\":1,\"login\":\"ann\",\"mail\":null}\n{\"id\":2,\"log", 2, "not JSON")]
    public async Task A_file_that_is_cut_off_is_not_taken_for_a_small_system(string file, string content, int line, string why)
    {
        var system = Open(file, content);

        var read = await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadEverythingAsync("export", null, CancellationToken.None));
        var byId = await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadByIdAsync([new AccountId("9")], CancellationToken.None));

        read.Message.ShouldContain($"line {line} ");
        read.Message.ShouldContain(why);
        byId.Message.ShouldBe(read.Message);
    }

    // "Jörg Müller" and "Möller" in Windows-1252 were two names with U+FFFD in them, and went into the target as that.
    [Theory]
    [InlineData("users.csv", "id,login,mail\n1,ann,a@example.org\n2,J\u00F6rg,j@example.org\n3,cy,c@example.org\n", 3)]
    [InlineData("users.csv", "id,login,mail\r1,ann,a@example.org\r2,cy,m\u00FCller@example.org", 3)]
    [InlineData("users.csv", "id,l\u00F6gin,mail\n1,ann,a@example.org\n", 1)]
    [InlineData("users.jsonl", "{\"id\":1,\"login\":\"ann\",\"mail\":null}\n\n{\"id\":2,\"login\":\"J\u00F6rg\",\"mail\":null}\n", 3)]
    [InlineData("users.csv", "\u00FF\u00FEi\0d\0", 1)]
    public async Task A_file_that_is_no_UTF_8_is_not_read_as_if_it_were_and_the_line_is_named(string file, string content, int line)
    {
        File.WriteAllBytes(folder[file], Encoding.Latin1.GetBytes(content));
        var system = new FilesSystem(Config(file));

        var read = await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadEverythingAsync("export", null, CancellationToken.None));

        read.Message.ShouldContain($"line {line} ");
        read.Message.ShouldContain("no UTF-8");
    }

    // The reader takes the text in blocks: the line that it fails at is far before the place where it is then.
    [Fact]
    public async Task The_line_that_is_no_UTF_8_is_named_in_a_long_file_too()
    {
        var lines = Enumerable.Range(2, 5000).Select(line => $"{line},user{line},");
        File.WriteAllText(folder["users.csv"], $"id,login,mail\n{string.Join('\n', lines)}\n", Encoding.Latin1);
        File.AppendAllText(folder["users.csv"], "9999,J\u00F6rg,\n10000,zoe,\n", Encoding.Latin1);

        (await Should.ThrowAsync<SystemUnavailableException>(() => new FilesSystem(Config("users.csv")).ReadEverythingAsync("export", null, CancellationToken.None))).Message.ShouldContain("line 5002 ");
    }

    [Fact]
    public async Task A_pipe_without_a_writer_is_given_up_in_time_and_one_with_a_writer_is_refused()
    {
        Process.Start("mkfifo", [folder["users.csv"]]).WaitForExit();
        var system = new FilesSystem(Config("users.csv"), longestSilence: TimeSpan.FromMilliseconds(200));

        var silent = await Should.ThrowAsync<SystemUnavailableException>(() => system.DescribeAsync(CancellationToken.None));
        using var stop = new CancellationTokenSource();
        var reading = new FilesSystem(Config("users.csv")).ReadEverythingAsync("export", null, stop.Token);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => reading);

        // Opened for both, a pipe blocks nobody; the readers that wait get on with it.
        await using var writer = new FileStream(folder["users.csv"], FileMode.Open, FileAccess.ReadWrite);
        var refused = await Should.ThrowAsync<SystemUnavailableException>(() => new FilesSystem(Config("users.csv")).DescribeAsync(CancellationToken.None));
        silent.Message.ShouldContain("nothing came from it");
        refused.Message.ShouldContain("it is a pipe or a device");
    }

    [Fact]
    public async Task A_record_without_an_end_is_refused_before_it_fills_the_memory()
    {
        File.CreateSymbolicLink(folder["users.jsonl"], "/dev/zero");

        var endless = await Should.ThrowAsync<SystemUnavailableException>(() => new FilesSystem(Config("users.jsonl")).ReadEverythingAsync("export", null, CancellationToken.None));

        endless.Message.ShouldContain("a record in it is longer than 64 MiB");
    }

    [Fact]
    public async Task A_file_that_comes_slowly_is_read_though_a_portion_takes_longer_than_silence_may()
    {
        File.WriteAllText(folder["users.csv"], "");
        static IEnumerable<FileRecord> Slowly(TextReader reader)
        {
            for (var line = 1; line <= 12; line++)
            {
                Thread.Sleep(100);
                yield return new FileRecord(line, Fields.Empty, null);
            }
        }

        var records = new List<FileRecord>();
        await foreach (var record in new FileReading(folder["users.csv"], Slowly, TimeSpan.FromMilliseconds(500), TimeProvider.System).ReadAsync(CancellationToken.None))
        {
            records.Add(record);
        }

        records.Count.ShouldBe(12);
    }

    [Fact]
    public async Task What_is_no_text_in_a_json_file_is_no_identifier_and_says_what_it_is()
    {
        var read = await Open("users.jsonl", """
            {"id":1,"login":["ann"],"mail":{"address":"a@example.org"}}
            {"id":2,"login":7,"mail":true}
            {"id":3,"login":"bob","mail":" "}

            """).ReadEverythingAsync("export", null, CancellationToken.None);

        var keyed = read.Accounts.Select(account => KeyedAccount.Of(account, IdentifierKeys.TryKey)).ToList();
        keyed.SelectMany(account => account.Refusals.OrderBy(pair => pair.Key).Select(pair => $"{account.Account.Id} {pair.Key} {pair.Value.Message}")).ShouldBe([
            "1 Username it is a list, not text. Let one text stand there.", "1 Email it is an object, not text. Let one text stand there.",
            "2 Username it is a number, not text. Let one text stand there.", "2 Email it is true or false, not text. Let one text stand there."]);
        keyed[2].Account.Identifiers.Keys.ShouldBe([IdentifierKind.Username]);
    }

    [Fact]
    public async Task A_value_of_over_a_million_characters_ends_the_read()
    {
        var system = Open("users.csv", $"id,login,mail\n1,\"{new string('a', 1_000_001)}\",\n2,bob,\n");

        (await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadEverythingAsync("export", null, CancellationToken.None))).Message.ShouldContain("a million characters");
    }

    [Fact]
    public async Task A_carriage_return_alone_ends_a_line_too()
        => (await Open("users.csv", "id,login,mail\r1,ann,\r2,bob,\r").ReadEverythingAsync("export", null, CancellationToken.None))
            .Accounts.Select(account => account.Label).ShouldBe(["ann", "bob"]);

    [Fact]
    public async Task Its_permissions_are_probed()
    {
        (await Open("users.csv", "id,login,mail\n").ProbeAsync(CancellationToken.None)).ShouldBe([new PermissionProbe("read accounts", ProbeAnswer.Yes)]);
        (await Should.ThrowAsync<SystemUnavailableException>(() => new FilesSystem(Config("gone.csv")).ProbeAsync(CancellationToken.None))).Message.ShouldContain("Correct 'path'");
    }

    [Fact]
    public async Task A_file_that_is_not_there_or_lacks_a_field_says_what_to_correct()
    {
        (await Should.ThrowAsync<SystemUnavailableException>(() => new FilesSystem(Config("gone.csv")).DescribeAsync(CancellationToken.None))).Message.ShouldContain("Correct 'path'");
        (await Should.ThrowAsync<SystemUnavailableException>(() => Open("users.csv", "id,name\n1,ann\n").DescribeAsync(CancellationToken.None))).Message.ShouldContain("has no field login, mail");
    }

    [Fact]
    public async Task Single_accounts_are_read_again()
    {
        var system = Open("users.csv", "id,login,mail\n1,ann,\n2,bob,\n");

        (await system.ReadByIdAsync([new AccountId("2"), new AccountId("9")], CancellationToken.None)).Select(account => account.Label).ShouldBe(["bob"]);
    }

    private FilesSystem Open(string file, string content)
    {
        File.WriteAllText(folder[file], content);
        return new FilesSystem(Config(file));
    }

    private SystemConfig Config(string file) => new()
    {
        Name = "export",
        Connector = "files",
        Settings = new Dictionary<string, string> { ["path"] = folder[file] },
        Mapping = new AccountMapping
        {
            Id = ["id"],
            Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "login", [IdentifierKind.Email] = "mail" },
        },
    };
}
