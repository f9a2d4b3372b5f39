using System.CommandLine;
using Selfsame.Bench;
using Selfsame.Bench.Audits;
using Selfsame.Bench.Servers;

var quick = new Option<bool>("--quick") { Description = "One short pass of each: that it runs, not how fast it is." };
var json = new Option<bool>("--json") { Description = "The figures as JSON." };
var only = new Option<string?>("--only") { Description = "Only the parts whose name contains this: hash, rows, identity, start, memory, audit, duplicates, backfill." };
var measure = new RootCommand("Measures Selfsame against what bounds it, and against its peer.") { quick, json, only };
measure.SetAction((parsed, cancellation) => Measurements.RunAsync(
    parsed.GetValue(quick) ? BenchPlan.Quick : BenchPlan.Full, parsed.GetValue(only) ?? "", parsed.GetValue(json), cancellation));
measure.Subcommands.Add(MeasuredServer.Command());
measure.Subcommands.Add(IdentityServer.Command());
measure.Subcommands.Add(MeasuredWork.Command());
return await measure.Parse(args).InvokeAsync();
