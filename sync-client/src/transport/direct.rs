//! Straight to the store, each request signed by an access key of one's own.
//!
//! People who share one access key have no protection from each other: whoever has it can delete everything.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use rand_core::Rng as _;
use reqwest::StatusCode;
use tidegate_protocol::capability::{Precondition, StoreProfile};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ListPrefix, ObjectKey, Sha256, UserId};
use tidegate_sigv4::{AddressingStyle, Credentials, Method, Presigner};
use tidegate_store_probe::{Probe, ProbeError, Reach, Run, Target, xml};
use tidegate_sync_core::garbage::is_old;
use time::OffsetDateTime;

use super::retry::{RetryPolicy, repeat};
use super::traffic::RequestKind;
use super::{
    Answer, DeleteOutcome, GetOptions, GetOutcome, HeadOutcome, Http, ListPage, Outgoing, Payload, Peer, PutCondition,
    PutOutcome, TrafficCounter, Transport, Want, list_xml, store_answer,
};
use crate::clock::StoreClock;
use crate::error::Error;
use crate::options::Options;
use crate::remote::Remote;

/// Most bytes of a page of a listing, or of an error.
pub(super) const MAX_XML_BYTES: u64 = 8 * 1024 * 1024;
/// Most keys asked for in one page.
pub(super) const PAGE_KEYS: u32 = 1_000;

/// Deletions under way at a time.
const DELETES_AT_ONCE: usize = 16;

/// When the store took an object, as far as it tells.
type Ages = BTreeMap<ObjectKey, Option<OffsetDateTime>>;

/// A bucket and an access key to it.
pub struct DirectTransport {
    pub(super) http: Http,
    signer: Presigner,
    pub(super) retry: RetryPolicy,
    /// The store has said that it does not know conditions; they are no longer sent.
    pub(super) conditions_refused: AtomicBool,
    /// The store has said that it cannot read a composite hash with the number of its parts; it is no longer sent.
    pub(super) counts_refused: AtomicBool,
    /// What a probe has found, once one was made.
    known: Mutex<Option<StoreProfile>>,
    /// The store, as a probe takes it.
    target: Target,
}

impl fmt::Debug for DirectTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectTransport").field("endpoint", self.signer.endpoint()).finish_non_exhaustive()
    }
}

/// A request before it is signed.
pub(super) struct Request<'a> {
    pub(super) kind: RequestKind,
    pub(super) method: Method,
    pub(super) key: &'a str,
    pub(super) query: Vec<(&'a str, &'a str)>,
    pub(super) headers: Vec<(&'a str, String)>,
    pub(super) body: Payload,
    pub(super) limit: u64,
}

impl DirectTransport {
    /// Joins a store's address with an access key: the one in the options, or else the one in the environment.
    ///
    /// # Errors
    /// [`Error::CredentialsMissing`], or [`Error::InvalidSetting`] for an address that cannot be used.
    pub fn new(remote: &Remote, options: &Options, clock: StoreClock) -> Result<Self, Error> {
        let Remote::Direct { endpoint, bucket, region, virtual_host } = remote else {
            return Err(Error::bug("a direct transport needs a store's address"));
        };
        let credentials = options.credentials.clone().map_or_else(credentials_from_environment, Ok)?;
        let target = Target {
            endpoint_internal: endpoint.clone(),
            endpoint_public: endpoint.clone(),
            region: region.clone(),
            bucket: bucket.clone(),
            addressing: if *virtual_host { AddressingStyle::VirtualHost } else { AddressingStyle::Path },
            read: credentials.clone(),
            write: credentials.clone(),
            state: credentials.clone(),
            reach: Reach::Users,
            cors_origins: Vec::new(),
        };
        Ok(Self {
            http: Http::new(options, clock)?,
            signer: Presigner::new(credentials, region.clone(), remote.endpoint()?),
            retry: options.retry,
            conditions_refused: AtomicBool::new(false),
            counts_refused: AtomicBool::new(false),
            known: Mutex::default(),
            target,
        })
    }

    /// Finds out, by some twenty requests on keys of its own, what the store does with conditions, and goes by it from now on.
    ///
    /// # Errors
    /// Why nothing can be said; what is known stays.
    pub(crate) async fn find_out(&self) -> Result<StoreProfile, ProbeError> {
        let mut random = [0; 8];
        crate::random::system().fill_bytes(&mut random);
        let clock = self.http.clock().clone();
        let profile = Probe::new(self.target.clone(), Run::new(random, move || clock.now()))?.conditions().await?;
        self.learn(profile.clone());
        Ok(profile)
    }

    /// Goes by what was found out earlier.
    pub(crate) fn learn(&self, profile: StoreProfile) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(profile);
    }

    /// Whether a condition is worth sending: not where the store ignores or refuses it.
    fn is_honoured(&self, condition: &PutCondition) -> bool {
        let profile = self.profile();
        match condition {
            PutCondition::None => true,
            PutCondition::Absent => profile.conditional_create.is_honoured(),
            PutCondition::Matches(_) => profile.conditional_replace.is_honoured(),
        }
    }

    /// The accounts that the bucket holds, in order.
    ///
    /// # Errors
    /// As [`Transport::list`].
    pub async fn accounts(&self) -> Result<Vec<UserId>, Error> {
        let mut accounts = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = vec![("list-type", "2"), ("prefix", "users/"), ("delimiter", "/"), ("encoding-type", "url")];
            query.extend(token.as_deref().map(|token| ("continuation-token", token)));
            let answer = self.listing(&query).await?;
            let page = list_xml::read_page(&answer.body).ok_or_else(|| answer.malformed("not a page of a listing"))?;
            let (folders, next) = page.into_folders();
            let ids =
                folders.iter().filter_map(|folder| folder.strip_prefix("users/")?.strip_suffix('/')?.parse::<UserId>().ok());
            accounts.extend(ids);
            if next.is_none() || next == token {
                accounts.sort_unstable();
                accounts.dedup();
                return Ok(accounts);
            }
            token = next;
        }
    }

    async fn listing(&self, query: &[(&str, &str)]) -> Result<Answer, Error> {
        repeat(&self.retry, || async {
            let (kind, method, query) = (RequestKind::List, Method::Get, query.to_vec());
            let answer = self
                .send(Request { kind, method, key: "", query, headers: vec![], body: Payload::Empty, limit: MAX_XML_BYTES })
                .await?;
            if answer.status == StatusCode::OK && !answer.is_of_somebody_else() {
                Ok(answer)
            } else {
                Err(store_answer::refusal(&answer))
            }
        })
        .await
    }

    /// Sends a request; once more if the store's answer tells that the clock is off.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Answer, Error> {
        let offset_before = self.http.clock().offset_ms();
        let answer = self.send_once(&request).await?;
        let was_corrected = self.http.clock().offset_ms() != offset_before;
        if was_corrected && store_answer::refuses_the_signature(&answer) {
            return self.send_once(&request).await;
        }
        Ok(answer)
    }

    async fn send_once(&self, request: &Request<'_>) -> Result<Answer, Error> {
        self.http.send(self.sign(request)?).await
    }

    pub(super) fn sign(&self, request: &Request<'_>) -> Result<Outgoing, Error> {
        let payload = request.body.hash();
        let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signed = self
            .signer
            .at(self.http.clock().now())
            .sign_headers(request.method, request.key, &request.query, &headers, payload)
            .map_err(|error| Error::InvalidSetting { setting: "access key", value: String::new(), reason: error.to_string() })?;
        let own = request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Put => reqwest::Method::PUT,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        Ok(Outgoing {
            peer: Peer::Store,
            kind: request.kind,
            method,
            url: signed.url,
            headers: own.chain(signed.headers).collect(),
            body: request.body.clone(),
            limit: (request.limit, request.key.to_owned()),
        })
    }

    /// When the store took each object of the folders in which these lie.
    async fn ages_of(&self, keys: &[ObjectKey]) -> Result<Ages, Error> {
        let folders: BTreeSet<ListPrefix> = keys.iter().filter_map(folder_of).collect();
        let mut ages = Ages::new();
        for folder in folders {
            let mut token = None;
            loop {
                let page = self.list(&folder, token.as_deref()).await?;
                ages.extend(page.entries.into_iter().map(|entry| (entry.key, entry.last_modified)));
                if page.next.is_none() || page.next == token {
                    break;
                }
                token = page.next;
            }
        }
        Ok(ages)
    }

    async fn delete_one(&self, key: &ObjectKey) -> Result<DeleteOutcome, Error> {
        let name = key.to_string();
        repeat(&self.retry, || async {
            let (kind, method, query) = (RequestKind::Delete, Method::Delete, vec![]);
            let limit = MAX_XML_BYTES;
            let answer =
                self.send(Request { kind, method, key: &name, query, headers: vec![], body: Payload::Empty, limit }).await?;
            match answer.status {
                StatusCode::OK | StatusCode::NO_CONTENT if !answer.is_of_somebody_else() => Ok(DeleteOutcome::Deleted),
                StatusCode::NOT_FOUND if xml::error_code(&answer.body) == "NoSuchKey" => Ok(DeleteOutcome::Absent),
                _ => Err(store_answer::refusal(&answer)),
            }
        })
        .await
    }

    pub(super) async fn put_body(
        &self,
        key: &ObjectKey,
        body: &Payload,
        sha256: &Sha256,
        condition: &PutCondition,
    ) -> Result<PutOutcome, Error> {
        let name = key.to_string();
        repeat(&self.retry, || async {
            let condition = if self.is_honoured(condition) { condition } else { &PutCondition::None };
            let answer = self.put_once(&name, body, sha256, condition).await?;
            if answer.status == StatusCode::NOT_IMPLEMENTED && *condition != PutCondition::None {
                self.conditions_refused.store(true, Ordering::Relaxed);
                let answer = self.put_once(&name, body, sha256, &PutCondition::None).await?;
                return store_answer::put(&answer, &PutCondition::None);
            }
            store_answer::put(&answer, condition)
        })
        .await
    }

    async fn put_once(&self, key: &str, body: &Payload, sha256: &Sha256, condition: &PutCondition) -> Result<Answer, Error> {
        let headers = put_headers(sha256, condition);
        let (kind, method) = (RequestKind::Put, Method::Put);
        self.send(Request { kind, method, key, query: vec![], headers, body: body.clone(), limit: MAX_XML_BYTES }).await
    }
}

#[async_trait]
impl Transport for DirectTransport {
    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome, Error> {
        let name = key.to_string();
        repeat(&self.retry, || async {
            let headers = get_headers(options);
            let (kind, method, query) = (RequestKind::Get, Method::Get, vec![]);
            let limit = options.limit.max(MAX_XML_BYTES);
            let answer = self.send(Request { kind, method, key: &name, query, headers, body: Payload::Empty, limit }).await?;
            store_answer::get(answer, options)
        })
        .await
    }

    async fn head(&self, key: &ObjectKey) -> Result<HeadOutcome, Error> {
        let name = key.to_string();
        repeat(&self.retry, || async {
            let (kind, method, query) = (RequestKind::Head, Method::Head, vec![]);
            let answer =
                self.send(Request { kind, method, key: &name, query, headers: vec![], body: Payload::Empty, limit: 0 }).await?;
            store_answer::head(&answer)
        })
        .await
    }

    async fn put(&self, key: &ObjectKey, body: Bytes, condition: &PutCondition) -> Result<PutOutcome, Error> {
        let sha256 = Sha256::of(&body);
        self.put_body(key, &Payload::Held(body), &sha256, condition).await
    }

    async fn list(&self, prefix: &ListPrefix, token: Option<&str>) -> Result<ListPage, Error> {
        let (prefix, max_keys) = (prefix.to_string(), PAGE_KEYS.to_string());
        let mut query =
            vec![("list-type", "2"), ("prefix", prefix.as_str()), ("max-keys", max_keys.as_str()), ("encoding-type", "url")];
        query.extend(token.map(|token| ("continuation-token", token)));
        let answer = self.listing(&query).await?;
        let page = list_xml::read_page(&answer.body).ok_or_else(|| answer.malformed("not a page of a listing"))?;
        Ok(page.into_page())
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<DeleteOutcome>, Error> {
        // Nobody else checks it here: what was written meanwhile, or under another clock, must not go.
        let stored = self.ages_of(keys).await?;
        let now = self.http.clock().now();
        let deletions = keys.iter().map(|key| async {
            match may_be_deleted(key, &stored, now) {
                Ok(()) => self.delete_one(key).await,
                Err(outcome) => Ok(outcome),
            }
        });
        // In a vector: the compiler cannot see through the borrowed iterator.
        let deletions: Vec<_> = deletions.collect();
        stream::iter(deletions).buffered(DELETES_AT_ONCE).try_collect().await
    }

    async fn prepare(&self, _wants: &[Want]) -> Result<(), Error> {
        Ok(())
    }

    fn profile(&self) -> StoreProfile {
        if self.conditions_refused.load(Ordering::Relaxed) {
            return StoreProfile::unprobed(Precondition::Refused, Precondition::Refused);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.unwrap_or(StoreProfile::ATOMIC)
    }

    fn traffic(&self) -> &TrafficCounter {
        self.http.traffic()
    }
}

/// The folder in which an object lies that may be deleted at all.
fn folder_of(key: &ObjectKey) -> Option<ListPrefix> {
    match *key {
        ObjectKey::Record { user, member, .. } => Some(ListPrefix::Records(user, member)),
        ObjectKey::Attachment { user, member, .. } => Some(ListPrefix::Attachments(user, member)),
        ObjectKey::Pack { user, member, .. } => Some(ListPrefix::Packs(user, member)),
        ObjectKey::Segment { space, .. } => Some(ListPrefix::Devices(space)),
        ObjectKey::Checkpoint { space, .. } => Some(ListPrefix::Checkpoints(space)),
        ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::DeviceFile { .. }
        | ObjectKey::Doorbell { .. }
        | ObjectKey::State(_) => None,
    }
}

/// The rule that a broker keeps for its clients: only content and history goes, and only when it is *old*.
fn may_be_deleted(key: &ObjectKey, stored: &Ages, now: OffsetDateTime) -> Result<(), DeleteOutcome> {
    let refused = |code, message: &str| DeleteOutcome::Refused { code, message: message.to_owned() };
    if folder_of(key).is_none() {
        return Err(refused(ProblemCode::Protected, "objects of this kind are never deleted"));
    }
    let Some(stored_at) = stored.get(key) else { return Err(DeleteOutcome::Absent) };
    let millis = |at: OffsetDateTime| u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    if is_old(stored_at.map(millis), millis(now)) {
        return Ok(());
    }
    Err(refused(ProblemCode::TooYoung, "the object is less than 7 days old; it can go later"))
}

fn get_headers<'a>(options: &GetOptions) -> Vec<(&'a str, String)> {
    let mut headers = Vec::new();
    headers.extend(options.if_none_match.clone().map(|etag| ("if-none-match", etag)));
    headers.extend(options.range.as_ref().and_then(range_header).map(|range| ("range", range)));
    headers
}

/// `Range` of RFC 9110, section 14.2; its end is inclusive.
pub(super) fn range_header(range: &Range<u64>) -> Option<String> {
    (range.start < range.end).then(|| format!("bytes={}-{}", range.start, range.end - 1))
}

fn put_headers<'a>(sha256: &Sha256, condition: &PutCondition) -> Vec<(&'a str, String)> {
    let checksum = STANDARD.encode(sha256.as_bytes());
    let mut headers = vec![("content-type", "application/octet-stream".to_owned())];
    match condition {
        PutCondition::None => {}
        PutCondition::Absent => headers.push(("if-none-match", "*".to_owned())),
        PutCondition::Matches(etag) => headers.push(("if-match", etag.clone())),
    }
    headers.push(("x-amz-checksum-sha256", checksum));
    headers
}

fn credentials_from_environment() -> Result<Credentials, Error> {
    let variable = |name: &'static str| env::var(name).ok().filter(|value| !value.is_empty());
    let required = |name: &'static str| variable(name).ok_or(Error::CredentialsMissing { missing: name });
    Ok(Credentials::new(required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?, variable("AWS_SESSION_TOKEN")))
}
