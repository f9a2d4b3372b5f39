namespace Selfsame.Contract.Tests.Store;

/// <summary>The databases on which every suite of the store runs.</summary>
public enum Backend
{
    SqliteFile,
    SqliteMemory,
    PostgreSql,
}
