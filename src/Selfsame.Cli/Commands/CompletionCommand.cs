using System.CommandLine;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame completion SHELL</c>: the script by which a shell completes commands and options; it asks this executable.</summary>
internal static class CompletionCommand
{
    private const string Bash =
        """
        _selfsame() {
          local IFS=$'\n'
          COMPREPLY=($(compgen -W "$(selfsame "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _selfsame selfsame

        """;

    private const string Zsh =
        """
        #compdef selfsame
        _selfsame() {
          local -a found
          found=("${(@f)$(selfsame "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
          compadd -- $found
          _files
        }
        compdef _selfsame selfsame

        """;

    private const string Fish =
        """
        complete -c selfsame -a '(set -l line (commandline -cp); selfsame "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)'

        """;

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Prints the completion script of a shell. In bash: eval \"$(selfsame completion bash)\"") { shell };
        command.SetAction(parsed =>
        {
            Console.Write(parsed.GetRequiredValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish });
            return ExitCode.Clean;
        });
        return command;
    }
}
