//! `POST /v1/tandem/credentials/validate` and `POST /v1/sync/tandem`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_tandem::source::{Client, Pump, SourceError, Token, Window};
use tidegate_tandem::{CONTEXT_BEFORE, Concentration, Normaliser, Settings};

use super::Relay;
use super::limit::HourlyLimit;
use super::refusal::Refusal;
use super::request::{Credentials, Span, SyncRequest, ValidateRequest, read};
use super::samples::{RelayedSample, SyncReply, relayed, reply};
use crate::broker::Broker;
use crate::budget::Payer;
use crate::identity::app_store::Asker;
use crate::problem::Problem;

/// The reply of `POST /v1/tandem/credentials/validate`.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ValidateReply {
    /// Always true: credentials that Tandem refuses are a problem.
    validated: bool,
}

/// Whether Tandem takes these credentials. They are tried once, and kept nowhere.
#[utoipa::path(
    post,
    path = "/v1/tandem/credentials/validate",
    tag = "tandem",
    request_body = ValidateRequest,
    security(("dpop" = []), ()),
    responses(
        (status = 200, description = "Tandem takes them", body = ValidateReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn validate(State(broker): State<Broker>, asker: Asker, body: Bytes) -> Result<Json<ValidateReply>, Refusal> {
    let relay = offered(&broker)?;
    asker.refuse_ended(&broker).await?;
    let credentials = read::<ValidateRequest>(&body)?.tandem.credentials()?;
    count(&relay.validations, &asker, &credentials, &broker)?;
    enter(relay, &credentials, &broker).await?;
    Ok(Json(ValidateReply { validated: true }))
}

/// Samples of the account's pumps, read from Tandem for this reply alone.
#[utoipa::path(
    post,
    path = "/v1/sync/tandem",
    tag = "tandem",
    request_body = SyncRequest,
    security(("dpop" = []), ()),
    responses(
        (status = 200, description = "The samples", body = SyncReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sync(State(broker): State<Broker>, asker: Asker, body: Bytes) -> Result<Json<SyncReply>, Refusal> {
    let relay = offered(&broker)?;
    asker.refuse_ended(&broker).await?;
    let request: SyncRequest = read(&body)?;
    let now = present(&broker)?;
    let span = request.span(now)?;
    let device = request.device_id;
    let credentials = request.tandem.credentials()?;
    let Ok(_place) = relay.places.try_acquire() else {
        return Err(Problem::new(ProblemCode::Overloaded, "the relay is at its limits; try again shortly").into());
    };
    count(&relay.syncs, &asker, &credentials, &broker)?;
    let token = enter(relay, &credentials, &broker).await?;
    let client = relay.client(&credentials);
    let pumps = client.account(&token).await?.pumps;
    let mut samples = Vec::new();
    let is_asked_for = |pump: &&Pump| {
        let Some(device) = device.as_deref() else { return true };
        pump.assignment_id.eq_ignore_ascii_case(device) || pump.serial_number.as_deref() == Some(device)
    };
    for pump in pumps.iter().filter(is_asked_for) {
        samples.extend(of_pump(client, &token, pump, &span, now).await?);
    }
    Ok(Json(reply(&span, samples)))
}

fn offered(broker: &Broker) -> Result<&Relay, Problem> {
    broker.relay.as_ref().ok_or_else(|| Problem::new(ProblemCode::NotFound, "this broker relays nothing from Tandem"))
}

/// The broker's present.
fn present(broker: &Broker) -> Result<Timestamp, Problem> {
    Timestamp::from_second(broker.clock.now().unix_timestamp()).map_err(Problem::internal)
}

/// Counts a call on its user and on the Tandem account: whoever has many users has no more of one account.
fn count(limit: &HourlyLimit, asker: &Asker, credentials: &Credentials, broker: &Broker) -> Result<(), Refusal> {
    let now = broker.clock.now();
    let account = credentials.account();
    limit.room(&account, now).map_err(Refusal::too_often)?;
    if let Some(name) = name_of(asker) {
        limit.take(&[&name], now).map_err(Refusal::too_often)?;
    }
    limit.take(&account, now).map_err(Refusal::too_often)
}

/// Who asks; a token that was given to nobody in particular names nobody.
fn name_of(asker: &Asker) -> Option<Vec<u8>> {
    match asker {
        Asker::Device(caller) => Some(match caller.payer() {
            Payer::Account(user) => user.to_string().into_bytes(),
            Payer::Identity(identity) => identity.to_string().into_bytes(),
        }),
        Asker::Bearer(claim) => claim.as_ref().map(|claim| claim.ent.to_string().into_bytes()),
    }
}

/// One login. An account that Tandem refused a few times within the hour is not tried again: Tandem would lock it.
async fn enter(relay: &Relay, credentials: &Credentials, broker: &Broker) -> Result<Token, Refusal> {
    let now = broker.clock.now();
    let account = credentials.account();
    // Taken before the attempt and given back after it, so that many at once are no more than some.
    relay.refused.take(&account, now).map_err(Refusal::would_lock)?;
    let outcome = relay.client(credentials).login(&credentials.login).await;
    let is_refused = matches!(outcome, Err(SourceError::Refused | SourceError::Locked { .. }));
    if !is_refused {
        relay.refused.give_back(&account);
    }
    Ok(outcome?)
}

/// The samples of a pump that ended within the span. Its log is read from before: for what began there, and for all that versions
/// count, so that they are the same whichever span a sample is read in.
async fn of_pump(
    client: &Client,
    token: &Token,
    pump: &Pump,
    span: &Span,
    now: Timestamp,
) -> Result<Vec<RelayedSample>, SourceError> {
    let Some((first, last)) = pump.available else { return Ok(Vec::new()) };
    let day = |at: Timestamp, hours: i64| {
        let at = at.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(at);
        span.rules.to_datetime(at).date()
    };
    let from = day(span.from, -24 * (CONTEXT_BEFORE + 1)).max(first.date());
    // A pump's clock may be a day ahead.
    let to = day(span.until, 24).min(last.date());
    let settings = Settings { pump: pump.assignment_id.clone(), zone: span.zone.clone(), concentration: Concentration::U100 };
    let mut normaliser = Normaliser::new(settings);
    for window in Window::split(from, to) {
        let log = client.pump_log(token, pump, window).await?;
        normaliser.add(log.events);
        normaliser.add_clock_changes(log.clock_changes);
    }
    Ok(normaliser.samples(Some(now)).iter().filter_map(|sample| relayed(sample, span)).collect())
}
