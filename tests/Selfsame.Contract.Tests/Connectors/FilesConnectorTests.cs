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
    public async Task A_record_whose_bytes_come_slowly_is_read_and_silence_is_told_while_others_were_read()
    {
        var slow = new Bytes(Encoding.UTF8.GetBytes($$"""{"id":"{{new string('1', 1_000)}}"}"""), pause: TimeSpan.FromMilliseconds(60));
        var dead = new Bytes(Encoding.UTF8.GetBytes("{\"id\":1}\n{\"id\":2}\n"), pause: TimeSpan.Zero) { AtEnd = () => Thread.Sleep(Timeout.Infinite) };

        (await RecordsAsync(slow, TimeSpan.FromMilliseconds(400))).ShouldHaveSingleItem().Problem.ShouldBeNull();
        (await Should.ThrowAsync<IOException>(() => RecordsAsync(dead, TimeSpan.FromMilliseconds(400)))).Message.ShouldContain("nothing came from it");
    }

    [Fact]
    public async Task A_line_without_end_is_told_and_nothing_reads_on_when_nobody_listens()
    {
        var endless = new Bytes([(byte)'a'], pause: TimeSpan.Zero) { Repeats = true };
        (await Should.ThrowAsync<IOException>(() => RecordsAsync(endless, TimeSpan.FromSeconds(30)))).Message.ShouldStartWith("a line of it has over 10 million bytes");
        var left = new Bytes([(byte)'a'], pause: TimeSpan.FromMilliseconds(5)) { Repeats = true };
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Should.ThrowAsync<OperationCanceledException>(() => RecordsAsync(left, TimeSpan.FromSeconds(30), stop.Token));

        await Task.Delay(200, CancellationToken.None);
        var reads = left.Reads;
        await Task.Delay(200, CancellationToken.None);

        left.Reads.ShouldBe(reads);
    }

    private static async Task<List<FileRecord>> RecordsAsync(Bytes bytes, TimeSpan silence, CancellationToken cancellation = default)
    {
        var records = new List<FileRecord>();
        await foreach (var record in new FileReading("users.jsonl", JsonLines.Read, silence, TimeProvider.System, _ => bytes).ReadAsync(cancellation))
        {
            records.Add(record);
        }

        return records;
    }

    /// <summary>Bytes that come in small parts.</summary>
    private sealed class Bytes(byte[] content, TimeSpan pause) : MemoryStream(content)
    {
        private const int Part = 64;

        public Action AtEnd { get; init; } = () => { };

        public bool Repeats { get; init; }

        public int Reads { get; private set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            Reads++;
            Thread.Sleep(pause);
            if (Repeats)
            {
                buffer.AsSpan(offset, count).Fill((byte)'a');
                return count;
            }

            var read = base.Read(buffer, offset, Math.Min(count, Part));
            if (read == 0)
            {
                AtEnd();
            }

            return read;
        }
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
