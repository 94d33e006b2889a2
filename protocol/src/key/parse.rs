//! From text to an [`ObjectKey`]: total on arbitrary input, and accepting each key in one spelling only.
//!
//! Two spellings of one key would let a caller name an object that the policy took for another: every part is read in its one
//! spelling, and property tests format what was read and compare.

use std::str::FromStr;

use memchr::{memchr, memchr_iter};

use super::ids::{parse_hex_u64, parse_uuid};
use super::{InvalidId, MAX_KEY_BYTES, MAX_NUMBER, ObjectKey, Space, StateKey, StoreEnvironment, TokenHolder};

/// Of the longest key, a member's segment: `users/U/family-members/M/devices/D/manifest/NAME`.
const MOST_SEGMENTS: usize = 8;

/// Why a text is not an object key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Longer than [`MAX_KEY_BYTES`].
    #[error("object key has {length} bytes; at most {MAX_KEY_BYTES} are allowed")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// A character outside `[a-z0-9._/-]`.
    #[error("object key has the character {character:?} at byte {position}; only a-z, 0-9, '.', '_', '/' and '-' are allowed")]
    Character {
        /// The character.
        character: char,
        /// Its byte offset.
        position: usize,
    },
    /// An empty, `.` or `..` segment.
    #[error("object key has an empty, '.' or '..' segment")]
    Segment,
    /// No object of Tidegate's has a key of this shape.
    #[error("no object has a key of this shape")]
    Layout,
    /// An identifier or digest in it is malformed.
    #[error("object key holds a malformed part")]
    Part(#[from] InvalidId),
    /// A number out of range or with leading zeros.
    #[error("object key holds a number that is out of range or not in its shortest form")]
    Number,
}

/// Refuses whatever could mean something to a store, a proxy or a shell: run before the layout is looked at.
pub(super) fn check_alphabet(text: &str) -> Result<(), InvalidKey> {
    if text.len() > MAX_KEY_BYTES {
        return Err(InvalidKey::TooLong { length: text.len() });
    }
    // All bytes of the usual key, without an early exit, so that the loop compiles to SIMD; which one it was is looked for afterwards.
    if text.bytes().fold(0, |strangers, byte| strangers | u8::from(!is_in_alphabet(byte))) == 0 {
        return Ok(());
    }
    let stranger = text.char_indices().find(|(_, character)| !u8::try_from(*character).is_ok_and(is_in_alphabet));
    stranger.map_or(Ok(()), |(position, character)| Err(InvalidKey::Character { character, position }))
}

const fn is_in_alphabet(byte: u8) -> bool {
    let letter = byte.wrapping_sub(b'a') < 26;
    // `-`, `.`, `/` and the digits follow each other.
    let mark_or_digit = byte.wrapping_sub(b'-') <= b'9' - b'-';
    letter | mark_or_digit | (byte == b'_')
}

/// The segments of a key, on the stack: a broker reads a thousand keys a request.
fn segments<'a>(text: &'a str, room: &mut [&'a str; MOST_SEGMENTS]) -> Result<usize, InvalidKey> {
    let (mut count, mut begin) = (0, 0);
    for end in memchr_iter(b'/', text.as_bytes()).chain([text.len()]) {
        let segment = &text[begin..end];
        if matches!(segment, "" | "." | "..") {
            return Err(InvalidKey::Segment);
        }
        if let Some(place) = room.get_mut(count) {
            *place = segment;
        }
        (count, begin) = (count + 1, end + 1);
    }
    if count > MOST_SEGMENTS { Err(InvalidKey::Layout) } else { Ok(count) }
}

/// What stands before the first dot and after it.
fn at_dot(text: &str) -> Result<(&str, &str), InvalidKey> {
    let dot = memchr(b'.', text.as_bytes()).ok_or(InvalidKey::Layout)?;
    Ok((&text[..dot], &text[dot + 1..]))
}

impl FromStr for ObjectKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        check_alphabet(text)?;
        let mut room = [""; MOST_SEGMENTS];
        let count = segments(text, &mut room)?;
        match &room[..count] {
            ["users", user, rest @ ..] => parse_user(user, rest),
            ["_tidegate", rest @ ..] => parse_state(rest).map(Self::State),
            _ => Err(InvalidKey::Layout),
        }
    }
}

fn parse_user(user: &str, rest: &[&str]) -> Result<ObjectKey, InvalidKey> {
    let user = user.parse()?;
    match rest {
        ["genesis.json"] => Ok(ObjectKey::Genesis { user }),
        ["public-keys", name] => {
            let (generation, digest) = generation_and_digest(name)?;
            Ok(ObjectKey::PublicKeys { user, generation, digest })
        }
        ["master-keys", name] => {
            let (generation, digest) = generation_and_digest(name)?;
            Ok(ObjectKey::MasterKeys { user, generation, digest })
        }
        ["access-grants", name] => Ok(ObjectKey::AccessGrant { user, grant: blob(name)?.parse()? }),
        ["devices", device, "device.blob"] => Ok(ObjectKey::DeviceFile { user, device: device.parse()? }),
        ["family-members", member, rest @ ..] => {
            let member = member.parse()?;
            match rest {
                ["records", name] => parse_record(user, member, name),
                ["attachments", hmac, name] => {
                    let digest = blob(name)?.strip_prefix("data.").ok_or(InvalidKey::Layout)?.parse()?;
                    Ok(ObjectKey::Attachment { user, member, hmac: hmac.parse()?, digest })
                }
                ["packs", name] => Ok(ObjectKey::Pack { user, member, digest: blob(name)?.parse()? }),
                rest => parse_history(Space::Member(user, member), rest),
            }
        }
        rest => parse_history(Space::Account(user), rest),
    }
}

/// What every space has: its doorbell, checkpoints and devices' segments.
fn parse_history(space: Space, rest: &[&str]) -> Result<ObjectKey, InvalidKey> {
    match rest {
        ["sync-manifest.blob"] => Ok(ObjectKey::Doorbell { space }),
        ["checkpoints", name] => Ok(ObjectKey::Checkpoint { space, digest: blob(name)?.parse()? }),
        ["devices", device, "manifest", name] => {
            let (position, digest) = at_dot(blob(name)?)?;
            let (chain, seq) = position.split_once('-').ok_or(InvalidKey::Layout)?;
            let seq = parse_hex_u64("segment number", seq)?;
            if seq > MAX_NUMBER {
                return Err(InvalidKey::Number);
            }
            Ok(ObjectKey::Segment { space, device: device.parse()?, chain: chain.parse()?, seq, digest: digest.parse()? })
        }
        _ => Err(InvalidKey::Layout),
    }
}

fn parse_record(user: super::UserId, member: super::MemberId, name: &str) -> Result<ObjectKey, InvalidKey> {
    let (record, rest) = at_dot(blob(name)?)?;
    let (version, digest) = at_dot(rest)?;
    if at_dot(digest).is_ok() {
        return Err(InvalidKey::Layout);
    }
    let version = number(version.strip_prefix('v').ok_or(InvalidKey::Layout)?)?;
    Ok(ObjectKey::Record { user, member, record: record.parse()?, version, digest: digest.parse()? })
}

fn parse_state(rest: &[&str]) -> Result<StateKey, InvalidKey> {
    match rest {
        ["links", name] => Ok(StateKey::Link { identity: json(name)?.parse()? }),
        ["links", identity, name] => Ok(StateKey::LinkCandidate { identity: identity.parse()?, user: json(name)?.parse()? }),
        ["accounts", user, "environment.json"] => Ok(StateKey::AccountEnvironment { user: user.parse()? }),
        ["accounts", user, name] => Ok(StateKey::AccountKeys { user: user.parse()?, generation: generation(json(name)?)? }),
        ["accounts", user, "links", name] => Ok(StateKey::AccountLink { user: user.parse()?, identity: json(name)?.parse()? }),
        ["accounts", user, "resets", name] => Ok(StateKey::AccountReset { user: user.parse()?, identity: json(name)?.parse()? }),
        ["accounts", user, "slots", invite, name] => Ok(StateKey::AccountSlot {
            user: user.parse()?,
            invite: parse_uuid("invite id", invite)?,
            thumbprint: json(name)?.parse()?,
        }),
        ["accounts", user, number, name] => Ok(StateKey::AccountKeysCandidate {
            user: user.parse()?,
            generation: generation(number)?,
            digest: json(name)?.parse()?,
        }),
        ["deletions", name] => Ok(StateKey::AccountDeletion { user: json(name)?.parse()? }),
        ["gone", name] => Ok(StateKey::AccountGone { account: json(name)?.parse()? }),
        ["invites", invite, "slots", name] => {
            Ok(StateKey::InviteSlot { invite: parse_uuid("invite id", invite)?, thumbprint: json(name)?.parse()? })
        }
        ["invites", invite, "revoked.json"] => Ok(StateKey::InviteRevoked { invite: parse_uuid("invite id", invite)? }),
        ["revocations", "devices", name] => Ok(StateKey::DeviceRevoked { device: json(name)?.parse()? }),
        ["revocations", "sessions", user, "all.json"] => Ok(StateKey::SessionsEnded { user: user.parse()?, device: None }),
        ["revocations", "sessions", user, name] => {
            Ok(StateKey::SessionsEnded { user: user.parse()?, device: Some(json(name)?.parse()?) })
        }
        ["revocations", "recent", name] => parse_ended_lately(json(name)?),
        ["revocations", "identities", name] => Ok(StateKey::IdentityRevoked { identity: json(name)?.parse()? }),
        ["id-tokens", token, name] => Ok(StateKey::IdTokenUse { token: token.parse()?, thumbprint: json(name)?.parse()? }),
        ["renewals", user, name] => Ok(StateKey::Renewal { user: user.parse()?, device: json(name)?.parse()? }),
        ["entitlements", name] => Ok(StateKey::Entitlement { subscription: json(name)?.parse()? }),
        ["notifications", name] => Ok(StateKey::Notification { id: parse_uuid("notification id", json(name)?)? }),
        ["recoveries", "production.json"] => Ok(StateKey::Recovery { environment: StoreEnvironment::Production }),
        ["recoveries", "sandbox.json"] => Ok(StateKey::Recovery { environment: StoreEnvironment::Sandbox }),
        ["store-profile.json"] => Ok(StateKey::StoreProfile),
        ["audit", user, day, name] => {
            Ok(StateKey::Audit { user: user.parse()?, day: generation(day)?, id: parse_uuid("audit id", json(name)?)? })
        }
        _ => Err(InvalidKey::Layout),
    }
}

fn parse_ended_lately(name: &str) -> Result<StateKey, InvalidKey> {
    let (before, whose) = at_dot(name)?;
    let whose = match whose.split_once('.') {
        Some(("device", device)) => TokenHolder::Device(device.parse()?),
        Some(("user", user)) => TokenHolder::User(user.parse()?),
        Some(_) | None => return Err(InvalidKey::Layout),
    };
    Ok(StateKey::EndedLately { before: number(before)?, whose })
}

fn blob(name: &str) -> Result<&str, InvalidKey> {
    name.strip_suffix(".blob").ok_or(InvalidKey::Layout)
}

fn json(name: &str) -> Result<&str, InvalidKey> {
    name.strip_suffix(".json").ok_or(InvalidKey::Layout)
}

fn generation_and_digest(name: &str) -> Result<(u32, super::Digest), InvalidKey> {
    let (text, digest) = at_dot(blob(name)?)?;
    Ok((generation(text)?, digest.parse()?))
}

fn generation(text: &str) -> Result<u32, InvalidKey> {
    u32::try_from(number(text)?).map_err(|_| InvalidKey::Number)
}

/// A decimal number in its shortest form, at most [`MAX_NUMBER`].
fn number(text: &str) -> Result<u64, InvalidKey> {
    let shortest = text == "0" || !text.starts_with('0');
    if text.is_empty() || !shortest || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidKey::Number);
    }
    match text.parse::<u64>() {
        Ok(value) if value <= MAX_NUMBER => Ok(value),
        Ok(_) | Err(_) => Err(InvalidKey::Number),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments_of(text: &str) -> Result<Vec<&str>, InvalidKey> {
        let mut room = [""; MOST_SEGMENTS];
        segments(text, &mut room).map(|count| room[..count].to_vec())
    }

    fn segments_by_split(text: &str) -> Result<Vec<&str>, InvalidKey> {
        let segments: Vec<&str> = text.split('/').collect();
        if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(InvalidKey::Segment);
        }
        if segments.len() > MOST_SEGMENTS { Err(InvalidKey::Layout) } else { Ok(segments) }
    }

    #[test]
    fn alphabet_is_the_one_that_its_error_names() {
        for byte in 0..=255u8 {
            let named = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-');
            assert_eq!(is_in_alphabet(byte), named, "{byte}");
        }
    }

    proptest! {
        #[test]
        fn segments_are_those_between_slashes(text in "([a-z./]|[a-z.]{30,70}|/){0,20}|(/?[a-z]{1,3}){6,10}") {
            prop_assert_eq!(segments_of(&text), segments_by_split(&text));
        }

        #[test]
        fn first_dot_divides(text in "[a-z-]{0,50}\\.?[a-z.]{0,50}") {
            prop_assert_eq!(at_dot(&text), text.split_once('.').ok_or(InvalidKey::Layout));
        }
    }
}
