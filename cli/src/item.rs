//! What a person means by a name or the beginning of an id.

use tidegate_protocol::{ContentHmac, MemberId, RecordId};
use tidegate_sync_client::{ChangeId, DeviceInfo, ListFilter, Listing, Member, SyncClient};
use unicode_normalization::UnicodeNormalization;

use crate::failure::Failure;
use crate::style::shown;

/// Fewest characters of an id that stand for it.
const MIN_PREFIX: usize = 4;

/// A record or an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Record(RecordId),
    Attachment(ContentHmac),
}

/// The family member of this id, or of this name if only one has it.
pub(crate) fn member(client: &SyncClient, given: &str) -> Result<Member, Failure> {
    let members = client.members()?;
    if let Ok(id) = given.parse::<MemberId>() {
        let found = members.into_iter().find(|member| member.member_id == id);
        return found.ok_or_else(|| Failure::from(tidegate_sync_client::Error::MemberUnknown(id)));
    }
    let mut named: Vec<Member> = members.into_iter().filter(|member| same_name(&member.name, given)).collect();
    match (named.pop(), named.len()) {
        (Some(member), 0) => Ok(member),
        (Some(_), others) => Err(Failure::invalid(
            "member-ambiguous",
            format!("{} family members are called {}", others + 1, shown(given)),
            "name one by its id; `tidegate member list` shows them",
        )),
        (None, _) => Err(Failure::missing(
            "member-unknown",
            format!("there is no family member called {}", shown(given)),
            format!("add one with `tidegate member add {}`, or see `tidegate member list`", quoted(given)),
        )),
    }
}

/// The family member of this id or name; the only one, if none is named.
pub(crate) fn one_member(client: &SyncClient, given: Option<&str>) -> Result<Member, Failure> {
    if let Some(given) = given {
        return member(client, given);
    }
    let mut members = client.members()?;
    match (members.pop(), members.len()) {
        (Some(member), 0) => Ok(member),
        (Some(_), others) => {
            let message = format!("there are {} family members", others + 1);
            Err(Failure::usage("member-missing", message, "name one with --member; `tidegate member list` shows them"))
        }
        (None, _) => {
            let message = "there is no family member yet";
            Err(Failure::missing("member-unknown", message, "add one with `tidegate member add NAME`"))
        }
    }
}

/// The record or attachment whose id is, or begins with, this.
pub(crate) fn any(client: &SyncClient, given: &str) -> Result<Item, Failure> {
    if let Ok(id) = given.parse() {
        return Ok(Item::Record(id));
    }
    if let Ok(hmac) = given.parse() {
        return Ok(Item::Attachment(hmac));
    }
    let listing = everything(client)?;
    let records = listing.records.iter().map(|record| (record.record_id.to_string(), Item::Record(record.record_id)));
    let attachments =
        listing.attachments.iter().map(|attachment| (attachment.hmac.to_string(), Item::Attachment(attachment.hmac)));
    by_prefix("record or attachment", given, records.chain(attachments))
}

/// The record whose id is, or begins with, this.
pub(crate) fn record(client: &SyncClient, given: &str) -> Result<RecordId, Failure> {
    if let Ok(id) = given.parse() {
        return Ok(id);
    }
    let listing = everything(client)?;
    by_prefix("record", given, listing.records.iter().map(|record| (record.record_id.to_string(), record.record_id)))
}

/// The version of a record whose change id is, or begins with, this.
pub(crate) fn change(client: &SyncClient, record: RecordId, given: &str) -> Result<ChangeId, Failure> {
    if let Ok(cid) = given.parse() {
        return Ok(cid);
    }
    let versions = client.history(record)?;
    by_prefix("version", given, versions.iter().map(|version| (version.cid.to_string(), version.cid)))
}

/// The device of this name, if only one has it, or whose id is, or begins with, this.
pub(crate) fn device(devices: &[DeviceInfo], given: &str) -> Result<DeviceInfo, Failure> {
    let named = |device: &&DeviceInfo| device.name.as_deref().is_some_and(|name| same_name(name, given));
    let mut of_name = devices.iter().filter(named);
    if let (Some(device), None) = (of_name.next(), of_name.next()) {
        return Ok(device.clone());
    }
    let id = by_prefix("device", given, devices.iter().map(|device| (device.device_id.to_string(), device.device_id)))?;
    let found = devices.iter().find(|device| device.device_id == id).cloned();
    found.ok_or_else(|| Failure::from(tidegate_sync_client::Error::DeviceUnknown(id)))
}

fn everything(client: &SyncClient) -> Result<Listing, Failure> {
    let mut listing = client.list(&ListFilter::default())?;
    listing.records.extend(client.list(&ListFilter { deleted: true, ..ListFilter::default() })?.records);
    Ok(listing)
}

fn by_prefix<T: PartialEq>(noun: &str, given: &str, candidates: impl Iterator<Item = (String, T)>) -> Result<T, Failure> {
    let is_id = |c: char| c == '-' || (c.is_ascii_hexdigit() && !c.is_ascii_uppercase());
    if given.len() < MIN_PREFIX || !given.chars().all(is_id) {
        let message = format!("{} is not the id of a {noun}", shown(given));
        let help = format!(
            "give an id, or at least its first {MIN_PREFIX} characters, as `tidegate list` and `tidegate history` show it"
        );
        return Err(Failure::invalid("invalid-id", message, help));
    }
    let mut found: Vec<T> = Vec::new();
    for (id, item) in candidates {
        if id.starts_with(given) && !found.contains(&item) {
            found.push(item);
        }
    }
    match (found.pop(), found.len()) {
        (Some(item), 0) => Ok(item),
        (Some(_), _) => {
            Err(Failure::invalid("ambiguous-id", format!("more than one {noun} begins with {given}"), "give more of the id"))
        }
        (None, _) => Err(Failure::missing(
            "unknown-id",
            format!("no {noun} begins with {given}"),
            match noun {
                "device" => "see `tidegate devices`",
                _ => "see `tidegate list`; run `tidegate sync` if it was made on another device",
            },
        )),
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.nfc().eq(other.nfc())
}

fn quoted(text: &str) -> String {
    if text.contains(char::is_whitespace) { format!("\"{}\"", shown(text)) } else { shown(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(given: &str) -> Result<u8, String> {
        let candidates = [("aaaa1", 1), ("aaaa2", 2), ("bbbb1", 3), ("bbbb1", 3)].map(|(id, item)| (id.to_owned(), item));
        by_prefix("thing", given, candidates.into_iter()).map_err(|failure| match failure {
            Failure::Named(named) => named.code.into_owned(),
            Failure::OutputClosed => "closed".to_owned(),
            Failure::Told(_) => "told".to_owned(),
        })
    }

    #[test]
    fn the_beginning_of_an_id_stands_for_it_if_only_one_begins_so() {
        assert_eq!(pick("aaaa1"), Ok(1));
        assert_eq!(pick("bbbb"), Ok(3));
        assert_eq!(pick("aaaa").unwrap_err(), "ambiguous-id");
        assert_eq!(pick("cccc").unwrap_err(), "unknown-id");
        assert_eq!(pick("aaa").unwrap_err(), "invalid-id");
        assert_eq!(pick("AAAA").unwrap_err(), "invalid-id");
    }

    #[test]
    fn names_are_compared_in_normal_form() {
        assert!(same_name("Zo\u{eb}", "Zoe\u{308}"));
        assert!(!same_name("Zoe", "Zo\u{eb}"));
    }
}
