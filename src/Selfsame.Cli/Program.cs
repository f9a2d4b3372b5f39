using System.CommandLine;
using Selfsame.Cli.Commands;

var root = new RootCommand("Selfsame keeps one person to one account in every system that an application runs.")
{
    DemoCommand.Create(),
    InitCommand.Create(),
    ServeCommand.Create(),
    KeysCommand.Create(),
    UsersCommand.Create(),
    ServiceTokensCommand.Create(),
    AuditCommand.Create(),
    PlanCommand.Create(),
    ApplyCommand.Create(),
    UndoCommand.Create(),
    RunsCommand.Create(),
    DecideCommand.Create(),
    ShowCommand.Create(),
    DoctorCommand.Create(),
    WatchCommand.Create(),
    CompletionCommand.Create(),
};
return await CommandLine.RunAsync(root, args);
