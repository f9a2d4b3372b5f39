namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>Values that have broken services before, as JSON text.</summary>
internal static class NastyValues
{
    public static IReadOnlyList<string> Json { get; } =
    [
        "null", "true", "false", "0", "-1", "1.5", "1e400", "123456789012345678901234567890", "-0", "{}", "[]", "[null]", "[[]]", "{\"a\":{}}", "[1,\"a\",true]",
        "\"\"", "\" \"", "\"\\t\"", "\"\\n\\r\"", "\"\\u0000\"", "\"a\\u0000b\"", "\"\\u0007\"", "\"\\u007f\"", "\"\\u0085\"", "\"\\u2028\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud83d\"", "\"\\ude00\\ud83d\"", "\"\\ud83d\\ude00\"", "\"\\uffff\"", "\"\\ufffe\"", "\"\\ufeff\"", "\"\\u0378\"",
        "\"\\u202eabc\"", "\"\\u2066abc\\u2069\"", "\"abc\\u05d0\"", "\"\\u05d0abc\"", "\"\\u0627\\u0661\"", "\"\\u200b\"", "\"a\\u200db\"", "\"\\u00ad\"",
        "\"\\u0130\"", "\"\\u0131\"", "\"\\u00df\"", "\"\\u1e9e\"", "\"\\u03c2\"", "\"\\ufb01\"", "\"x\\u00b2\"", "\"\\u212b\"", "\"A\\u030a\"", "\"\\u0345\"",
        "\"\\uff21\\uff20\\uff22\"", "\"\\u0440\\u0430ypal\"", "\"\\uac00\\u11a8\"", "\"\\u0f71\\u0f72\"", "\"\\u1d15f\"",
        "\"a@b\"", "\"@\"", "\"a@\"", "\"@b.example\"", "\"a@b@c.example\"", "\"a@[127.0.0.1]\"", "\"a@127.0.0.1\"", "\"a@xn--\"", "\"a@xn--a.example\"", "\"a@-b.example\"",
        "\"a@b..example\"", "\".a@b.example\"", "\"a..b@b.example\"", "\"\\\"a b\\\"@b.example\"", "\"a@b.example.\"", "\"a@\\u2024.example\"", "\"a@b\\u3002example\"",
        "\"a@example.com, b@example.com\"", "\"A <a@example.com>\"", "\"a@example.com\\r\\nBcc: b@example.com\"",
        "\"'; DROP TABLE users; --\"", "\"%\"", "\"_\"", "\"\\\\\"", "\"%00\"", "\"../../etc/passwd\"", "\"<script>alert(1)</script>\"", "\"{{7*7}}\"", "\"${jndi:x}\"",
        "\"admin\"", "\"null\"", "\"undefined\"", "\"NaN\"", "\"+0000000\"", "\"+99999999999999999\"", "\"0064 21 123 4567\"", "\"(0)\"", "\"\\u0661\\u0662\"",
        "\"password\"", "\"12345678\"", "\"aaaaaaaa\"", "\"en\"", "\"en_nz\"", "\"-\"", "\"a-\"", "\"ac26xadeh\"",
    ];

    /// <summary>Texts around a limit, in one-byte, two-byte and four-byte characters and in combining marks.</summary>
    public static IEnumerable<string> Around(int limit)
        => from length in new[] { limit - 1, limit, limit + 1, limit * 2, 4096, 20_000 }
           from unit in new[] { "a", "é", "😀", "e\u0301", "\u0301" }
           where length > 0 && length * unit.Length <= 20_000
           select string.Concat(Enumerable.Repeat(unit, length));

    public static IReadOnlyList<string> PathSegments { get; } =
    [
        "1", "0", "-1", "current", "me", "null", "not-a-uuid", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "%7B6b9f8a3e-8c5e-4f0e-9d58-0c8a6c1d2e3f%7D", "6B9F8A3E8C5E4F0E9D580C8A6C1D2E3F", "%20", "%2e%2e%2f", "%F0%9F%92%A9", "%C3%A9", "a%3Fb", "a%23b", "%25", "*",
        "1%20OR%201=1", "%3Cscript%3E", new('a', 2000),
    ];

    public static IReadOnlyList<string> QueryValues { get; } =
    [
        "", "0", "1", "-1", "2", "1.5", "1e3", "99999999999999999999", "%00", "true", "TRUE", "yes", "%F0%9F%92%A9", "%ED%A0%80", "%25", "_", "%5C", "%27", "a%26b", "%20",
        "%E2%80%AE", new('a', 300), new('a', 3000),
    ];

    public static IReadOnlyList<string> ContentTypes { get; } =
    [
        "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/json; charset=latin1",
        "application/json; a=b", "nonsense", "application/json, text/plain", "*/*", "",
    ];

    public static IReadOnlyList<(string Name, string Value)> Headers { get; } =
    [
        ("Authorization", ""), ("Authorization", "Bearer"), ("Authorization", "Bearer "), ("Authorization", "Basic YTpi"), ("Authorization", "Bearer sst_"),
        ("Authorization", "bearer \u00e9"), ("Authorization", "Bearer " + new string('x', 8000)), ("Cookie", "selfsame_session=guess"), ("Cookie", "selfsame_session=" + new string('x', 300)),
        ("Cookie", "=;;=,"), ("Cookie", "selfsame_browser=" + new string('b', 43)), ("If-Match", "*"), ("If-Match", "\"1\""), ("If-Match", "W/\"1\""), ("If-Match", "1"), ("If-Match", ""),
        ("If-Match", "\"1\", \"2\""), ("If-Match", "*, \"1\""), ("If-Match", "\"99999999999999999999999\""), ("If-Match", "\"\""), ("Idempotency-Key", ""), ("Idempotency-Key", "a b"),
        ("Idempotency-Key", new string('k', 255)), ("Idempotency-Key", new string('k', 256)), ("Idempotency-Key", "\u00e9"), ("Idempotency-Key", "shared"), ("Accept", "text/html"),
        ("Accept", "nonsense"), ("Accept-Encoding", "br;q=2"), ("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"), ("User-Agent", new string('u', 299) + "😀😀"),
        ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "evil.example"), ("X-HTTP-Method-Override", "DELETE"), ("Content-Encoding", "gzip"), ("Content-Encoding", "identity"),
        ("Range", "bytes=0-"), ("X-Correlation-Id", "<b>"), ("Host", "evil.example"), ("Expect", "100-continue"),
    ];
}
