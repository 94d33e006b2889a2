//! What a token may touch.
//!
//! In a token the scopes stand as one string, separated by spaces (RFC 6749, section 3.3): exactly one account scope first, then
//! one entry for each space shared with the caller, for example `full share:{owner}/{member}:read`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::key::{DeviceId, InvalidId, MemberId, UserId};

/// How far a caller may go in its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AccountScope {
    /// First device, before the account is linked: PUT of one's own genesis, public-keys and master-keys.
    Create,
    /// New device without the account key: GET of genesis, public-keys and master-keys, so that the recovery code can open them.
    Bootstrap,
    /// The account key has been proven: everything the policy grants an owner.
    Full,
}

/// What a grant lets its recipient do in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// GET and LIST.
    Read,
    /// Also PUT of records, attachments, packs, own segments and the space's doorbell.
    ReadWrite,
}

/// A space of another account that was shared with the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share {
    /// The account that owns the space.
    pub owner: UserId,
    /// The family member whose space it is.
    pub member: MemberId,
    /// What the grant allows.
    pub permission: Permission,
}

/// Who is asking and what for: the content of a verified access token, as far as objects are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes {
    /// The caller's account.
    pub user: UserId,
    /// The caller's device.
    pub device: DeviceId,
    /// How far it may go in its own account.
    pub account: AccountScope,
    /// Spaces shared with it.
    pub shares: Vec<Share>,
}

/// A scope string that is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// It does not begin with `create`, `bootstrap` or `full`.
    #[error("a scope begins with create, bootstrap or full")]
    Account,
    /// An entry that is not `share:{owner}/{member}:{permission}`.
    #[error("a scope entry is not share:{{owner}}/{{member}}:{{read or read-write}}")]
    Share,
    /// An id in an entry is malformed.
    #[error("a scope entry holds a malformed id")]
    Id(#[from] InvalidId),
}

/// The text of a token's `scope` claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeClaim {
    /// How far the caller may go in its own account.
    pub account: AccountScope,
    /// Spaces shared with it.
    pub shares: Vec<Share>,
}

impl AccountScope {
    /// The name in a token.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Bootstrap => "bootstrap",
            Self::Full => "full",
        }
    }
}

impl Permission {
    /// The name in a token.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
        }
    }
}

impl fmt::Display for ScopeClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.account.as_str())?;
        for Share { owner, member, permission } in &self.shares {
            write!(f, " share:{owner}/{member}:{}", permission.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for ScopeClaim {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let mut entries = text.split(' ');
        let account = match entries.next() {
            Some("create") => AccountScope::Create,
            Some("bootstrap") => AccountScope::Bootstrap,
            Some("full") => AccountScope::Full,
            Some(_) | None => return Err(InvalidScope::Account),
        };
        let shares = entries.map(parse_share).collect::<Result<_, _>>()?;
        Ok(Self { account, shares })
    }
}

fn parse_share(entry: &str) -> Result<Share, InvalidScope> {
    let (space, permission) = entry.strip_prefix("share:").and_then(|rest| rest.split_once(':')).ok_or(InvalidScope::Share)?;
    let (owner, member) = space.split_once('/').ok_or(InvalidScope::Share)?;
    let permission = match permission {
        "read" => Permission::Read,
        "read-write" => Permission::ReadWrite,
        _ => return Err(InvalidScope::Share),
    };
    Ok(Share { owner: owner.parse()?, member: member.parse()?, permission })
}
