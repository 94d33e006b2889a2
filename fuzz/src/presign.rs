//! What is asked to be signed, and what is: from the broker's own files.

#[path = "../../broker/src/presign/item.rs"]
mod item;
#[path = "../../broker/src/presign/policy.rs"]
pub mod policy;
#[path = "../../broker/src/presign/request.rs"]
pub mod request;
#[path = "../../broker/src/presign/upload_id.rs"]
pub mod upload_id;

use std::sync::LazyLock;

use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::multipart::{AbortUploadRequest, CompleteUploadRequest, CreateUploadRequest, UploadPartsRequest};
use tidegate_protocol::presign::{PresignBatch, PresignItem};
use tidegate_protocol::scope::{AccountScope, Permission, ScopeClaim, Scopes, Share};
use tidegate_protocol::{DeviceId, ListPrefix, MemberId, ObjectKey, ReadPrefix, UserId};

use self::policy::{Credential, SignedConditions, SignedMethod, authorize, authorize_reading, authorize_upload};
use self::request::ObjectRequest;
use self::upload_id::{UploadId, UploadIds};
use crate::multipart::UploadRequest;

static UPLOADS: LazyLock<UploadIds> = LazyLock::new(|| UploadIds::new(&[7; 32]));
/// The query parameters and headers that a signature may ever hold.
const QUERY: [&str; 7] = ["continuation-token", "encoding-type", "list-type", "max-keys", "partNumber", "prefix", "uploadId"];
const HEADERS: [&str; 6] =
    ["content-length", "content-type", "if-match", "if-none-match", "x-amz-checksum-mode", "x-amz-checksum-sha256"];

/// Any text as a key, a folder or a scope: what is read is written as it was, and nothing is two of them.
pub fn object_key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let key = text.parse::<ObjectKey>();
    if let Ok(key) = &key {
        assert_eq!(key.to_string(), text, "a key is written otherwise than it was read");
        assert!(
            text.len() <= 512 && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-'))
        );
        assert!(text.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "a path that leads elsewhere is a key");
        assert!(text.starts_with("users/") || text.starts_with("_tidegate/"), "a key outside of both folders");
        assert!(format!("{text}/").parse::<ListPrefix>().is_err(), "a key is a folder, too");
    }
    let folder = text.parse::<ListPrefix>();
    if let Ok(folder) = &folder {
        assert_eq!(folder.to_string(), text, "a folder is written otherwise than it was read");
        assert!(text.starts_with("users/") && text.ends_with('/') && key.is_err(), "a folder is a key, too");
    }
    if let Ok(prefix) = text.parse::<ReadPrefix>() {
        assert_eq!(prefix.to_string(), text, "a prefix is written otherwise than it was read");
        assert!(
            text.starts_with("users/") && text.ends_with('/') && text.len() > "users/".len() + 36,
            "a prefix wider than an account"
        );
    }
    if let Ok(claim) = text.parse::<ScopeClaim>() {
        assert_eq!(claim.to_string(), text, "a scope is written otherwise than it was read");
    }
}

/// Any item, asked for by callers of every kind: what is signed lies in their own account, or in what was shared with them.
pub fn presign(bytes: &[u8]) {
    let Some((selector, json)) = bytes.split_first() else { return };
    let scopes = scopes(*selector);
    let ours = serde_json::from_slice::<item::Batch<'_>>(json).ok().map(|batch| batch.items.len());
    let theirs = serde_json::from_slice::<PresignBatch>(json).ok().map(|batch| batch.items.len());
    assert_eq!(ours, theirs, "the broker reads another batch than clients write");
    if let Ok(item) = serde_json::from_slice::<PresignItem>(json) {
        let profile = if selector & 0x10 == 0 { StoreProfile::ATOMIC } else { StoreProfile::IGNORING };
        let asked = with_upload(item.clone());
        if let Ok(request) = ObjectRequest::parse(&asked, &UPLOADS)
            && let Ok(conditions) = authorize(&scopes, request, &profile)
        {
            check(&scopes, &item, &conditions);
        }
        let _ = item.key.parse::<ReadPrefix>().map(|prefix| {
            let is_allowed = authorize_reading(&scopes, &prefix).is_ok();
            assert!(!is_allowed || reaches(&scopes, &item.key), "credentials for another account");
        });
    }
    upload(&scopes, json);
}

/// Uploads in parts: each body that is one, of somebody whom the key belongs to, or refused.
fn upload(scopes: &Scopes, json: &[u8]) {
    let requests = [
        serde_json::from_slice::<CreateUploadRequest>(json).ok().and_then(|body| UploadRequest::create(&body).ok()),
        serde_json::from_slice::<UploadPartsRequest>(json).ok().and_then(|body| UploadRequest::parts(&body, &UPLOADS).ok()),
        serde_json::from_slice::<CompleteUploadRequest>(json).ok().and_then(|body| UploadRequest::complete(&body, &UPLOADS).ok()),
        serde_json::from_slice::<AbortUploadRequest>(json).ok().and_then(|body| UploadRequest::abort(&body, &UPLOADS).ok()),
    ];
    for request in requests.into_iter().flatten() {
        let key = match &request {
            UploadRequest::Create { key, .. }
            | UploadRequest::Parts { key, .. }
            | UploadRequest::Complete { key, .. }
            | UploadRequest::Abort { key, .. } => key,
        };
        let is_attachment = matches!(key, ObjectKey::Attachment { .. });
        let is_allowed = authorize_upload(scopes, &request).is_ok();
        assert!(!is_allowed || (is_attachment && reaches(scopes, &key.to_string())), "an upload of somebody else's");
    }
}

/// Nobody guesses an upload id, so `genuine` stands for one that was issued for the item's key.
fn with_upload(mut item: PresignItem) -> PresignItem {
    if item.upload_id.as_deref() == Some("genuine")
        && let Ok(key) = item.key.parse()
    {
        item.upload_id = UPLOADS.issue(&key, &UploadId { length: 100 << 20, store_id: "store-id".to_owned() });
    }
    item
}

fn check(scopes: &Scopes, item: &PresignItem, conditions: &SignedConditions<'_>) {
    let SignedConditions { method, key, query, headers, credential, signed_bytes } = conditions;
    let object = if item.method == "LIST" { item.key.as_str() } else { key };
    assert!(item.method == "LIST" || *key == item.key, "another object than was asked for");
    assert!(object.starts_with("users/"), "outside of the users' folder: {object}");
    let is_public = object.ends_with("/genesis.json") || object.contains("/public-keys/") || object.contains("/access-grants/");
    let is_writing = *method == SignedMethod::Put;
    assert!(reaches(scopes, object) || (is_public && !is_writing), "of another account: {object}");
    assert_eq!(is_writing, *credential == Credential::Write, "a key that writes reads, or the other way");
    assert_eq!(is_writing, item.method == "PUT");
    assert!(query.iter().all(|(name, _)| QUERY.contains(name)) && headers.iter().all(|(name, _)| HEADERS.contains(name)));
    assert!(headers.is_sorted() && query.is_sorted_by_key(|(name, _)| *name));
    let is_plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    assert!(
        headers.iter().map(|(_, value)| &**value).chain(query.iter().map(|(_, value)| value.as_str())).all(is_plain),
        "a value that ends its line"
    );
    if is_writing {
        let pins = |wanted: &str| headers.iter().any(|(name, _)| *name == wanted);
        assert!(
            pins("content-length") && pins("x-amz-checksum-sha256") && Some(*signed_bytes) == item.length,
            "a PUT that pins too little"
        );
    }
}

/// Whether the object is of the caller's account, or of a space that is shared with it.
fn reaches(scopes: &Scopes, object: &str) -> bool {
    let shared = |share: &Share| object.starts_with(&format!("users/{}/family-members/{}/", share.owner, share.member));
    object.starts_with(&format!("users/{}/", scopes.user)) || scopes.shares.iter().any(shared)
}

/// The owner of the ids that the corpus names, a stranger, a reader, a writer: in one of the account's scopes.
fn scopes(selector: u8) -> Scopes {
    let id = |last: u8| {
        let mut bytes = [0xc0; 16];
        bytes[15] = last;
        bytes
    };
    let (owner, stranger, member) = (UserId::from_bytes(id(1)), UserId::from_bytes(id(2)), MemberId::from_bytes(id(3)));
    let account =
        [AccountScope::Full, AccountScope::Bootstrap, AccountScope::Create, AccountScope::Full][usize::from(selector >> 2 & 3)];
    let share = |permission| vec![Share { owner, member, permission }];
    let (user, shares) = match selector & 3 {
        0 => (owner, Vec::new()),
        1 => (stranger, Vec::new()),
        2 => (stranger, share(Permission::Read)),
        _ => (stranger, share(Permission::ReadWrite)),
    };
    Scopes { user, device: DeviceId::from_bytes(id(4)), account, shares }
}
