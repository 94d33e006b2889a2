//! Through a broker: each request goes straight to the store, under a URL that the broker signed for it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::StatusCode;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::delete::{DeleteBatch, DeleteOutcome as WireDelete, DeleteReply};
use tidegate_protocol::presign::{MAX_BATCH, PresignBatch, PresignItem, PresignOutcome, PresignReply, Refusal, SignedUrl};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ListPrefix, ObjectKey, Sha256};

use super::direct::{MAX_XML_BYTES, PAGE_KEYS, range_header};
use super::http::Opened;
use super::retry::{RetryPolicy, repeat};
use super::traffic::RequestKind;
use super::{
    Answer, DeleteOutcome, GetOptions, GetOutcome, HeadOutcome, Http, ListPage, Outgoing, Payload, Peer, PutCondition,
    PutOutcome, TrafficCounter, Transport, Want, list_xml, store_answer,
};
use crate::error::Error;
use crate::session::Session;

/// The most URLs kept for reuse.
const MAX_KEPT: usize = 4_096;

/// A session with a broker, and the URLs it gave.
pub struct BrokerTransport {
    http: Http,
    pub(super) session: Arc<Session>,
    pub(super) retry: RetryPolicy,
    urls: Mutex<HashMap<Want, Result<SignedUrl, Refusal>>>,
    refreshing: tokio::sync::Mutex<()>,
    /// Where the last URL led.
    store_host: Mutex<Option<String>>,
}

impl fmt::Debug for BrokerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerTransport").field("session", &self.session).finish_non_exhaustive()
    }
}

impl BrokerTransport {
    /// Uses this session.
    #[must_use]
    pub fn new(session: Arc<Session>, retry: RetryPolicy) -> Self {
        Self {
            http: session.http().clone(),
            session,
            retry,
            urls: Mutex::default(),
            refreshing: tokio::sync::Mutex::default(),
            store_host: Mutex::default(),
        }
    }

    /// How calls to the broker are repeated.
    pub(crate) const fn retry(&self) -> &RetryPolicy {
        &self.retry
    }

    /// Sends the request under a URL kept or asked for; once more with a fresh one if the store no longer takes the kept one:
    /// it ended early, with the credential that signed it, or clocks disagree.
    pub(super) async fn send(
        &self,
        want: &Want,
        headers: &[(String, String)],
        body: &Payload,
        limit: u64,
    ) -> Result<Answer, Error> {
        let (signed, was_kept) = self.url(want).await?;
        let used = signed.url.clone();
        let answer = self.send_once(want, signed, headers, body, limit).await;
        if was_kept && answer.is_err() && !matches!(body, Payload::Empty) {
            // A store that refuses a URL before it has read the body may close the connection faster than its answer arrives.
            self.forget(want);
        }
        let answer = answer?;
        if was_kept && store_answer::refuses_the_signature(&answer) {
            let fresh = self.refreshed(want, &used).await?;
            return self.send_once(want, fresh, headers, body, limit).await;
        }
        Ok(answer)
    }

    /// Another URL than the one that was refused. What was kept beside it was signed with it and is asked for with it, in one
    /// call: a thousand URLs that have ended must not cost a thousand calls.
    async fn refreshed(&self, want: &Want, refused_url: &str) -> Result<SignedUrl, Error> {
        let _one_at_a_time = self.refreshing.lock().await;
        if let Some(Ok(newer)) = self.kept(want).filter(|kept| kept.as_ref().is_ok_and(|url| url.url != refused_url)) {
            return Ok(newer);
        }
        let beside: Vec<Want> = {
            let urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
            urls.keys().filter(|kept| *kept != want).take(MAX_BATCH - 1).cloned().collect()
        };
        let wants: Vec<Want> = std::iter::once(want.clone()).chain(beside).collect();
        self.presign(&wants).await?;
        self.just_signed(want)
    }

    async fn send_once(
        &self,
        want: &Want,
        signed: SignedUrl,
        headers: &[(String, String)],
        body: &Payload,
        limit: u64,
    ) -> Result<Answer, Error> {
        self.http.send(outgoing(want, signed, headers, body, limit)).await
    }

    /// A URL for this request, and whether it was kept from before.
    async fn url(&self, want: &Want) -> Result<(SignedUrl, bool), Error> {
        if let Some(kept) = self.kept(want) {
            return kept.map(|url| (url, true)).map_err(refused);
        }
        self.presign(std::slice::from_ref(want)).await?;
        self.just_signed(want).map(|url| (url, false))
    }

    /// What the broker has just said to this request, whatever the clock says by now: an answer may have corrected it.
    fn just_signed(&self, want: &Want) -> Result<SignedUrl, Error> {
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        let said = urls.get(want).cloned().ok_or_else(|| Error::bug("a URL that was just signed is gone"))?;
        said.map_err(|refusal| {
            urls.remove(want);
            refused(refusal)
        })
    }

    fn kept(&self, want: &Want) -> Option<Result<SignedUrl, Refusal>> {
        let now = self.http.clock().now();
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        match urls.get(want)? {
            Ok(url) if now < url.renew_after => Some(Ok(url.clone())),
            Ok(_) => {
                urls.remove(want);
                None
            }
            // A refusal is told once and asked for anew the next time.
            Err(_) => urls.remove(want),
        }
    }

    fn forget(&self, want: &Want) {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).remove(want);
    }

    /// Sends a body under a URL that is good for it alone.
    pub(super) async fn put_body(&self, want: &Want, body: &Payload, condition: &PutCondition) -> Result<PutOutcome, Error> {
        let outcome =
            repeat(&self.retry, || async { store_answer::put(&self.send(want, &[], body, MAX_XML_BYTES).await?, condition) })
                .await;
        self.forget(want);
        outcome
    }

    /// Opens what is asked for, as [`Self::send`] does, without reading it.
    pub(super) async fn open_answer(&self, want: &Want, headers: &[(String, String)]) -> Result<Opened, Error> {
        let (signed, was_kept) = self.url(want).await?;
        let used = signed.url.clone();
        let body = Payload::Empty;
        let opened = self.http.open(outgoing(want, signed, headers, &body, MAX_XML_BYTES)).await?;
        if was_kept && store_answer::refuses_the_signature(&opened.answer) {
            let fresh = self.refreshed(want, &used).await?;
            return self.http.open(outgoing(want, fresh, headers, &body, MAX_XML_BYTES)).await;
        }
        Ok(opened)
    }

    async fn presign(&self, wants: &[Want]) -> Result<(), Error> {
        for batch in wants.chunks(MAX_BATCH) {
            let outcomes = self.presign_batch(batch).await?;
            let renew_first = outcomes.iter().any(|outcome| match outcome {
                PresignOutcome::Refused(refusal) => refusal.code == ProblemCode::RenewFirst,
                PresignOutcome::Signed(_) => false,
            });
            let outcomes = if renew_first {
                self.session.renew_now().await?;
                self.presign_batch(batch).await?
            } else {
                outcomes
            };
            self.keep(batch, outcomes);
        }
        Ok(())
    }

    async fn presign_batch(&self, batch: &[Want]) -> Result<Vec<PresignOutcome>, Error> {
        let profile = self.session.profile();
        let body = PresignBatch { items: batch.iter().map(|want| item(want, &profile)).collect() };
        let reply: PresignReply =
            repeat(&self.retry, || self.session.call_with_token(RequestKind::Presign, "/v1/presign", &body)).await?;
        if reply.results.len() != batch.len() {
            return Err(self.session.malformed("another number of URLs than were asked for"));
        }
        Ok(reply.results)
    }

    fn keep(&self, batch: &[Want], outcomes: Vec<PresignOutcome>) {
        let now = self.http.clock().now();
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        if urls.len() + batch.len() > MAX_KEPT {
            urls.retain(|_, kept| kept.as_ref().is_ok_and(|url| now < url.renew_after));
        }
        if urls.len() + batch.len() > MAX_KEPT {
            urls.clear();
        }
        let mut host = None;
        for (want, outcome) in batch.iter().zip(outcomes) {
            let kept = match outcome {
                PresignOutcome::Signed(mut url) => {
                    host.get_or_insert_with(|| host_of(&url.url));
                    // A URL whose time to renew has come at birth is good for the one request that it was asked for.
                    url.renew_after = url.renew_after.max(now + time::Duration::seconds(5));
                    Ok(url)
                }
                PresignOutcome::Refused(refusal) => Err(refusal),
            };
            urls.insert(want.clone(), kept);
        }
        if let Some(host) = host.flatten() {
            *self.store_host.lock().unwrap_or_else(PoisonError::into_inner) = Some(host);
        }
    }
}

#[async_trait]
impl Transport for BrokerTransport {
    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome, Error> {
        let want = Want::Get(key.clone());
        let mut headers = Vec::new();
        headers.extend(options.if_none_match.clone().map(|etag| ("if-none-match".to_owned(), etag)));
        headers.extend(options.range.as_ref().and_then(range_header).map(|range| ("range".to_owned(), range)));
        repeat(&self.retry, || async {
            let answer = self.send(&want, &headers, &Payload::Empty, options.limit.max(MAX_XML_BYTES)).await?;
            store_answer::get(answer, options)
        })
        .await
    }

    async fn head(&self, key: &ObjectKey) -> Result<HeadOutcome, Error> {
        let want = Want::Head(key.clone());
        repeat(&self.retry, || async { store_answer::head(&self.send(&want, &[], &Payload::Empty, 0).await?) }).await
    }

    async fn put(&self, key: &ObjectKey, body: Bytes, condition: &PutCondition) -> Result<PutOutcome, Error> {
        let want = put_want(key, &body, condition);
        self.put_body(&want, &Payload::Held(body), condition).await
    }

    async fn list(&self, prefix: &ListPrefix, token: Option<&str>) -> Result<ListPage, Error> {
        let want = Want::List(*prefix, token.map(str::to_owned));
        repeat(&self.retry, || async {
            let answer = self.send(&want, &[], &Payload::Empty, MAX_XML_BYTES).await?;
            if answer.status != StatusCode::OK || answer.is_of_somebody_else() {
                return Err(store_answer::refusal(&answer));
            }
            let page = list_xml::read_page(&answer.body).ok_or_else(|| answer.malformed("not a page of a listing"))?;
            Ok(page.into_page())
        })
        .await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<DeleteOutcome>, Error> {
        let mut outcomes = Vec::with_capacity(keys.len());
        for batch in keys.chunks(MAX_BATCH) {
            let body = DeleteBatch { keys: batch.iter().map(ToString::to_string).collect() };
            let reply: DeleteReply =
                repeat(&self.retry, || self.session.call_with_token(RequestKind::Delete, "/v1/delete", &body)).await?;
            if reply.results.len() != batch.len() {
                return Err(self.session.malformed("another number of outcomes than keys"));
            }
            outcomes.extend(reply.results.into_iter().map(|outcome| match outcome {
                WireDelete::Deleted => DeleteOutcome::Deleted,
                WireDelete::Absent => DeleteOutcome::Absent,
                WireDelete::Refused(Refusal { code, message }) => DeleteOutcome::Refused { code, message },
            }));
        }
        Ok(outcomes)
    }

    async fn prepare(&self, wants: &[Want]) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let missing: Vec<Want> = wants.iter().filter(|want| seen.insert(*want) && !self.is_kept(want)).cloned().collect();
        if missing.is_empty() { Ok(()) } else { self.presign(&missing).await }
    }

    fn profile(&self) -> StoreProfile {
        self.session.profile()
    }

    fn store_host(&self) -> Option<String> {
        self.store_host.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn traffic(&self) -> &TrafficCounter {
        self.http.traffic()
    }
}

impl BrokerTransport {
    fn is_kept(&self, want: &Want) -> bool {
        let now = self.http.clock().now();
        let urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        urls.get(want).is_some_and(|kept| kept.as_ref().is_ok_and(|url| now < url.renew_after))
    }
}

/// The request under its URL.
fn outgoing(want: &Want, signed: SignedUrl, headers: &[(String, String)], body: &Payload, limit: u64) -> Outgoing {
    let (kind, method) = match want {
        Want::Get(_) => (RequestKind::Get, reqwest::Method::GET),
        Want::Head(_) => (RequestKind::Head, reqwest::Method::HEAD),
        Want::Put { .. } | Want::PutPart { .. } => (RequestKind::Put, reqwest::Method::PUT),
        Want::List(..) => (RequestKind::List, reqwest::Method::GET),
    };
    Outgoing {
        peer: Peer::Store,
        kind,
        method,
        url: signed.url,
        headers: signed.headers.into_iter().chain(headers.iter().cloned()).collect(),
        body: body.clone(),
        limit: (limit, name_of(want)),
    }
}

/// The PUT of exactly these bytes.
pub(crate) fn put_want(key: &ObjectKey, body: &[u8], condition: &PutCondition) -> Want {
    Want::Put { key: key.clone(), length: body.len() as u64, sha256: Sha256::of(body), condition: condition.clone() }
}

fn item(want: &Want, profile: &StoreProfile) -> PresignItem {
    match want {
        Want::Get(key) => PresignItem { method: "GET".to_owned(), key: key.to_string(), ..PresignItem::default() },
        Want::Head(key) => PresignItem { method: "HEAD".to_owned(), key: key.to_string(), ..PresignItem::default() },
        Want::Put { key, length, sha256, condition } => {
            // The policy itself adds create-only to what is written once; conditions have a place on the rest alone.
            let is_rewritable = matches!(key, ObjectKey::Doorbell { .. } | ObjectKey::DeviceFile { .. });
            let (if_match, create_only) = match condition {
                PutCondition::Matches(etag) if is_rewritable && profile.conditional_replace.is_honoured() => {
                    (Some(etag.clone()), false)
                }
                PutCondition::Absent if is_rewritable && profile.conditional_create.is_honoured() => (None, true),
                PutCondition::Matches(_) | PutCondition::Absent | PutCondition::None => (None, false),
            };
            PresignItem {
                method: "PUT".to_owned(),
                key: key.to_string(),
                length: Some(*length),
                sha256: Some(sha256.to_string()),
                if_match,
                create_only,
                ..PresignItem::default()
            }
        }
        Want::PutPart { key, upload, number, length, sha256 } => PresignItem {
            method: "PUT".to_owned(),
            key: key.to_string(),
            length: Some(*length),
            sha256: Some(sha256.to_string()),
            upload_id: Some(upload.0.clone()),
            part_number: Some(*number),
            ..PresignItem::default()
        },
        Want::List(prefix, token) => PresignItem {
            method: "LIST".to_owned(),
            key: prefix.to_string(),
            max_keys: Some(PAGE_KEYS),
            continuation_token: token.clone(),
            ..PresignItem::default()
        },
    }
}

fn name_of(want: &Want) -> String {
    match want {
        Want::Get(key) | Want::Head(key) | Want::Put { key, .. } | Want::PutPart { key, .. } => key.to_string(),
        Want::List(prefix, _) => prefix.to_string(),
    }
}

fn host_of(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

fn refused(Refusal { code, message }: Refusal) -> Error {
    Error::Problem { code, message, correlation_id: String::new(), retry_after: None }
}
