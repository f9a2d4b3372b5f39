using Selfsame.Contract.Tests.Store;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Contract.Tests.Inspection;

/// <summary>What <c>doctor</c> says of one system: each thing by itself, whatever fails beside it.</summary>
public sealed class SystemExaminationTests
{
    [Theory]
    [InlineData("reachable")]
    [InlineData("permissions")]
    [InlineData("indexes")]
    [InlineData("leftovers")]
    [InlineData("user codes")]
    [InlineData(null)]
    public async Task What_can_not_be_told_says_so_and_everything_else_is_looked_at(string? failing)
    {
        await using var store = await TestStore.CreateAsync(Backend.SqliteMemory);
        await using var system = new HalfSystem(failing);
        var config = new SystemConfig
        {
            Name = "app",
            Connector = "half",
            Settings = new Dictionary<string, string>(),
            Mapping = system.Mapping,
            Unique = [IdentifierKind.Username],
            UserCode = new UserCodeConfig("code", "ac"),
        };
        var topology = new Topology { Systems = new Dictionary<string, SystemConfig> { ["app"] = config }, Rules = [], Tenants = new Dictionary<string, TenantConfig>(), Fingerprint = "" };

        var found = await new SystemExaminations(store.Context, topology).ExamineAsync(config, system, TestStore.Cancellation);

        found.Select(examination => examination.Name).ShouldBeUnique();
        string[] expected = failing is null ? [] : [failing];
        found.Where(examination => examination.Answer == ProbeAnswer.No).Select(examination => examination.Name).ShouldBe(expected);
        found.Where(examination => examination.Answer == ProbeAnswer.No).ShouldAllBe(examination => examination.Detail.Contains(HalfSystem.Problem) && examination.WhatToDo.Length > 0);
        found.Any(examination => examination.Fatal).ShouldBe(failing == "reachable");
        if (failing != "reachable")
        {
            found.Count.ShouldBe(5);
        }
    }

    /// <summary>A system of which one thing can't be told.</summary>
    private sealed class HalfSystem(string? failing) : IProbesPermissions, IInspectsIndexes, IFindsLeftovers, IMakesUserCodes
    {
        public const string Problem = "The directory is down.";

        public AccountMapping Mapping { get; } = new() { Id = ["id"], Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "login" } };

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
            => Tell("reachable", new SystemFacts { TakesChosenId = true, AtomicPreconditions = true });

        public Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
            => Tell<IReadOnlyList<PermissionProbe>>("permissions", [new PermissionProbe("read accounts", ProbeAnswer.Yes)]);

        public Task<IReadOnlyList<SystemIndex>> ReadIndexesAsync(CancellationToken cancellation)
            => Tell<IReadOnlyList<SystemIndex>>("indexes", [new SystemIndex { Name = "login_1", Fields = ["login"], Unique = true, Definition = "" }]);

        public Task<IReadOnlyList<Leftover>?> FindLeftoversAsync(CancellationToken cancellation) => Tell<IReadOnlyList<Leftover>?>("leftovers", []);

        public Task<UserCodeTrial?> TryUserCodeAsync(CancellationToken cancellation) => Tell<UserCodeTrial?>("user codes", new UserCodeTrial("ac26baba", "code_1"));

        private Task<T> Tell<T>(string what, T answer)
            => what == failing ? Task.FromException<T>(new SystemUnavailableException(Problem)) : Task.FromResult(answer);
    }
}
