using System.Text;
using Selfsame.Connectors.Auth0;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.Auth0;

/// <summary>The bodies of log streams, whole and broken.</summary>
public sealed class Auth0EventTests
{
    private const string SignUp = """{"log_id":"1","data":{"date":"2026-11-25T12:00:00.123Z","type":"ss","user_id":"auth0|a","log_id":"1","details":{"x":[1]}}}""";
    private const string Verified = """{"log_id":"2","data":{"date":"2026-11-25T12:01:00Z","type":"sv","user_id":"auth0|a"}}""";

    [Theory]
    [InlineData(SignUp + "\n" + Verified)]
    [InlineData(SignUp + "\r\n" + Verified + "\n\n")]
    [InlineData("[" + SignUp + "," + Verified + "]")]
    [InlineData("[" + SignUp + "]\n[" + Verified + "]")]
    public void Lines_an_array_and_objects_are_the_same_events(string body)
    {
        var events = Read(body).ShouldBeOfType<ReadEvents>().Events;

        events.Select(one => (one.Id, one.Type, Account: one.Account!.ToString(), one.ProvesEmail)).ShouldBe([("1", "ss", "auth0|a", false), ("2", "sv", "auth0|a", true)]);
        events[0].Occurred.ShouldBe(new DateTimeOffset(2026, 11, 25, 12, 0, 0, 123, TimeSpan.Zero));
    }

    [Fact]
    public void An_event_about_nobody_and_one_of_an_unknown_type_are_events()
        => Read("""{"log_id":"1","data":{"type":"brand_new","user_id":""}} {"log_id":"2","data":{}}""").ShouldBeOfType<ReadEvents>().Events
            .Select(one => (one.Type, one.Account)).ShouldBe([("brand_new", null), ("", null)]);

    [Theory]
    [InlineData("", "no event")]
    [InlineData("[]", "no event")]
    [InlineData("hello", "not JSON after 0 whole events, at line 1")]
    [InlineData(SignUp + "\n{\"log_id\":\"2\",\"da", "not JSON after 1 whole events")]
    [InlineData("[" + SignUp, "not JSON")]
    [InlineData("[1]", "Event 1 of the body is no object")]
    [InlineData(SignUp + "\n{\"data\":{\"type\":\"ss\"}}", "Event 2 of the body has no 'log_id'")]
    [InlineData("{\"log_id\":7,\"data\":{}}", "has no 'log_id' that is text")]
    [InlineData("{\"log_id\":\"1\",\"data\":[]}", "'data' that is no object")]
    [InlineData("{\"log_id\":\"1\",\"data\":{\"type\":5}}", "'type' that is not text")]
    [InlineData("{\"log_id\":\"1\",\"data\":{\"user_id\":{}}}", "'user_id' that is not text")]
    [InlineData("{\"log_id\":\"a\\u0000b\",\"data\":{}}", "control characters")]
    [InlineData("{\"log_id\":\"\\ud800\",\"data\":{}}", "half of a surrogate pair")]
    public void What_is_wrong_with_a_body_is_named_and_nothing_of_it_counts(string body, string problem)
        => Read(body).ShouldBeOfType<UnreadableEvents>().Problem.ShouldContain(problem);

    private static EventReading Read(string body) => Auth0Events.ReadBody(Encoding.UTF8.GetBytes(body));
}
