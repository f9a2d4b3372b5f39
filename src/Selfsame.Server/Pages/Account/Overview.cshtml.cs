using Selfsame.Server.Requests;

namespace Selfsame.Server.Pages.Account;

/// <summary>What the service holds about the signed-in user.</summary>
[SignedInOnly]
internal sealed class OverviewPage(RequestScope scope) : SelfsamePage(scope);
