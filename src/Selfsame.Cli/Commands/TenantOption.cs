using System.CommandLine;
using Selfsame.Store;

namespace Selfsame.Cli.Commands;

/// <summary><c>--tenant</c> of the commands that work on one tenant's users or tokens.</summary>
internal sealed class TenantOption : Option<string>
{
    public TenantOption()
        : base("--tenant")
    {
        Description = "The tenant.";
        DefaultValueFactory = _ => "main";
    }

    /// <summary>The tenant that was asked for; a mistyped one is an error rather than a tenant in which nobody is.</summary>
    public string Read(StoreContext context, ParseResult parsed)
        => parsed.GetValue(this) is { } tenant && context.Tenants.ContainsKey(tenant)
            ? tenant
            : throw new InvalidOperationException($"there is no such tenant. The config names: {string.Join(", ", context.Tenants.Keys)}.");
}
