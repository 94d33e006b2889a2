//! The prefixes that temporary credentials may reach: an account, a member's space, or one folder, always ending in `/`.

use std::fmt;
use std::str::FromStr;

use super::parse::check_alphabet;
use super::{InvalidKey, ListPrefix, MemberId, Space, UserId};

/// What temporary credentials reach: every object under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadPrefix {
    /// `users/{user}/`: a whole account.
    Account(UserId),
    /// `users/{user}/family-members/{fm}/`: one member's space.
    Member(UserId, MemberId),
    /// One folder that may be listed.
    Folder(ListPrefix),
}

impl ReadPrefix {
    /// The account under whose prefix it lies.
    #[must_use]
    pub const fn owner(&self) -> UserId {
        match self {
            Self::Account(user) | Self::Member(user, _) => *user,
            Self::Folder(folder) => folder.owner(),
        }
    }
}

impl fmt::Display for ReadPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(user) => write!(f, "users/{user}/"),
            Self::Member(user, member) => write!(f, "{}/", Space::Member(*user, *member)),
            Self::Folder(folder) => folder.fmt(f),
        }
    }
}

impl FromStr for ReadPrefix {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        check_alphabet(text)?;
        let segments: Vec<&str> = text.strip_suffix('/').ok_or(InvalidKey::Layout)?.split('/').collect();
        match segments.as_slice() {
            ["users", user] => Ok(Self::Account(user.parse()?)),
            ["users", user, "family-members", member] => Ok(Self::Member(user.parse()?, member.parse()?)),
            _ => text.parse().map(Self::Folder),
        }
    }
}
