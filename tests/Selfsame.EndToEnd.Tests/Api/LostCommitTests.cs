using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Selfsame.Databases;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Pages;
using Selfsame.Server.Requests;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>What callers are told when the database was lost while something was saved, and nothing could be re-read.</summary>
public sealed class LostCommitTests
{
    [Fact]
    public async Task A_program_is_told_that_it_is_not_known_and_what_to_do()
    {
        var http = Request("/api/v1/me");

        await new ErrorMiddleware(Lose, NullLogger<ErrorMiddleware>.Instance).InvokeAsync(http);

        http.Response.StatusCode.ShouldBe(StatusCodes.Status503ServiceUnavailable);
        http.Response.Headers.RetryAfter.ToString().ShouldBe("5");
        var problem = JsonSerializer.Deserialize<JsonElement>(Body(http));
        problem.GetProperty("type").GetString().ShouldBe("/problems/outcome-unknown");
        problem.GetProperty("detail").GetString().ShouldNotBeNull().ShouldContain("look whether it happened");
    }

    [Fact]
    public async Task A_person_is_told_to_look_before_doing_it_again()
    {
        var http = Request("/account/email");

        await new PageErrorMiddleware(Lose, NullLogger<PageErrorMiddleware>.Instance).InvokeAsync(http, new RequestScope());

        http.Response.StatusCode.ShouldBe(StatusCodes.Status503ServiceUnavailable);
        http.Response.Headers.RetryAfter.ToString().ShouldBe("5");
        Body(http).ShouldContain("not known whether your change was saved");
    }

    private static Task Lose(HttpContext http) => throw new CommitUnknownException("The connection was lost during COMMIT.");

    private static DefaultHttpContext Request(string path)
        => new() { Request = { Method = "PUT", Path = path }, Response = { Body = new MemoryStream() } };

    private static string Body(HttpContext http) => Encoding.UTF8.GetString(((MemoryStream)http.Response.Body).ToArray());
}
