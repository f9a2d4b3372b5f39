using System.Text.Json;
using System.Text.Json.Nodes;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Provisioning;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>docs/plan-schema.json describes the plans that are written, no more and no less.</summary>
public sealed class PlanSchemaTests
{
    private static readonly JsonObject Schema = JsonNode.Parse(File.ReadAllText(Path.Combine(Checkout.Root, "docs", "plan-schema.json")))!.AsObject();

    [Fact]
    public async Task Every_property_of_a_written_plan_is_in_the_schema_and_every_required_one_is_written()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Source.Put(Bench.Person("2", "two words"));
        bench.Target.Put([.. Bench.Person("9", "gone"), ("password", "secret")]);
        var plan = JsonNode.Parse(PlanJson.Write(await bench.PlanAsync() with { Undoes = default(Guid) }))!.AsObject();

        Check(plan, Schema);
        Check(plan["changes"]![0]!.AsObject(), Definition("change"));
        Check(plan["changes"]!.AsArray().Single(change => change!["from"] is not null)!["from"]!.AsObject(), Definition("change")["properties"]!["from"]!.AsObject());
        Check(plan["notPlanned"]![0]!.AsObject(), Definition("notPlanned"));
    }

    [Fact]
    public async Task What_an_orphan_takes_along_is_in_the_schema()
    {
        var bench = new Bench();
        bench.Target.Cascades.Add(new Accounts.ReferencePlace { Table = "posts", Fields = ["author"], AccountFields = ["id"], Enforced = true });
        bench.Target.Put(Bench.Person("9", "gone"));
        bench.Target.Refer("posts", ["id"], ("id", "p1"), ("author", "9"));
        var change = JsonNode.Parse(PlanJson.Write(await bench.PlanAsync()))!["changes"]![0]!.AsObject();

        Check(change, Definition("change"));
        Check(change["takesAlong"]![0]!.AsObject(), Definition("change")["properties"]!["takesAlong"]!["items"]!.AsObject());
    }

    [Fact]
    public async Task A_password_that_is_carried_over_is_in_the_schema()
    {
        var mapping = Bench.People with { PasswordHash = "password" };
        var bench = new Bench(people: mapping, app: mapping);
        bench.Source.Put([.. Bench.Person("1", "ann"), ("password", "a hash")]);
        var change = JsonNode.Parse(PlanJson.Write(await bench.PlanAsync()))!["changes"]![0]!.AsObject();

        Check(change, Definition("change"));
        Check(change["passwordFrom"]!.AsObject(), Definition("change")["properties"]!["passwordFrom"]!.AsObject());
    }

    [Fact]
    public async Task A_merge_with_its_losers_references_and_index_is_in_the_schema()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Owns("printer", "2");
        world.Joins("1", "club", since: 2020);
        world.Joins("2", "club", since: 2021);
        var changes = JsonNode.Parse(PlanJson.Write(await world.PlanAsync()))!["changes"]!.AsArray();

        foreach (var change in changes)
        {
            Check(change!.AsObject(), Definition("change"));
        }

        var part = Definition("change")["properties"]!;
        Check(changes[0]!["losers"]![0]!.AsObject(), part["losers"]!["items"]!.AsObject());
        foreach (var place in changes[0]!["references"]!.AsArray())
        {
            Check(place!.AsObject(), part["references"]!["items"]!.AsObject());
        }

        Check(changes[1]!["steps"]![0]!.AsObject(), part["steps"]!["items"]!.AsObject());
    }

    [Fact]
    public async Task A_creation_where_the_system_gives_ids_is_in_the_schema()
    {
        var bench = new PasswordBench();
        bench.App.Put(PasswordBench.Person("1", "ann"));
        var plan = await bench.PlanAsync(1);
        var change = JsonNode.Parse(PlanJson.Write(plan))!["changes"]!.AsArray().Single(change => change!["system"]!.GetValue<string>() == "pds")!.AsObject();

        Check(change, Definition("change"));
        Check(change["for"]!.AsObject(), Definition("change")["properties"]!["for"]!.AsObject());
        PlanJson.Read(PlanJson.Write(plan)).Plan!.Changes.Single(again => again.System == "pds").For.ShouldBe(new SourceAccount("app", new Accounts.AccountId("1")));
    }

    [Fact]
    public void Every_action_and_reason_is_in_the_schema()
    {
        Names<ChangeAction>().ShouldBe(Values("action"));
        Names<ChangeReason>().ShouldBe(Values("reason"));
    }

    private static void Check(JsonObject written, JsonObject schema)
    {
        written.Select(pair => pair.Key).ShouldBeSubsetOf(schema["properties"]!.AsObject().Select(pair => pair.Key));
        schema["required"]!.AsArray().Select(name => name!.GetValue<string>()).ShouldBeSubsetOf(written.Select(pair => pair.Key));
    }

    private static JsonObject Definition(string name) => Schema["$defs"]![name]!.AsObject();

    private static IEnumerable<string> Names<T>()
        where T : struct, Enum
        => Enum.GetNames<T>().Select(JsonNamingPolicy.CamelCase.ConvertName);

    private static IEnumerable<string> Values(string property)
        => Definition("change")["properties"]![property]!["enum"]!.AsArray().Select(value => value!.GetValue<string>());
}
