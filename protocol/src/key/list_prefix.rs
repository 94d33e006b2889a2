//! The prefixes for which a LIST may be signed: exact folders, always ending in `/`.

use std::fmt;
use std::str::FromStr;

use super::parse::check_alphabet;
use super::{InvalidKey, MemberId, Space, UserId};

/// A folder whose listing may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListPrefix {
    /// `users/{user}/public-keys/`
    PublicKeys(UserId),
    /// `users/{user}/master-keys/`
    MasterKeys(UserId),
    /// `users/{user}/access-grants/`
    AccessGrants(UserId),
    /// `users/{user}/family-members/`
    FamilyMembers(UserId),
    /// `{space}/devices/`
    Devices(Space),
    /// `{space}/checkpoints/`
    Checkpoints(Space),
    /// `users/{user}/family-members/{fm}/records/`
    Records(UserId, MemberId),
    /// `users/{user}/family-members/{fm}/attachments/`
    Attachments(UserId, MemberId),
    /// `users/{user}/family-members/{fm}/packs/`
    Packs(UserId, MemberId),
}

impl ListPrefix {
    /// The account under whose prefix the folder lies.
    #[must_use]
    pub const fn owner(&self) -> UserId {
        match self {
            Self::PublicKeys(user)
            | Self::MasterKeys(user)
            | Self::AccessGrants(user)
            | Self::FamilyMembers(user)
            | Self::Records(user, _)
            | Self::Attachments(user, _)
            | Self::Packs(user, _) => *user,
            Self::Devices(space) | Self::Checkpoints(space) => space.owner(),
        }
    }
}

impl fmt::Display for ListPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicKeys(user) => write!(f, "users/{user}/public-keys/"),
            Self::MasterKeys(user) => write!(f, "users/{user}/master-keys/"),
            Self::AccessGrants(user) => write!(f, "users/{user}/access-grants/"),
            Self::FamilyMembers(user) => write!(f, "users/{user}/family-members/"),
            Self::Devices(space) => write!(f, "{space}/devices/"),
            Self::Checkpoints(space) => write!(f, "{space}/checkpoints/"),
            Self::Records(user, member) => write!(f, "{}/records/", Space::Member(*user, *member)),
            Self::Attachments(user, member) => write!(f, "{}/attachments/", Space::Member(*user, *member)),
            Self::Packs(user, member) => write!(f, "{}/packs/", Space::Member(*user, *member)),
        }
    }
}

impl FromStr for ListPrefix {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        check_alphabet(text)?;
        let folder = text.strip_suffix('/').ok_or(InvalidKey::Layout)?;
        let segments: Vec<&str> = folder.split('/').collect();
        match segments.as_slice() {
            ["users", user, "public-keys"] => Ok(Self::PublicKeys(user.parse()?)),
            ["users", user, "master-keys"] => Ok(Self::MasterKeys(user.parse()?)),
            ["users", user, "access-grants"] => Ok(Self::AccessGrants(user.parse()?)),
            ["users", user, "family-members"] => Ok(Self::FamilyMembers(user.parse()?)),
            ["users", user, "devices"] => Ok(Self::Devices(Space::Account(user.parse()?))),
            ["users", user, "checkpoints"] => Ok(Self::Checkpoints(Space::Account(user.parse()?))),
            ["users", user, "family-members", member, folder] => {
                let (user, member) = (user.parse()?, member.parse()?);
                match *folder {
                    "devices" => Ok(Self::Devices(Space::Member(user, member))),
                    "checkpoints" => Ok(Self::Checkpoints(Space::Member(user, member))),
                    "records" => Ok(Self::Records(user, member)),
                    "attachments" => Ok(Self::Attachments(user, member)),
                    "packs" => Ok(Self::Packs(user, member)),
                    _ => Err(InvalidKey::Layout),
                }
            }
            _ => Err(InvalidKey::Layout),
        }
    }
}
