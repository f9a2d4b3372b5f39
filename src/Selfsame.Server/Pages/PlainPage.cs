using Selfsame.Server.Requests;

namespace Selfsame.Server.Pages;

/// <summary>A page that only says something.</summary>
internal sealed class PlainPage(RequestScope scope) : SelfsamePage(scope);
