//! `POST /v1/presign` and `GET /v1/presigned-url/{key}`.

use axum::extract::State;
use http::Uri;
use tidegate_protocol::presign::{MAX_BATCH, PresignBatch, PresignItem, PresignOutcome, PresignReply, Refusal, SignedUrl};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_sigv4::{BatchSigner, Method};
use time::{Duration, OffsetDateTime};

use super::policy::{self, Credential, SignedConditions, SignedMethod};
use super::request::ObjectRequest;
use super::tally::{Tally, kind_of_request};
use crate::broker::Broker;
use crate::json::Json;
use crate::problem::Problem;
use crate::session::Caller;

/// Longest life of a URL in seconds.
pub(crate) const MAX_URL_SECONDS: u32 = 900;
/// Below this many seconds a URL is not worth handing out, and this long before its end a client should ask anew.
const MIN_URL_SECONDS: u32 = 60;
const PRESIGNED_URL: &str = "/v1/presigned-url/";

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
pub(crate) async fn presign(
    State(broker): State<Broker>,
    caller: Caller,
    Json(batch): Json<PresignBatch>,
) -> Result<Json<PresignReply>, Problem> {
    if !(1..=MAX_BATCH).contains(&batch.items.len()) {
        return Err(Problem::new(ProblemCode::BatchSize, format!("a batch holds 1 to {MAX_BATCH} items")));
    }
    let mut signing = Signing::begin(&broker, &caller)?;
    let results = batch.items.iter().map(|item| signing.outcome(item)).collect();
    signing.note();
    Ok(Json(PresignReply { results }))
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
    let key = uri.path().strip_prefix(PRESIGNED_URL).unwrap_or_default().to_owned();
    let item = PresignItem { method: "GET".to_owned(), key, ..PresignItem::default() };
    let mut signing = Signing::begin(&broker, &caller)?;
    let outcome = signing.outcome(&item);
    signing.note();
    match outcome {
        PresignOutcome::Signed(signed) => Ok(Json(signed)),
        PresignOutcome::Refused(refusal) => Err(refusal.into()),
    }
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
    fn begin(broker: &'a Broker, caller: &'a Caller) -> Result<Self, Problem> {
        let now = broker.clock.now();
        let left = u32::try_from((caller.expires_at() - now).whole_seconds()).unwrap_or(0);
        let seconds = left.min(MAX_URL_SECONDS);
        if seconds < MIN_URL_SECONDS {
            let message = format!("the access token ends in {seconds} s; renew the session first");
            return Err(Problem::new(ProblemCode::RenewFirst, message));
        }
        Ok(Self { broker, caller, now, seconds, read: broker.read.at(now), write: broker.write.at(now), tally: Tally::default() })
    }

    fn note(self) {
        self.tally.note(self.broker, self.caller, self.now);
    }

    fn outcome(&mut self, item: &PresignItem) -> PresignOutcome {
        match self.sign(item) {
            Ok(signed) => PresignOutcome::Signed(signed),
            Err(refusal) => {
                self.tally.refuse(refusal.code);
                PresignOutcome::Refused(refusal)
            }
        }
    }

    fn sign(&mut self, item: &PresignItem) -> Result<SignedUrl, Refusal> {
        let request = ObjectRequest::parse(item, &self.broker.uploads)?;
        let conditions = policy::authorize(self.caller.scopes(), &request, &self.broker.profile)?;
        if !self.caller.take_bytes(self.broker, conditions.signed_bytes, self.now) {
            let message = "the account's bytes of the day are used up; try again tomorrow (UTC)".to_owned();
            return Err(Refusal { code: ProblemCode::DailyLimit, message });
        }
        let method = conditions.method;
        let signed = self.url(conditions)?;
        self.tally.sign(method, kind_of_request(&request));
        Ok(signed)
    }

    fn url(&self, conditions: SignedConditions) -> Result<SignedUrl, Refusal> {
        let SignedConditions { method, key, query, headers, credential, signed_bytes: _ } = conditions;
        let signer = match credential {
            Credential::Read => &self.read,
            Credential::Write => &self.write,
        };
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let url = signer.presign(sigv4_method(method), &key, &query, &signed, self.seconds).map_err(|error| {
            tracing::error!(%error, "what the policy granted could not be signed");
            Refusal { code: ProblemCode::Internal, message: "this item could not be signed".to_owned() }
        })?;
        Ok(SignedUrl {
            method: method.as_str().to_owned(),
            url,
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            expires_at: self.now + Duration::seconds(i64::from(self.seconds)),
            renew_after: self.now + Duration::seconds(i64::from(self.seconds - MIN_URL_SECONDS)),
        })
    }
}

const fn sigv4_method(method: SignedMethod) -> Method {
    match method {
        SignedMethod::Get => Method::Get,
        SignedMethod::Head => Method::Head,
        SignedMethod::Put => Method::Put,
    }
}
