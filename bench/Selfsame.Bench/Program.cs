using System.CommandLine;
using Selfsame.Bench;
using Selfsame.Bench.Audits;
using Selfsame.Bench.Servers;

var quick = new Option<bool>("--quick") { Description = "One short pass of each: that it runs, not how fast it is." };
var json = new Option<bool>("--json") { Description = "The figures as JSON." };
var only = new Option<string?>("--only") { Description = "Only the parts whose name contains this: hash, rows, identity, start, memory, webhooks, pds, apply, audit, duplicates, backfill." };
var merges = new Option<int?>("--merges") { Description = "Apply so many merges." };
var accounts = new Option<int?>("--accounts") { Description = "Make so many accounts on the PDS." };
var rows = new Option<int?>("--rows") { Description = "Audit tables of this many rows only." };
var measure = new RootCommand("Measures Selfsame against what bounds it, and against its peer.") { quick, json, only, rows, merges, accounts };
measure.SetAction((parsed, cancellation) =>
{
    var plan = parsed.GetValue(quick) ? BenchPlan.Quick : BenchPlan.Full;
    plan = plan with
    {
        AuditedRows = parsed.GetValue(rows) is { } size ? [size] : plan.AuditedRows,
        Merges = parsed.GetValue(merges) ?? plan.Merges,
        Accounts = parsed.GetValue(accounts) ?? plan.Accounts,
    };
    return Measurements.RunAsync(plan, parsed.GetValue(only) ?? "", parsed.GetValue(json), cancellation);
});
measure.Subcommands.Add(MeasuredServer.Command());
measure.Subcommands.Add(IdentityServer.Command());
measure.Subcommands.Add(MeasuredWork.Command());
return await measure.Parse(args).InvokeAsync();
