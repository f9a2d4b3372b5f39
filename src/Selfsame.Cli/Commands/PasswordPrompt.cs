using System.Text;

namespace Selfsame.Cli.Commands;

/// <summary>Reads a password without showing it; from a pipe, the first line. Never an argument: other users see those.</summary>
internal static class PasswordPrompt
{
    public static async Task<string?> ReadAsync(CancellationToken cancellation)
    {
        if (Console.IsInputRedirected)
        {
            var line = await Console.In.ReadLineAsync(cancellation);
            return string.IsNullOrEmpty(line) ? null : line;
        }

        await Console.Error.WriteAsync("Password: ");
        var typed = new StringBuilder();
        while (Console.ReadKey(intercept: true) is var key && key.Key != ConsoleKey.Enter)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                typed.Length = Math.Max(0, typed.Length - 1);
            }
            else if (key.KeyChar != '\0')
            {
                typed.Append(key.KeyChar);
            }
        }

        await Console.Error.WriteLineAsync();
        return typed.Length == 0 ? null : typed.ToString();
    }
}
