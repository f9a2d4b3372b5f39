namespace Selfsame.Store;

/// <summary>Whether a tenant tells a stranger that an e-mail address is registered.</summary>
public enum Disclosure
{
    /// <summary>A taken e-mail is named, as a taken username is.</summary>
    Reveal,

    /// <summary>Free and taken e-mails get the same answer; the owner gets a mail.</summary>
    Hide,
}

/// <summary>What a tenant does with a key that is near, not equal, to another user's.</summary>
public enum LookalikePolicy
{
    Off,

    /// <summary>The user is made; administrators see the likeness.</summary>
    Flag,

    /// <summary>The key is as unique as the identifier itself.</summary>
    Refuse,
}

/// <summary>At most <paramref name="Count"/> per subject within <paramref name="Window"/>; a count of 0 means no limit.</summary>
public sealed record RateLimit(string Name, int Count, TimeSpan Window);

/// <summary>One tenant's settings; the defaults are what an installation without a config gets.</summary>
public sealed record TenantSettings
{
    public required string Name { get; init; }

    public string DefaultLocale { get; init; } = "en";

    public string DefaultRole { get; init; } = "observer";

    public Disclosure Disclosure { get; init; } = Disclosure.Reveal;

    /// <summary>Usernames that look alike (UTS #39 skeleton).</summary>
    public LookalikePolicy Lookalikes { get; init; } = LookalikePolicy.Flag;

    /// <summary>Addresses that reach one mailbox (dots, +tag, googlemail).</summary>
    public LookalikePolicy Mailboxes { get; init; } = LookalikePolicy.Flag;

    public string UserCodePrefix { get; init; } = "ac";

    /// <summary>Consonant-vowel syllables in a new user code; grows by itself when the year's space fills up.</summary>
    public int UserCodeSyllables { get; init; } = 3;

    public RateLimit SignUpLimit { get; init; } = new("sign-up", 5, TimeSpan.FromSeconds(3600));

    /// <summary>Sign-ups tried, refused ones too: each costs a password hash.</summary>
    public RateLimit SignUpAttemptLimit { get; init; } = new("sign-up-attempts", 60, TimeSpan.FromSeconds(600));

    public RateLimit SignInLimit { get; init; } = new("sign-in", 100, TimeSpan.FromSeconds(600));

    public RateLimit PasswordResetLimit { get; init; } = new("password-reset", 10, TimeSpan.FromSeconds(3600));

    /// <summary>Changes of a handle that one user may ask a PDS for: each is an operation in a directory that takes so many.</summary>
    public RateLimit HandleChangeLimit { get; init; } = new("handle-changes", 10, TimeSpan.FromSeconds(3600));

    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromDays(30);

    public TimeSpan VerificationLifetime { get; init; } = TimeSpan.FromDays(3);

    public TimeSpan PasswordResetLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long somebody who moved in without a password can choose one by the link that was mailed.</summary>
    public TimeSpan InvitationLifetime { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long the old address can take an e-mail change back.</summary>
    public TimeSpan EmailRevertLifetime { get; init; } = TimeSpan.FromDays(14);

    /// <summary>How long a deleted user's identifiers stay reserved and the user can be restored.</summary>
    public TimeSpan DeletionGracePeriod { get; init; } = TimeSpan.FromDays(30);

    /// <summary>What the config calls the system that these users are: the source of their provisioning rows.</summary>
    public string UserSystem { get; init; } = "users";

    /// <summary>Connected systems into which each new user is provisioned.</summary>
    public IReadOnlyList<string> ProvisionTo { get; init; } = [];

    /// <summary>Those of them in which the accounts of purged users are deleted.</summary>
    public IReadOnlyList<string> DeletePurgedIn { get; init; } = [];
}
