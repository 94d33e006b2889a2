//! What is signed for whom: one pure function over scopes, request and store.
//!
//! `rights` is the table of who may do what to which kind of object, `may_list` that of folders; the rest says what a signature
//! pins. DELETE does not appear: it is never signed.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidegate_protocol::account::{user_id_of_genesis_hash, uuid_of_hash};
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::limits::max_stored_bytes;
use tidegate_protocol::multipart::{MAX_UPLOAD_BYTES, MIN_UPLOAD_BYTES, composite_sha256, part_count, part_length};
use tidegate_protocol::presign::Refusal;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::scope::{AccountScope, Permission, Scopes};
use tidegate_protocol::{GrantId, ListPrefix, ObjectKey, ReadPrefix, Sha256, Space, UserId};

use super::request::{Condition, ObjectRequest, RequestedKey, refuse};
use super::upload_id::UploadId;
use crate::multipart::UploadRequest;

/// Everything that a signature pins besides host and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedConditions<'a> {
    /// The HTTP method.
    pub method: SignedMethod,
    /// The object's key; empty for a LIST, which goes to the bucket.
    pub key: Cow<'a, str>,
    /// Query parameters, sorted by name.
    pub query: Vec<(&'static str, String)>,
    /// Headers besides `host`, in lower case and sorted by name.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The credential that signs.
    pub credential: Credential,
    /// Bytes that may be written: counted against the account's day.
    pub signed_bytes: u64,
}

/// An HTTP method that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedMethod {
    /// Read an object or list a folder.
    Get,
    /// Read an object's headers.
    Head,
    /// Write an object.
    Put,
}

impl SignedMethod {
    /// The method as it stands in a request.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
        }
    }
}

/// Which of the broker's credentials signs. The one that writes can read nothing: some stores obey an unsigned copy header on a
/// signed PUT, and would copy whatever the signing credential can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// GetObject and ListBucket.
    Read,
    /// PutObject and nothing else.
    Write,
}

/// Decides one request.
///
/// # Errors
/// `not-allowed` if the scopes do not reach the object; else what is wrong with a PUT: its length, its hash or its condition.
pub fn authorize<'a>(
    scopes: &Scopes,
    request: ObjectRequest<'a>,
    profile: &StoreProfile,
) -> Result<SignedConditions<'a>, Refusal> {
    match request {
        ObjectRequest::Get { key } => {
            allow(rights(scopes, &key).get)?;
            Ok(reading(SignedMethod::Get, key, Vec::new()))
        }
        ObjectRequest::Head { key } => {
            allow(rights(scopes, &key).head)?;
            Ok(reading(SignedMethod::Head, key, vec![("x-amz-checksum-mode", "ENABLED".into())]))
        }
        ObjectRequest::Put { key, length, sha256, condition } => {
            allow(rights(scopes, &key).put)?;
            check_length(&key, length)?;
            check_bytes(&key, &sha256)?;
            let condition = condition_header(&key, condition, profile)?;
            Ok(writing(key, length, &sha256, condition))
        }
        ObjectRequest::PutPart { key, upload, number, length, sha256 } => {
            may_upload_in_parts(scopes, &key)?;
            check_part(upload.length, number, length)?;
            Ok(writing_part(key, upload, number, length, &sha256))
        }
        ObjectRequest::List { prefix, max_keys, continuation } => {
            allow(may_list(scopes, &prefix))?;
            Ok(listing(&prefix, max_keys, continuation))
        }
    }
}

/// Decides what is asked of an upload in parts beside its parts, which [`authorize`] signs: these the broker carries out itself, by a
/// credential that reaches everything, so nothing but this keeps one account out of another's uploads.
///
/// # Errors
/// `not-allowed` if the scopes do not reach the object; else what is wrong with its length, its hashes or their number.
pub fn authorize_upload(scopes: &Scopes, request: &UploadRequest) -> Result<(), Refusal> {
    match request {
        UploadRequest::Create { key, length, sha256 } => {
            may_upload_in_parts(scopes, key)?;
            check_upload_length(*length)?;
            check_bytes(key, sha256)
        }
        UploadRequest::Parts { key, .. } | UploadRequest::Abort { key, .. } => may_upload_in_parts(scopes, key),
        UploadRequest::Complete { key, upload, parts } => {
            may_upload_in_parts(scopes, key)?;
            check_part_count(upload.length, parts.len())?;
            check_bytes(key, &composite_sha256(parts))
        }
    }
}

/// Decides whether credentials may be made that read everything under a prefix: only with the account's key proven, and only
/// where each object under it may be read one by one.
///
/// # Errors
/// `scope-insufficient` without the account's key; `not-allowed` if something under the prefix is out of the scopes' reach.
pub fn authorize_reading(scopes: &Scopes, prefix: &ReadPrefix) -> Result<(), Refusal> {
    if scopes.account != AccountScope::Full {
        return Err(refuse(ProblemCode::ScopeInsufficient, "this needs a session with the account's key proven"));
    }
    allow(match prefix {
        ReadPrefix::Account(user) => matches!(account_standing(scopes, *user), AccountStanding::Owner),
        ReadPrefix::Member(user, member) => content_rights(scopes, Space::Member(*user, *member)).get,
        ReadPrefix::Folder(folder) => may_list(scopes, folder),
    })
}

/// Whoever may write an attachment may write it in parts; nothing else is large enough.
fn may_upload_in_parts(scopes: &Scopes, key: &ObjectKey) -> Result<(), Refusal> {
    allow(matches!(key, ObjectKey::Attachment { .. }) && rights(scopes, key).put)
}

fn check_upload_length(length: u64) -> Result<(), Refusal> {
    if length < MIN_UPLOAD_BYTES {
        let message = format!("an object of less than {MIN_UPLOAD_BYTES} bytes is written by one PUT");
        return Err(refuse(ProblemCode::TooSmall, message));
    }
    if length > MAX_UPLOAD_BYTES {
        let message = format!("an object in parts has at most {MAX_UPLOAD_BYTES} bytes, not {length}");
        return Err(refuse(ProblemCode::TooLarge, message));
    }
    Ok(())
}

/// The parts are cut in one way alone: else one object would have as many hashes as there are ways to cut it.
fn check_part(whole: u64, number: u32, length: u64) -> Result<(), Refusal> {
    let Some(expected) = part_length(whole, number) else {
        let count = part_count(whole).unwrap_or(0);
        return Err(refuse(ProblemCode::PartNumberInvalid, format!("this object has the parts 1 to {count}, no part {number}")));
    };
    if length != expected {
        let message = format!("part {number} of this object has {expected} bytes, not {length}");
        return Err(refuse(ProblemCode::PartLengthInvalid, message));
    }
    Ok(())
}

fn check_part_count(whole: u64, given: usize) -> Result<(), Refusal> {
    let count = part_count(whole).unwrap_or(0);
    if usize::try_from(count) == Ok(given) {
        return Ok(());
    }
    Err(refuse(ProblemCode::InvalidRequest, format!("this object has {count} parts, so it takes that many hashes, not {given}")))
}

fn allow(granted: bool) -> Result<(), Refusal> {
    if granted { Ok(()) } else { Err(refuse(ProblemCode::NotAllowed, "this session may not do that to this object")) }
}

/// What may be done to one object.
struct Rights {
    get: bool,
    head: bool,
    put: bool,
}

const NOTHING: Rights = Rights { get: false, head: false, put: false };
const GET: Rights = Rights { get: true, head: false, put: false };
const PUT: Rights = Rights { get: false, head: false, put: true };
const GET_PUT: Rights = Rights { get: true, head: false, put: true };
const READ: Rights = Rights { get: true, head: true, put: false };
const READ_PUT: Rights = Rights { get: true, head: true, put: true };

/// The table of objects.
fn rights(scopes: &Scopes, key: &ObjectKey) -> Rights {
    match key {
        ObjectKey::Genesis { user } | ObjectKey::PublicKeys { user, .. } => match account_standing(scopes, *user) {
            AccountStanding::Owner => READ_PUT,
            AccountStanding::Creator => GET_PUT,
            AccountStanding::Joiner | AccountStanding::Stranger => GET,
        },
        ObjectKey::MasterKeys { user, .. } => match account_standing(scopes, *user) {
            AccountStanding::Owner => READ_PUT,
            AccountStanding::Creator => PUT,
            AccountStanding::Joiner => GET,
            AccountStanding::Stranger => NOTHING,
        },
        ObjectKey::AccessGrant { user, .. } => match account_standing(scopes, *user) {
            AccountStanding::Owner => READ_PUT,
            AccountStanding::Creator | AccountStanding::Joiner | AccountStanding::Stranger => NOTHING,
        },
        ObjectKey::DeviceFile { user, device } => match account_standing(scopes, *user) {
            AccountStanding::Owner if *device == scopes.device => READ_PUT,
            AccountStanding::Owner => READ,
            AccountStanding::Creator | AccountStanding::Joiner | AccountStanding::Stranger => NOTHING,
        },
        ObjectKey::Segment { space, device, .. } => match space_standing(scopes, *space) {
            SpaceStanding::Owner | SpaceStanding::Writer if *device == scopes.device => READ_PUT,
            SpaceStanding::Owner | SpaceStanding::Writer | SpaceStanding::Reader => READ,
            SpaceStanding::Stranger => NOTHING,
        },
        ObjectKey::Checkpoint { space, .. } => match space_standing(scopes, *space) {
            SpaceStanding::Owner => READ_PUT,
            SpaceStanding::Writer | SpaceStanding::Reader => READ,
            SpaceStanding::Stranger => NOTHING,
        },
        ObjectKey::Doorbell { space } => content_rights(scopes, *space),
        ObjectKey::Record { user, member, .. }
        | ObjectKey::Attachment { user, member, .. }
        | ObjectKey::Pack { user, member, .. } => content_rights(scopes, Space::Member(*user, *member)),
        ObjectKey::State(_) => NOTHING,
    }
}

/// Rights to what everyone who may write in a space may write.
fn content_rights(scopes: &Scopes, space: Space) -> Rights {
    match space_standing(scopes, space) {
        SpaceStanding::Owner | SpaceStanding::Writer => READ_PUT,
        SpaceStanding::Reader => READ,
        SpaceStanding::Stranger => NOTHING,
    }
}

/// The table of folders.
fn may_list(scopes: &Scopes, prefix: &ListPrefix) -> bool {
    match prefix {
        ListPrefix::PublicKeys(user) | ListPrefix::MasterKeys(user) => match account_standing(scopes, *user) {
            AccountStanding::Owner | AccountStanding::Joiner => true,
            AccountStanding::Creator | AccountStanding::Stranger => false,
        },
        ListPrefix::AccessGrants(user) | ListPrefix::FamilyMembers(user) => match account_standing(scopes, *user) {
            AccountStanding::Owner => true,
            AccountStanding::Creator | AccountStanding::Joiner | AccountStanding::Stranger => false,
        },
        ListPrefix::Devices(space) | ListPrefix::Checkpoints(space) => content_rights(scopes, *space).get,
        ListPrefix::Records(user, member) | ListPrefix::Attachments(user, member) | ListPrefix::Packs(user, member) => {
            content_rights(scopes, Space::Member(*user, *member)).get
        }
    }
}

/// How the caller stands to an account.
enum AccountStanding {
    /// Its own, with the account key proven.
    Owner,
    /// Its own, not linked yet.
    Creator,
    /// Its own by the link alone: the account key is not proven yet.
    Joiner,
    /// Somebody else's.
    Stranger,
}

fn account_standing(scopes: &Scopes, user: UserId) -> AccountStanding {
    if user != scopes.user {
        return AccountStanding::Stranger;
    }
    match scopes.account {
        AccountScope::Full => AccountStanding::Owner,
        AccountScope::Create => AccountStanding::Creator,
        AccountScope::Bootstrap => AccountStanding::Joiner,
    }
}

/// How the caller stands to a space.
enum SpaceStanding {
    /// Of the caller's own account.
    Owner,
    /// Shared with the caller, to read and write.
    Writer,
    /// Shared with the caller, to read.
    Reader,
    /// None of the caller's business.
    Stranger,
}

/// Shares count with scope `full` alone: who has not proven an account key is nobody's recipient.
fn space_standing(scopes: &Scopes, space: Space) -> SpaceStanding {
    match scopes.account {
        AccountScope::Create | AccountScope::Bootstrap => return SpaceStanding::Stranger,
        AccountScope::Full => {}
    }
    if space.owner() == scopes.user {
        return SpaceStanding::Owner;
    }
    let mut standing = SpaceStanding::Stranger;
    for share in scopes.shares.iter().filter(|share| Space::Member(share.owner, share.member) == space) {
        match share.permission {
            Permission::ReadWrite => return SpaceStanding::Writer,
            Permission::Read => standing = SpaceStanding::Reader,
        }
    }
    standing
}

fn check_length(key: &ObjectKey, length: u64) -> Result<(), Refusal> {
    if length == 0 {
        return Err(refuse(ProblemCode::InvalidRequest, "an object has at least 1 byte"));
    }
    let most = max_stored_bytes(key);
    if length > most {
        let message = format!("an object of this kind has at most {most} bytes, not {length}");
        return Err(refuse(ProblemCode::TooLarge, message));
    }
    Ok(())
}

/// Whether the bytes of this hash may stand under this key: every name that is made from a hash is checked against it, so a URL
/// can carry no bytes but those that the key names.
fn check_bytes(key: &ObjectKey, sha256: &Sha256) -> Result<(), Refusal> {
    match key {
        ObjectKey::Genesis { user } => {
            require(user_id_of_genesis_hash(sha256) == *user, "the bytes of a genesis must hash to the user id")
        }
        ObjectKey::AccessGrant { grant, .. } => {
            require(GrantId::new(uuid_of_hash(sha256)) == *grant, "the bytes of an access grant must hash to the grant id")
        }
        ObjectKey::PublicKeys { digest, .. }
        | ObjectKey::MasterKeys { digest, .. }
        | ObjectKey::Segment { digest, .. }
        | ObjectKey::Checkpoint { digest, .. }
        | ObjectKey::Record { digest, .. }
        | ObjectKey::Attachment { digest, .. }
        | ObjectKey::Pack { digest, .. } => require(sha256.digest() == *digest, "sha256 must begin with the digest in the key"),
        ObjectKey::DeviceFile { .. } | ObjectKey::Doorbell { .. } => Ok(()),
        ObjectKey::State(_) => allow(false),
    }
}

fn require(fits: bool, message: &str) -> Result<(), Refusal> {
    if fits { Ok(()) } else { Err(refuse(ProblemCode::DigestMismatch, message)) }
}

/// The header that makes a PUT conditional, where the store obeys it: a condition that is ignored or refused is not signed, since
/// it would promise what does not happen or fail what should.
fn condition_header(
    key: &ObjectKey,
    condition: Option<Condition>,
    profile: &StoreProfile,
) -> Result<Option<(&'static str, Cow<'static, str>)>, Refusal> {
    let create = || profile.conditional_create.is_honoured().then_some(("if-none-match", "*".into()));
    match (is_replaceable(key), condition) {
        (true, None) => Ok(None),
        (true, Some(Condition::CreateOnly)) | (false, None) => Ok(create()),
        (true, Some(Condition::Replace(etag))) => {
            Ok(profile.conditional_replace.is_honoured().then(|| ("if-match", etag.into_text().into())))
        }
        (false, Some(Condition::CreateOnly | Condition::Replace(_))) => Err(refuse(
            ProblemCode::ConditionInvalid,
            "this kind of object is created once and never replaced: it takes no condition",
        )),
    }
}

/// Whether an object may hold other bytes tomorrow. All others are written once.
const fn is_replaceable(key: &ObjectKey) -> bool {
    match key {
        ObjectKey::DeviceFile { .. } | ObjectKey::Doorbell { .. } => true,
        ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::Segment { .. }
        | ObjectKey::Checkpoint { .. }
        | ObjectKey::Record { .. }
        | ObjectKey::Attachment { .. }
        | ObjectKey::Pack { .. }
        | ObjectKey::State(_) => false,
    }
}

fn reading<'a>(
    method: SignedMethod,
    key: RequestedKey<'a>,
    headers: Vec<(&'static str, Cow<'static, str>)>,
) -> SignedConditions<'a> {
    SignedConditions { method, key: key.into_text(), query: Vec::new(), headers, credential: Credential::Read, signed_bytes: 0 }
}

fn writing<'a>(
    key: RequestedKey<'a>,
    length: u64,
    sha256: &Sha256,
    condition: Option<(&'static str, Cow<'static, str>)>,
) -> SignedConditions<'a> {
    let mut headers = Vec::with_capacity(4);
    headers.extend([("content-length", length.to_string().into()), ("content-type", "application/octet-stream".into())]);
    headers.extend(condition);
    headers.push(("x-amz-checksum-sha256", STANDARD.encode(sha256.as_bytes()).into()));
    SignedConditions {
        method: SignedMethod::Put,
        key: key.into_text(),
        query: Vec::new(),
        headers,
        credential: Credential::Write,
        signed_bytes: length,
    }
}

fn writing_part<'a>(key: RequestedKey<'a>, upload: UploadId, number: u32, length: u64, sha256: &Sha256) -> SignedConditions<'a> {
    let query = vec![("partNumber", number.to_string()), ("uploadId", upload.store_id)];
    SignedConditions { query, ..writing(key, length, sha256, None) }
}

fn listing(prefix: &ListPrefix, max_keys: u32, continuation: Option<String>) -> SignedConditions<'static> {
    let mut query = Vec::with_capacity(5);
    query.extend(continuation.map(|token| ("continuation-token", token)));
    query.extend([
        ("encoding-type", "url".to_owned()),
        ("list-type", "2".to_owned()),
        ("max-keys", max_keys.to_string()),
        ("prefix", prefix.to_string()),
    ]);
    SignedConditions {
        method: SignedMethod::Get,
        key: Cow::Borrowed(""),
        query,
        headers: Vec::new(),
        credential: Credential::Read,
        signed_bytes: 0,
    }
}
