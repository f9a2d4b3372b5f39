using Selfsame.Core.Accounts;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Cli.Views;

/// <summary>Shows what a doctor saw; for programs JSON with a list of <c>examinations</c>.</summary>
internal static class DoctorView
{
    public static void Write(IReadOnlyList<Examination> found, bool json)
    {
        if (json)
        {
            Terminal.WriteJson(new { Examinations = found });
            return;
        }

        foreach (var area in found.GroupBy(examination => examination.Area))
        {
            Terminal.Line($"[bold]{Terminal.Text(area.Key)}[/]");
            foreach (var examination in area)
            {
                var answer = examination.Answer switch
                {
                    ProbeAnswer.Yes => "[green]yes[/]    ",
                    ProbeAnswer.No => "[red]no[/]     ",
                    _ => "[yellow]unknown[/]",
                };
                Terminal.Line($"  {answer}  {Terminal.Text(examination.Name)}{(examination.Detail.Length > 0 ? ": " : "")}{Terminal.Text(examination.Detail)}");
                if (examination.WhatToDo.Length > 0)
                {
                    Terminal.Line($"           → {Terminal.Text(examination.WhatToDo)}");
                }
            }
        }
    }
}
