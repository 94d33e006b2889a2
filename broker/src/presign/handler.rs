//! `POST /v1/presign` and `GET /v1/presigned-url/{key}`.

use std::borrow::Cow;
use std::ops::Deref;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use smallvec::SmallVec;
use tidegate_protocol::presign::{MAX_BATCH, PresignBatch, PresignReply, Refusal, SignedUrl};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::wire::timestamp;
use tidegate_sigv4::{BatchSigner, Method};
use time::{Duration, OffsetDateTime};

use super::item::{Batch, Item};
use super::policy::{self, Credential, SignedConditions, SignedMethod};
use super::reply::{ReplyWriter, Times};
use super::request::ObjectRequest;
use super::tally::{Tally, kind_of_request};
use crate::broker::{Broker, Signers};
use crate::json::{self, Json, JsonBody};
use crate::problem::Problem;
use crate::session::Caller;

/// Longest life of a URL in seconds.
pub(crate) const MAX_URL_SECONDS: u32 = 900;
/// Below this many seconds a URL is not worth handing out, and this long before its end a client should ask anew.
const MIN_URL_SECONDS: u32 = 60;
const PRESIGNED_URL: &str = "/v1/presigned-url/";

/// Without an allocation for each URL: a list's query, which has the most, has five, and a PUT four headers.
type Pairs<'a> = SmallVec<[(&'a str, &'a str); 5]>;

/// Each object asked for gets a signed URL or its own refusal; one refusal does not fail the rest.
#[utoipa::path(
    post,
    path = "/v1/presign",
    tag = "objects",
    request_body = PresignBatch,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "One result for each item, in order", body = PresignReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn presign(State(broker): State<Broker>, caller: Caller, JsonBody(body): JsonBody) -> Result<Response, Problem> {
    let batch: Batch<'_> = json::read(&body)?;
    if !(1..=MAX_BATCH).contains(&batch.items.len()) {
        return Err(Problem::new(ProblemCode::BatchSize, format!("a batch holds 1 to {MAX_BATCH} items")));
    }
    let signers = broker.signers.get();
    let mut signing = Signing::begin(&broker, &caller, &signers)?;
    let mut reply = ReplyWriter::new(batch.items.len(), signing.times()?);
    for item in batch.items {
        reply.push(&signing.outcome(item));
    }
    signing.note();
    Ok(reply.finish())
}

/// A signed GET of one object.
#[utoipa::path(
    get,
    path = "/v1/presigned-url/{key}",
    tag = "objects",
    params(("key" = String, Path, description = "The object's key, with its slashes; nothing in it is percent-encoded")),
    security(("dpop" = [])),
    responses(
        (status = 200, description = "The URL", body = SignedUrl),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn presigned_url(State(broker): State<Broker>, uri: Uri, caller: Caller) -> Result<Json<SignedUrl>, Problem> {
    // The raw path: a key has one spelling, so whatever is percent-encoded is no key.
    let key = uri.path().strip_prefix(PRESIGNED_URL).unwrap_or_default();
    let item = Item { method: "GET".into(), key: key.into(), ..Item::default() };
    let signers = broker.signers.get();
    let mut signing = Signing::begin(&broker, &caller, &signers)?;
    let outcome = signing.outcome(item);
    let (expires_at, renew_after) = (signing.expires_at(), signing.renew_after());
    signing.note();
    let Signed { method, url, headers } = outcome?;
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
    Ok(Json(SignedUrl { method: method.to_owned(), url, headers, expires_at, renew_after }))
}

/// A URL and what must be sent with it.
pub(super) struct Signed {
    pub(super) method: &'static str,
    pub(super) url: String,
    /// Sorted by name, in lower case.
    pub(super) headers: Vec<(&'static str, Cow<'static, str>)>,
}

/// What all items of one call share: the caller, the time, both signers prepared.
struct Signing<'a> {
    broker: &'a Broker,
    caller: &'a Caller,
    now: OffsetDateTime,
    seconds: u32,
    read: BatchSigner<'a>,
    write: BatchSigner<'a>,
    tally: Tally,
}

impl<'a> Signing<'a> {
    fn begin(broker: &'a Broker, caller: &'a Caller, signers: &'a Signers) -> Result<Self, Problem> {
        let now = broker.clock.now();
        let left = u32::try_from((caller.expires_at() - now).whole_seconds()).unwrap_or(0);
        let seconds = left.min(MAX_URL_SECONDS);
        if seconds < MIN_URL_SECONDS {
            let message = format!("the access token ends in {seconds} s; renew the session first");
            return Err(Problem::new(ProblemCode::RenewFirst, message));
        }
        Ok(Self {
            broker,
            caller,
            now,
            seconds,
            read: signers.read.at(now),
            write: signers.write.at(now),
            tally: Tally::default(),
        })
    }

    fn note(self) {
        self.tally.note(self.broker, self.caller, self.now);
    }

    fn expires_at(&self) -> OffsetDateTime {
        self.now + Duration::seconds(i64::from(self.seconds))
    }

    /// When to ask for a fresh one rather than to use it.
    fn renew_after(&self) -> OffsetDateTime {
        self.now + Duration::seconds(i64::from(self.seconds - MIN_URL_SECONDS))
    }

    fn times(&self) -> Result<Times, Problem> {
        let text = |time| timestamp::format(time).map_err(Problem::internal);
        Ok(Times { expires_at: text(self.expires_at())?, renew_after: text(self.renew_after())? })
    }

    fn outcome(&mut self, item: Item<'_>) -> Result<Signed, Refusal> {
        self.sign(item).inspect_err(|refusal| self.tally.refuse(refusal.code))
    }

    fn sign(&mut self, item: Item<'_>) -> Result<Signed, Refusal> {
        let request = ObjectRequest::parse(item, &self.broker.uploads)?;
        let kind = kind_of_request(&request);
        let conditions = policy::authorize(self.caller.scopes(), request, &self.broker.profile)?;
        if !self.caller.take_bytes(self.broker, conditions.signed_bytes, self.now) {
            let message = "the account's bytes of the day are used up; try again tomorrow (UTC)".to_owned();
            return Err(Refusal { code: ProblemCode::DailyLimit, message });
        }
        let method = conditions.method;
        let signed = self.url(conditions)?;
        self.tally.sign(method, kind);
        Ok(signed)
    }

    fn url(&self, conditions: SignedConditions<'_>) -> Result<Signed, Refusal> {
        let SignedConditions { method, key, query, headers, credential, signed_bytes: _ } = conditions;
        let signer = match credential {
            Credential::Read => &self.read,
            Credential::Write => &self.write,
        };
        let url = signer.presign(sigv4_method(method), &key, &borrowed(&query), &borrowed(&headers), self.seconds);
        let url = url.map_err(|error| {
            tracing::error!(%error, "what the policy granted could not be signed");
            Refusal { code: ProblemCode::Internal, message: "this item could not be signed".to_owned() }
        })?;
        Ok(Signed { method: method.as_str(), url, headers })
    }
}

/// The pairs as the signer takes them.
fn borrowed<'a>(pairs: &'a [(&str, impl Deref<Target = str>)]) -> Pairs<'a> {
    pairs.iter().map(|(name, value)| (*name, &**value)).collect()
}

const fn sigv4_method(method: SignedMethod) -> Method {
    match method {
        SignedMethod::Get => Method::Get,
        SignedMethod::Head => Method::Head,
        SignedMethod::Put => Method::Put,
    }
}
