//! From an [`ObjectKey`] to its text. [`super::parse`] is the inverse.

use std::fmt;

use super::{ObjectKey, Space, StateKey, StoreEnvironment, TokenHolder};

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(user) => write!(f, "users/{user}"),
            Self::Member(user, member) => write!(f, "users/{user}/family-members/{member}"),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genesis { user } => write!(f, "users/{user}/genesis.json"),
            Self::PublicKeys { user, generation, digest } => write!(f, "users/{user}/public-keys/{generation}.{digest}.blob"),
            Self::MasterKeys { user, generation, digest } => write!(f, "users/{user}/master-keys/{generation}.{digest}.blob"),
            Self::AccessGrant { user, grant } => write!(f, "users/{user}/access-grants/{grant}.blob"),
            Self::DeviceFile { user, device } => write!(f, "users/{user}/devices/{device}/device.blob"),
            Self::Segment { space, device, chain, seq, digest } => {
                write!(f, "{space}/devices/{device}/manifest/{chain}-{seq:016x}.{digest}.blob")
            }
            Self::Checkpoint { space, digest } => write!(f, "{space}/checkpoints/{digest}.blob"),
            Self::Doorbell { space } => write!(f, "{space}/sync-manifest.blob"),
            Self::Record { user, member, record, version, digest } => {
                write!(f, "users/{user}/family-members/{member}/records/{record}.v{version}.{digest}.blob")
            }
            Self::Attachment { user, member, hmac, digest } => {
                write!(f, "users/{user}/family-members/{member}/attachments/{hmac}/data.{digest}.blob")
            }
            Self::Pack { user, member, digest } => write!(f, "users/{user}/family-members/{member}/packs/{digest}.blob"),
            Self::State(state) => write!(f, "_tidegate/{state}"),
        }
    }
}

impl fmt::Display for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link { identity } => write!(f, "links/{identity}.json"),
            Self::LinkCandidate { identity, user } => write!(f, "links/{identity}/{user}.json"),
            Self::AccountKeys { user, generation } => write!(f, "accounts/{user}/{generation}.json"),
            Self::AccountEnvironment { user } => write!(f, "accounts/{user}/environment.json"),
            Self::AccountKeysCandidate { user, generation, digest } => write!(f, "accounts/{user}/{generation}/{digest}.json"),
            Self::AccountLink { user, identity } => write!(f, "accounts/{user}/links/{identity}.json"),
            Self::AccountSlot { user, invite, thumbprint } => {
                write!(f, "accounts/{user}/slots/{}/{thumbprint}.json", invite.as_hyphenated())
            }
            Self::AccountReset { user, identity } => write!(f, "accounts/{user}/resets/{identity}.json"),
            Self::AccountDeletion { user } => write!(f, "deletions/{user}.json"),
            Self::AccountGone { account } => write!(f, "gone/{account}.json"),
            Self::InviteSlot { invite, thumbprint } => {
                write!(f, "invites/{}/slots/{thumbprint}.json", invite.as_hyphenated())
            }
            Self::InviteRevoked { invite } => write!(f, "invites/{}/revoked.json", invite.as_hyphenated()),
            Self::DeviceRevoked { device } => write!(f, "revocations/devices/{device}.json"),
            Self::SessionsEnded { user, device: Some(device) } => write!(f, "revocations/sessions/{user}/{device}.json"),
            Self::SessionsEnded { user, device: None } => write!(f, "revocations/sessions/{user}/all.json"),
            Self::EndedLately { before, whose: TokenHolder::Device(device) } => {
                write!(f, "revocations/recent/{before}.device.{device}.json")
            }
            Self::EndedLately { before, whose: TokenHolder::User(user) } => {
                write!(f, "revocations/recent/{before}.user.{user}.json")
            }
            Self::IdentityRevoked { identity } => write!(f, "revocations/identities/{identity}.json"),
            Self::IdTokenUse { token, thumbprint } => write!(f, "id-tokens/{token}/{thumbprint}.json"),
            Self::Renewal { user, device } => write!(f, "renewals/{user}/{device}.json"),
            Self::Entitlement { subscription } => write!(f, "entitlements/{subscription}.json"),
            Self::Notification { id } => write!(f, "notifications/{}.json", id.as_hyphenated()),
            Self::Recovery { environment: StoreEnvironment::Production } => f.write_str("recoveries/production.json"),
            Self::Recovery { environment: StoreEnvironment::Sandbox } => f.write_str("recoveries/sandbox.json"),
            Self::StoreProfile => f.write_str("store-profile.json"),
            Self::Audit { user, day, id } => write!(f, "audit/{user}/{day}/{}.json", id.as_hyphenated()),
        }
    }
}
