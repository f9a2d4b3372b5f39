using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Store;

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
}

/// <summary>Encrypts those keys under the installation's secret.</summary>
internal sealed class SecretXmlEncryptor(SecretKeys secrets) : IXmlEncryptor
{
    public const string Purpose = "data-protection";

    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        var sealedBytes = secrets.Protect(Purpose, plaintextElement.ToString(SaveOptions.DisableFormatting));
        return new EncryptedXmlInfo(new XElement("sealed", Convert.ToBase64String(sealedBytes)), typeof(SecretXmlDecryptor));
    }
}

/// <summary>Made by Data Protection from the type's name beside the encrypted key.</summary>
internal sealed class SecretXmlDecryptor(IServiceProvider services) : IXmlDecryptor
{
    public XElement Decrypt(XElement encryptedElement)
        => XElement.Parse(services.GetRequiredService<StoreContext>().Secrets.Unprotect(
            SecretXmlEncryptor.Purpose, Convert.FromBase64String(encryptedElement.Value)));
}
