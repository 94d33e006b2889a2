//! Names of stored objects: one enum for every key, checked by one parser.

mod account_folder;
mod digest;
mod format;
mod hex_digits;
mod ids;
mod list_prefix;
mod parse;
mod read_prefix;

pub use account_folder::AccountFolder;
pub use digest::{ContentHmac, Digest, Sha256};
pub use ids::{ChainId, DeviceId, GrantId, InvalidId, MemberId, RecordId, UserId};
pub use list_prefix::ListPrefix;
pub use parse::InvalidKey;
pub use read_prefix::ReadPrefix;

/// The longest key in bytes that Tidegate makes or accepts; S3 itself allows 1,024.
pub const MAX_KEY_BYTES: usize = 512;

/// Greatest integer in a key or document: 2^53 - 1, so that every JSON reader holds it exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A set of records with one key, one set of writers and one history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// The account's own space: its family members, its settings.
    Account(UserId),
    /// One family member's space, in the account that owns it.
    Member(UserId, MemberId),
}

impl Space {
    /// The account under whose prefix the space lies.
    #[must_use]
    pub const fn owner(&self) -> UserId {
        match self {
            Self::Account(user) | Self::Member(user, _) => *user,
        }
    }

    /// The family member, or `None` for the account space.
    #[must_use]
    pub const fn member(&self) -> Option<MemberId> {
        match self {
            Self::Account(_) => None,
            Self::Member(_, member) => Some(*member),
        }
    }
}

/// The name of every object that Tidegate stores. Formatting and parsing are inverse to each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// `users/{user}/genesis.json`: created once; its hash is the user id.
    Genesis {
        /// The account.
        user: UserId,
    },
    /// `users/{user}/public-keys/{n}.{digest}.blob`: the account's public keys of generation `n`.
    PublicKeys {
        /// The account.
        user: UserId,
        /// Generation of the account's keys.
        generation: u32,
        /// Digest of the stored bytes.
        digest: Digest,
    },
    /// `users/{user}/master-keys/{n}.{digest}.blob`: the wrapped master key of generation `n`.
    MasterKeys {
        /// The account.
        user: UserId,
        /// Generation of the account's keys.
        generation: u32,
        /// Digest of the stored bytes.
        digest: Digest,
    },
    /// `users/{user}/access-grants/{grant}.blob`: a space's key wrapped for one recipient.
    AccessGrant {
        /// The account that grants.
        user: UserId,
        /// UUIDv8 of the blob's hash.
        grant: GrantId,
    },
    /// `users/{user}/devices/{device}/device.blob`: a device's name (sealed), keys and certificate.
    DeviceFile {
        /// The account.
        user: UserId,
        /// The device.
        device: DeviceId,
    },
    /// `.../devices/{device}/manifest/{chain}-{seq}.{digest}.blob`: one sync's changes of one device.
    Segment {
        /// The space whose history it belongs to.
        space: Space,
        /// The device that wrote it.
        device: DeviceId,
        /// The chain of segments.
        chain: ChainId,
        /// The segment's number in its chain.
        seq: u64,
        /// Digest of the stored bytes.
        digest: Digest,
    },
    /// `.../checkpoints/{digest}.blob`: a whole state of a space.
    Checkpoint {
        /// The space.
        space: Space,
        /// Digest of the stored bytes.
        digest: Digest,
    },
    /// `.../sync-manifest.blob`: merged view and doorbell of a space; the account's own covers all its spaces.
    Doorbell {
        /// The space.
        space: Space,
    },
    /// `users/{user}/family-members/{fm}/records/{record}.v{version}.{digest}.blob`: one version of a record.
    Record {
        /// The account.
        user: UserId,
        /// The family member.
        member: MemberId,
        /// The record.
        record: RecordId,
        /// The version that this content belongs to.
        version: u64,
        /// Digest of the stored bytes.
        digest: Digest,
    },
    /// `users/{user}/family-members/{fm}/attachments/{hmac}/data.{digest}.blob`: an attachment's content.
    Attachment {
        /// The account.
        user: UserId,
        /// The family member.
        member: MemberId,
        /// HMAC of the plaintext, the attachment's identity.
        hmac: ContentHmac,
        /// Digest of the stored bytes.
        digest: Digest,
    },
    /// `users/{user}/family-members/{fm}/packs/{digest}.blob`: many small objects in one.
    Pack {
        /// The account.
        user: UserId,
        /// The family member.
        member: MemberId,
        /// Digest of the stored bytes.
        digest: Digest,
    },
    /// `_tidegate/...`: the broker's own state, never signed for anyone.
    State(StateKey),
}

/// The App Store's environments in which purchases are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreEnvironment {
    /// Real purchases.
    Production,
    /// TestFlight, App Review and test accounts.
    Sandbox,
}

/// Whose tokens have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenHolder {
    /// One device's.
    Device(DeviceId),
    /// Those of every device of an account.
    User(UserId),
}

/// The broker's own objects below `_tidegate/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKey {
    /// `_tidegate/links/{hmac}.json`: which account an outside identity opens.
    Link {
        /// HMAC of the outside identity under the server id key.
        identity: Sha256,
    },
    /// `_tidegate/links/{hmac}/{user}.json`: the same on stores without atomic create, where the first of these holds.
    LinkCandidate {
        /// HMAC of the outside identity under the server id key.
        identity: Sha256,
        /// The account that it may open.
        user: UserId,
    },
    /// `_tidegate/accounts/{user}/{n}.json`: statement that replaced the account's keys by generation `n`.
    AccountKeys {
        /// The account.
        user: UserId,
        /// Generation of the account's keys.
        generation: u32,
    },
    /// `_tidegate/accounts/{user}/environment.json`: the App Store's environment whose purchases open the account.
    AccountEnvironment {
        /// The account.
        user: UserId,
    },
    /// `_tidegate/accounts/{user}/{n}/{digest}.json`: the same on stores without atomic create, where the first of these holds.
    AccountKeysCandidate {
        /// The account.
        user: UserId,
        /// Generation of the account's keys.
        generation: u32,
        /// Digest of the statement.
        digest: Digest,
    },
    /// `_tidegate/accounts/{user}/links/{hmac}.json`: an identity whose link names the account, so that a deletion finds the link.
    AccountLink {
        /// The account.
        user: UserId,
        /// HMAC of the outside identity under the server id key.
        identity: Sha256,
    },
    /// `_tidegate/accounts/{user}/slots/{invite}/{thumbprint}.json`: an invite's slot that names the account, likewise.
    AccountSlot {
        /// The account.
        user: UserId,
        /// The invite.
        invite: uuid::Uuid,
        /// JWK thumbprint of the device's DPoP key (RFC 7638).
        thumbprint: Sha256,
    },
    /// `_tidegate/accounts/{user}/resets/{hmac}.json`: an identity that is to lead, or was led, from this account to another.
    AccountReset {
        /// The account that the identity led to before.
        user: UserId,
        /// HMAC of the outside identity under the server id key.
        identity: Sha256,
    },
    /// `_tidegate/deletions/{user}.json`: the account is being deleted.
    AccountDeletion {
        /// The account.
        user: UserId,
    },
    /// `_tidegate/gone/{hmac}.json`: an account was deleted and does not come back.
    AccountGone {
        /// HMAC of the account's id under the server id key.
        account: Sha256,
    },
    /// `_tidegate/invites/{invite}/slots/{thumbprint}.json`: a device slot taken by the key with this thumbprint.
    InviteSlot {
        /// The invite.
        invite: uuid::Uuid,
        /// JWK thumbprint of the device's DPoP key (RFC 7638).
        thumbprint: Sha256,
    },
    /// `_tidegate/invites/{invite}/revoked.json`: the invite opens nothing any more.
    InviteRevoked {
        /// The invite.
        invite: uuid::Uuid,
    },
    /// `_tidegate/revocations/devices/{device}.json`: the device opens no session any more.
    DeviceRevoked {
        /// The device.
        device: DeviceId,
    },
    /// `_tidegate/revocations/sessions/{user}/{device}.json`, or `all.json` for every device: sessions opened before a time have ended.
    SessionsEnded {
        /// The account.
        user: UserId,
        /// The device; `None` for all of the account's.
        device: Option<DeviceId>,
    },
    /// `_tidegate/revocations/recent/{before}.device.{device}.json` or `{before}.user.{user}.json`: access tokens issued before a time
    /// have ended. Its name says everything, so that one LIST tells all; it goes once such tokens have ended by themselves.
    EndedLately {
        /// Seconds since 1970-01-01 UTC: tokens issued earlier have ended.
        before: u64,
        /// Whose.
        whose: TokenHolder,
    },
    /// `_tidegate/revocations/identities/{hmac}.json`: the outside identity opens nothing any more.
    IdentityRevoked {
        /// HMAC of the outside identity under the server id key.
        identity: Sha256,
    },
    /// `_tidegate/id-tokens/{sha256}/{thumbprint}.json`: the key with this thumbprint has presented an ID token that names no key.
    IdTokenUse {
        /// SHA-256 of what the token's issuer signed.
        token: Sha256,
        /// JWK thumbprint of the device's DPoP key (RFC 7638).
        thumbprint: Sha256,
    },
    /// `_tidegate/renewals/{user}/{device}.json`: which renewal token of a device is current.
    Renewal {
        /// The account.
        user: UserId,
        /// The device.
        device: DeviceId,
    },
    /// `_tidegate/entitlements/{hmac}.json`: what the App Store signed about a subscription, folded into one document.
    Entitlement {
        /// HMAC of the subscription under the server id key.
        subscription: Sha256,
    },
    /// `_tidegate/notifications/{id}.json`: the App Store's notification of this `notificationUUID` was heard and counts.
    Notification {
        /// Apple's `notificationUUID`.
        id: uuid::Uuid,
    },
    /// `_tidegate/recoveries/{environment}.json`: how far the App Store's history of notifications was walked.
    Recovery {
        /// Which of the App Store's environments.
        environment: StoreEnvironment,
    },
    /// `_tidegate/store-profile.json`: what a probe found out about the store.
    StoreProfile,
    /// `_tidegate/audit/{user}/{day}/{id}.json`: what was deleted for whom; `day` is days since 1970-01-01.
    Audit {
        /// The account.
        user: UserId,
        /// Days since 1970-01-01 UTC.
        day: u32,
        /// The event.
        id: uuid::Uuid,
    },
}

impl ObjectKey {
    /// The account under whose prefix the object lies; `None` for the broker's own state.
    #[must_use]
    pub const fn owner(&self) -> Option<UserId> {
        match self {
            Self::Genesis { user }
            | Self::PublicKeys { user, .. }
            | Self::MasterKeys { user, .. }
            | Self::AccessGrant { user, .. }
            | Self::DeviceFile { user, .. }
            | Self::Record { user, .. }
            | Self::Attachment { user, .. }
            | Self::Pack { user, .. } => Some(*user),
            Self::Segment { space, .. } | Self::Checkpoint { space, .. } | Self::Doorbell { space } => Some(space.owner()),
            Self::State(_) => None,
        }
    }

    /// The space of which the object holds contents: that of a record, an attachment or a pack; `None` for any other key.
    #[must_use]
    pub const fn content_space(&self) -> Option<Space> {
        match self {
            Self::Record { user, member, .. } | Self::Attachment { user, member, .. } | Self::Pack { user, member, .. } => {
                Some(Space::Member(*user, *member))
            }
            Self::Genesis { .. }
            | Self::PublicKeys { .. }
            | Self::MasterKeys { .. }
            | Self::AccessGrant { .. }
            | Self::DeviceFile { .. }
            | Self::Segment { .. }
            | Self::Checkpoint { .. }
            | Self::Doorbell { .. }
            | Self::State(_) => None,
        }
    }

    /// The digest that the key carries, if it is self-certifying: the stored bytes must hash to it.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::PublicKeys { digest, .. }
            | Self::MasterKeys { digest, .. }
            | Self::Segment { digest, .. }
            | Self::Checkpoint { digest, .. }
            | Self::Record { digest, .. }
            | Self::Attachment { digest, .. }
            | Self::Pack { digest, .. } => Some(*digest),
            Self::Genesis { .. }
            | Self::AccessGrant { .. }
            | Self::DeviceFile { .. }
            | Self::Doorbell { .. }
            | Self::State(_) => None,
        }
    }
}
