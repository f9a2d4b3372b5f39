using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

/// <summary>A database of locale C, as initdb makes where LANG is unset: its <c>lower</c> knows ASCII only.</summary>
[Trait("needs", "postgresql")]
public sealed class SearchInLocaleCTests
{
    [Theory]
    [InlineData("Ærlig")]
    [InlineData("ærlig")]
    [InlineData("ÆRLIG")]
    [InlineData("ælig")]
    [InlineData("ÅSTR")]
    [InlineData("åström")]
    [InlineData("Øst")]
    [InlineData("øST")]
    [InlineData("ÄRLIG@EXAMPLE")]
    [InlineData("Æ\uFF32LIG")]
    public async Task Names_and_addresses_are_found_in_any_case(string search)
    {
        await using var store = await TestStore.CreateAsync(
            Backend.PostgreSql, new TestStoreOptions { DatabaseOptions = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'" });
        (await store.QueryAsync<string>("SELECT lower('Æ')")).ShouldBe(["Æ"], "the database folds by itself");
        var form = TestStore.Form("Ærlig", "Ärlig@example.org") with { FirstName = "Ælig", LastName = "Åström-Østergård" };
        await store.CreateAsync(TestStore.Request(form));
        await store.CreateAsync("other", "other@example.org");

        var page = await new UserReader(store.Context).ListAsync(new UserQuery { Tenant = TestStore.Tenant, Search = search }, TestStore.Cancellation);

        page.Users.ShouldHaveSingleItem().Username.ShouldBe("Ærlig");
    }
}
