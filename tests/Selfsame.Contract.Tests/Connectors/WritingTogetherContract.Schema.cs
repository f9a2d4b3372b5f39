using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Canonical indexes and steps that change a table's shape.</summary>
public abstract partial class WritingTogetherContract
{
    [Fact]
    public async Task The_canonical_index_is_made_recognised_and_dropped_again()
    {
        await CreateAsync("1", "ann");
        var index = Indexed.CanonicalIndex(IdentifierKind.Username);
        var step = new SchemaStep(SchemaAction.CreateIndex, index.Name, index.Definition);
        (await CanonicalIndexesAsync()).ShouldBeEmpty();

        (await ChangeAsync(step)).ShouldBeOfType<Done>();
        (await ChangeAsync(step)).ShouldBeOfType<Done>();

        var made = (await CanonicalIndexesAsync()).Single();
        made.Name.ShouldBe(index.Name);
        (await CreateAsync("2", "ANN", mail: "other@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["login"]);
        (await ChangeAsync(new SchemaStep(SchemaAction.DropIndex, made.Name, made.Definition))).ShouldBeOfType<Done>();
        (await ChangeAsync(step.Reversed())).ShouldBeOfType<Done>();
        (await CanonicalIndexesAsync()).ShouldBeEmpty();
        (await ChangeAsync(new SchemaStep(SchemaAction.CreateIndex, made.Name, made.Definition))).ShouldBeOfType<Done>();
        (await CanonicalIndexesAsync()).Single().ShouldBe(made, new SameIndex());
    }

    [Theory]
    [InlineData("substr(login, 1, 3)", true)]
    [InlineData("lower(replace(login, '.', ''))", true)]
    [InlineData("lower(trim(login))", false)]
    [InlineData("upper(login)", false)]
    [InlineData("login || mail", false)]
    [InlineData("login", false)]
    public async Task A_unique_index_that_makes_one_of_different_names_is_told_apart_from_one_that_only_folds_case(string key, bool joins)
    {
        await ExecuteAsync($"CREATE UNIQUE INDEX made ON {Quoted} (({key}))");

        var index = (await Indexed.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name == "made");

        (Indexed.JoinsMore(index, IdentifierKind.Username) is not null).ShouldBe(joins);
        Indexed.JoinsMore(index with { Unique = false }, IdentifierKind.Username).ShouldBeNull();
        Indexed.JoinsMore(index, IdentifierKind.Email).ShouldBeNull();
    }

    [Fact]
    public async Task An_index_that_equal_values_forbid_leaves_everything_as_it_was()
    {
        await TwoPeopleAsync();
        var index = Indexed.CanonicalIndex(IdentifierKind.Username);
        var before = await EverythingAsync();

        var outcome = await ChangeAsync(
            new SchemaStep(SchemaAction.AddUuidField, "uuid"), new SchemaStep(SchemaAction.CreateIndex, index.Name, index.Definition));

        outcome.ShouldBeOfType<AlreadyExists>();
        (await EverythingAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task Accounts_that_the_canonical_index_holds_to_be_equal_are_grouped()
    {
        await TwoPeopleAsync();
        await CreateAsync("3", "bob");
        await CreateAsync("4", "BOB", mail: "bob4@example.org");
        await CreateAsync("5", "carol");
        await ExecuteAsync($"INSERT INTO {Quoted} (id, login) VALUES ('6', NULL), ('7', NULL)");

        var groups = await Indexed.FindEqualAsync(IdentifierKind.Username, CancellationToken.None);

        groups.Select(group => string.Join(' ', group.Accounts)).ShouldBe(["1 2", "3 4"]);
        groups[1].Value.ToUpperInvariant().ShouldBe("BOB");
    }

    [Fact]
    public async Task An_index_that_is_another_one_now_is_not_dropped_and_nothing_else_is_done()
    {
        await ExecuteAsync($"CREATE UNIQUE INDEX by_login ON {Quoted} (login) WHERE mail <> 'Nobody'");
        var planned = (await Indexed.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name == "by_login");
        await ExecuteAsync("DROP INDEX by_login");
        await ExecuteAsync($"CREATE UNIQUE INDEX by_login ON {Quoted} (login) WHERE mail <> 'nobody'");
        var before = await EverythingAsync();
        var index = Indexed.CanonicalIndex(IdentifierKind.Username);

        var outcome = await ChangeAsync(
            new SchemaStep(SchemaAction.DropIndex, planned.Name, planned.Definition), new SchemaStep(SchemaAction.CreateIndex, index.Name, index.Definition));

        outcome.ShouldBeOfType<Drifted>().Message.ShouldContain("by_login");
        (await EverythingAsync()).ShouldBe(before);
        (await Indexed.ReadIndexesAsync(CancellationToken.None)).Select(one => one.Name).ShouldContain("by_login");
        (await CanonicalIndexesAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_index_that_was_rebuilt_under_its_name_already_is_done()
    {
        var index = Indexed.CanonicalIndex(IdentifierKind.Username);
        await ExecuteAsync($"CREATE INDEX \"{index.Name.Replace("\"", "\"\"", StringComparison.Ordinal)}\" ON {Quoted} (login)");
        var old = (await Indexed.ReadIndexesAsync(CancellationToken.None)).Single(one => one.Name == index.Name);
        SchemaStep[] steps = [new(SchemaAction.DropIndex, old.Name, old.Definition), new(SchemaAction.CreateIndex, index.Name, index.Definition)];

        (await ChangeAsync(steps)).ShouldBeOfType<Done>();
        (await ChangeAsync(steps)).ShouldBeOfType<Done>();

        (await CanonicalIndexesAsync()).Single().Name.ShouldBe(index.Name);
    }

    [Theory]
    [InlineData("DROP TABLE notes")]
    [InlineData("CREATE UNIQUE INDEX x ON notes (body); DROP TABLE notes")]
    [InlineData("CREATE UNIQUE INDEX x ON notes (body) --")]
    [InlineData("CREATE UNIQUE INDEX other ON notes (body)")]
    public async Task A_definition_that_is_not_that_index_is_refused(string definition)
    {
        (await ChangeAsync(new SchemaStep(SchemaAction.CreateIndex, "x", definition))).ShouldBeOfType<Refused>();

        (await CountAsync("notes", "1 = 1")).ShouldBe(0);
    }

    [Fact]
    public async Task A_uuid_field_is_added_filled_and_dropped()
    {
        await CreateAsync("1", "ann");
        var uuid = FieldValue.Text("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea");

        (await ChangeAsync(new SchemaStep(SchemaAction.AddUuidField, "uuid"))).ShouldBeOfType<Done>();
        (await ChangeAsync(new SchemaStep(SchemaAction.AddUuidField, "uuid"))).ShouldBeOfType<Done>();
        (await TogetherAsync([Set("1", "uuid", FieldValue.Null, uuid)])).ShouldBeOfType<Done>();

        (await ReadByIdAsync("1"))!.Record["uuid"].ToString().ShouldBe(uuid.AsText);
        (await ChangeAsync(new SchemaStep(SchemaAction.DropField, "uuid"))).ShouldBeOfType<Refused>().Message.ShouldContain("uuid");
        (await ReadByIdAsync("1"))!.Record["uuid"].ToString().ShouldBe(uuid.AsText);
        (await TogetherAsync([Set("1", "uuid", (await ReadByIdAsync("1"))!.Record["uuid"], FieldValue.Null)])).ShouldBeOfType<Done>();
        (await ChangeAsync(new SchemaStep(SchemaAction.DropField, "uuid"))).ShouldBeOfType<Done>();
        (await ChangeAsync(new SchemaStep(SchemaAction.DropField, "uuid"))).ShouldBeOfType<Done>();
        (await ReadByIdAsync("1"))!.Record.ContainsKey("uuid").ShouldBeFalse();
    }

    private IHasCanonicalIndexes Indexed => (IHasCanonicalIndexes)Connected;

    private async Task<IReadOnlyList<SystemIndex>> CanonicalIndexesAsync()
        => [.. (await Indexed.ReadIndexesAsync(CancellationToken.None)).Where(index => Indexed.IsCanonical(index, IdentifierKind.Username))];

    private sealed class SameIndex : IEqualityComparer<SystemIndex>
    {
        public bool Equals(SystemIndex? x, SystemIndex? y)
            => (x!.Name, x.Unique, x.Collation, x.Predicate, x.Definition) == (y!.Name, y.Unique, y.Collation, y.Predicate, y.Definition);

        public int GetHashCode(SystemIndex obj) => obj.Name.GetHashCode(StringComparison.Ordinal);
    }
}
