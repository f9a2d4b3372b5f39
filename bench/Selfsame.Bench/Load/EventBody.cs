using System.Globalization;
using System.Text;
using Selfsame.Bench.Stores;

namespace Selfsame.Bench.Load;

/// <summary>
/// Bodies of webhooks: JSON lines, with what Auth0 says about each event. Only the numbers differ from one to the next, so that the clients spend their time on sending.
/// </summary>
internal static class EventBody
{
    /// <summary>How many events a body has.</summary>
    public const int Events = 100;

    private const int Digits = 12;
    private static readonly byte[] Template = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, Events).Select(number => Line(Id(number)))));

    // Where the numbers stand, and in which event: at the end of each id.
    private static readonly List<(int Offset, int Event)> Places = [.. Enumerable.Range(0, Events).SelectMany(PlacesOf)];

    /// <summary>The id of the event with this number.</summary>
    public static string Id(long number) => number.ToString("D50", CultureInfo.InvariantCulture);

    /// <summary>The body of the events from this number on.</summary>
    public static byte[] Of(long first)
    {
        var body = (byte[])Template.Clone();
        foreach (var (offset, number) in Places)
        {
            (first + number).TryFormat(body.AsSpan(offset, Digits), out _, "D12", CultureInfo.InvariantCulture);
        }

        return body;
    }

    private static IEnumerable<(int Offset, int Event)> PlacesOf(int number)
    {
        var line = Line(Id(0));
        var end = Id(0)[^24..];
        for (var at = line.IndexOf(end, StringComparison.Ordinal); at >= 0; at = line.IndexOf(end, at, StringComparison.Ordinal))
        {
            // To the last digit of this run of zeros.
            while (line[at] == '0')
            {
                at++;
            }

            yield return ((number * line.Length) + at - Digits, number);
        }
    }

    private static string Line(string id) =>
        $$$"""
        {"log_id":"{{{id}}}","data":{"date":"2026-11-25T12:00:00.000Z","type":"ss","connection":"Username-Password-Authentication","connection_id":"con_abcdefghijklmnop","client_id":"abcdefghijklmnopqrstuvwxyz012345","client_name":"Application","ip":"192.0.2.1","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0","user_id":"{{{RawEvents.Account(id)}}}","user_name":"{{{id}}}@example.com","strategy":"auth0","strategy_type":"database","log_id":"{{{id}}}"}}

        """;
}
