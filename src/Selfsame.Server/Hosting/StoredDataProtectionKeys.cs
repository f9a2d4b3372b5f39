using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Store;
using Selfsame.Store.Operations;

namespace Selfsame.Server.Hosting;

/// <summary>Keeps ASP.NET Core's Data Protection keys in the store, so that several nodes read each other's cookies and forms.</summary>
internal sealed class StoredDataProtectionKeys(StoreContext context) : IXmlRepository
{
    // The interface is synchronous, and is called a few times in a server's life.
    public IReadOnlyCollection<XElement> GetAllElements()
        => context.Database.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT xml FROM data_protection_keys ORDER BY id"))
            .GetAwaiter().GetResult().ConvertAll(XElement.Parse);

    public void StoreElement(XElement element, string friendlyName)
        => context.Database.TransactAsync(transaction => transaction.ExecuteAsync(
            "INSERT INTO data_protection_keys (friendly_name, xml) VALUES (@friendlyName, @xml) ON CONFLICT DO NOTHING",
            new { friendlyName, xml = element.ToString(SaveOptions.DisableFormatting) })).GetAwaiter().GetResult();

    /// <summary>Protects those keys with the present secret that are still under the previous one; how many.</summary>
    public static Task<int> ProtectAgainAsync(StoreContext context, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var count = 0;
                foreach (var row in await transaction.QueryAsync<StoredKey>("SELECT id, xml FROM data_protection_keys ORDER BY id"))
                {
                    var document = XElement.Parse(row.Xml);
                    foreach (var element in document.Descendants(SecretXmlEncryptor.Element).ToList())
                    {
                        if (SecretChange.Again(
                            context.Secrets, SecretXmlEncryptor.Purpose, Convert.FromBase64String(element.Value), () => ServerLogMessages.DataProtectionKeyLeft(context.Logger, row.Id)) is { } again)
                        {
                            element.Value = Convert.ToBase64String(again);
                            count += await transaction.ExecuteAsync(
                                "UPDATE data_protection_keys SET xml = @xml WHERE id = @Id", new { row.Id, xml = document.ToString(SaveOptions.DisableFormatting) });
                        }
                    }
                }

                return count;
            },
            cancellation);

    private sealed record StoredKey
    {
        public long Id { get; init; }

        public string Xml { get; init; } = "";
    }
}

/// <summary>Encrypts those keys under the installation's secret.</summary>
internal sealed class SecretXmlEncryptor(SecretKeys secrets) : IXmlEncryptor
{
    public const string Purpose = "data-protection";

    /// <summary>The element that holds a protected key.</summary>
    public const string Element = "sealed";

    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        var sealedBytes = secrets.Protect(Purpose, plaintextElement.ToString(SaveOptions.DisableFormatting));
        return new EncryptedXmlInfo(new XElement(Element, Convert.ToBase64String(sealedBytes)), typeof(SecretXmlDecryptor));
    }
}

/// <summary>Made by Data Protection from the type's name beside the encrypted key.</summary>
internal sealed class SecretXmlDecryptor(IServiceProvider services) : IXmlDecryptor
{
    public XElement Decrypt(XElement encryptedElement)
        => XElement.Parse(services.GetRequiredService<StoreContext>().Secrets.Unprotect(
            SecretXmlEncryptor.Purpose, Convert.FromBase64String(encryptedElement.Value)));
}
