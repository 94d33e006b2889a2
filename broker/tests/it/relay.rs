//! The relay between apps and Tandem's service: what it gives, whom it refuses, and that nothing of it stays anywhere.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tidegate_broker::RelaySettings;
use tidegate_testkit::tandem::{Fault, LogPlan, Plan, PlannedPump, Stage, TandemStandIn};
use time::Duration;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::device::{Device, Reply, send};
use crate::world::World;

const VALIDATE: &str = "/v1/tandem/credentials/validate";
const SYNC: &str = "/v1/sync/tandem";
const SECOND_PUMP: &str = "6a0b2c3d-0000-4000-8000-000000000002";

/// A broker with a relay to a stand-in, and a device with a session.
struct Relayed {
    world: World,
    tandem: TandemStandIn,
    device: Device,
    token: String,
}

fn today() -> Date {
    Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn days_ago(days: i64) -> Date {
    today().saturating_sub(SignedDuration::from_hours(24 * days))
}

impl Relayed {
    async fn start() -> Self {
        let plan = Plan::of(LogPlan::new(days_ago(12), 12, 5))
            .and_pump(PlannedPump::with(SECOND_PUMP, "7654321", Some(LogPlan::new(days_ago(4), 4, 6))))
            .and_pump(PlannedPump::with("6a0b2c3d-0000-4000-8000-000000000003", "1111111", None));
        let tandem = TandemStandIn::start(plan).await;
        let settings = RelaySettings { us: tandem.endpoints(), eu: tandem.endpoints(), ..RelaySettings::default() };
        let world = World::with(|options| {
            options.relay = Some(settings);
            options.self_host_pumpsync = true;
            // A slow machine is no slow Tandem.
            options.limits.request_seconds = 300;
            options.tokens.access_seconds = 3600;
        })
        .await;
        let (device, session) = world.enrolled().await;
        Self { world, tandem, device, token: session.access_token }
    }

    fn account(&self) -> Value {
        let plan = self.tandem.plan();
        json!({ "username": plan.username, "password": plan.password, "region": "EU" })
    }

    async fn validate(&self, account: &Value) -> Reply {
        self.device.call("POST", VALIDATE, &json!({ "tandem": account }), Some(&self.token)).await
    }

    async fn sync(&self, more: Value) -> Reply {
        let mut body = json!({ "tandem": self.account(), "timeZoneIdentifier": "Europe/Berlin" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.device.call("POST", SYNC, &body, Some(&self.token)).await
    }
}

#[tokio::test]
async fn it_is_off_unless_it_is_set_and_capabilities_say_so() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    for path in [VALIDATE, SYNC] {
        assert_eq!(device.call("POST", path, &json!({}), Some(&session.access_token)).await.code(), "not-found");
    }
    let capabilities =
        async |world: &World| send(Method::GET, &format!("{}/v1/capabilities", world.broker_url), &[], vec![]).await.json();
    assert!(capabilities(&world).await.get("tandemRelay").is_none());
    let relayed = Relayed::start().await;
    let told = capabilities(&relayed.world).await;
    assert_eq!(
        (&told["tandemRelay"], &told["tandemCredentialStorage"], &told["tandemDataRetention"]),
        (&json!(true), &json!("none"), &json!("none"))
    );
}

#[tokio::test]
async fn credentials_are_tried_at_tandem_and_not_until_it_locks_the_account() {
    let relayed = Relayed::start().await;
    assert_eq!(relayed.validate(&relayed.account()).await.json(), json!({ "validated": true }));
    let mut wrong = relayed.account();
    wrong["password"] = json!("wrong");
    for _ in 0..3 {
        assert_eq!(relayed.validate(&wrong).await.code(), "tandem-credentials-refused");
    }
    let refused = relayed.validate(&wrong).await;
    assert_eq!(refused.code(), "tandem-locked");
    assert!(refused.headers["retry-after"].parse::<u32>().unwrap() > 3_000);
    assert_eq!(relayed.tandem.count(Stage::Login), 4);
    relayed.world.clock.advance(Duration::minutes(61));
    for body in [json!({}), json!({ "tandem": { "username": "e", "password": ["planted-7"], "region": "eu" } })] {
        let reply = relayed.device.call("POST", VALIDATE, &body, Some(&relayed.token)).await;
        assert!(!String::from_utf8_lossy(&reply.body).contains("planted-7"));
        assert!(reply.status >= 400);
    }
}

#[tokio::test]
async fn a_sync_gives_the_samples_of_every_pump_in_the_form_of_the_contract() {
    let relayed = Relayed::start().await;
    // Up to the last day of the logs, whatever the time of day is now: so the day before the cursor's end has samples.
    let reply = relayed.sync(json!({ "maxDate": days_ago(1).to_string() })).await;
    assert_eq!(reply.code(), "ok", "{}", String::from_utf8_lossy(&reply.body));
    let reply = reply.json();
    let samples = reply["samples"].as_array().unwrap();
    let kinds: BTreeSet<&str> = samples.iter().map(|sample| sample["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["insulin.basal", "insulin.bolus", "nutrition.carbohydrates"]));
    let pumps: BTreeSet<&str> = samples.iter().map(|sample| sample["source"]["deviceId"].as_str().unwrap()).collect();
    assert_eq!(pumps.len(), 2);
    let ids: BTreeSet<&str> = samples.iter().map(|sample| sample["externalId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), samples.len());
    let (from, until) = (reply["effectiveMinDate"].as_str().unwrap(), reply["effectiveMaxDate"].as_str().unwrap());
    for sample in samples {
        assert!(sample["value"].as_f64().unwrap() > 0.0);
        let (start, end) = (sample["startAt"].as_str().unwrap(), sample["endAt"].as_str().unwrap());
        assert!(start <= end && from <= end && end <= until, "{sample}");
        assert_eq!(sample["metadata"]["timeZone"], "Europe/Berlin");
    }
    let cursor: Timestamp = reply["cursor"].as_str().unwrap().parse().unwrap();
    assert_eq!(until.parse::<Timestamp>().unwrap().duration_since(cursor), SignedDuration::from_hours(24));

    let again = relayed.sync(json!({ "minDate": reply["cursor"], "deviceId": SECOND_PUMP })).await.json();
    let again = again["samples"].as_array().unwrap();
    assert!(!again.is_empty());
    assert!(again.iter().all(|sample| ids.contains(sample["externalId"].as_str().unwrap())));
    assert!(again.iter().all(|sample| sample["source"]["deviceId"] == SECOND_PUMP));
}

#[tokio::test]
async fn a_month_and_a_half_and_a_zone_that_is_missing_are_refused() {
    let relayed = Relayed::start().await;
    for more in [
        json!({ "minDate": days_ago(45).to_string() }),
        json!({ "timeZoneIdentifier": null }),
        json!({ "timeZoneIdentifier": "Mars/Phobos" }),
        json!({ "minDate": days_ago(1).to_string(), "maxDate": days_ago(3).to_string() }),
    ] {
        assert_eq!(relayed.sync(more.clone()).await.code(), "invalid-request", "{more}");
    }
    assert_eq!(relayed.tandem.count(Stage::Login), 0);
}

#[tokio::test]
async fn twelve_syncs_an_hour_are_enough() {
    let relayed = Relayed::start().await;
    let day = json!({ "minDate": days_ago(2).to_string(), "maxDate": days_ago(2).to_string(), "deviceId": "7654321" });
    for _ in 0..12 {
        assert_eq!(relayed.sync(day.clone()).await.code(), "ok");
    }
    let refused = relayed.sync(day.clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "tandem-sync-limit"));
    assert!(refused.headers["retry-after"].parse::<u32>().unwrap() > 60);
    assert_eq!(relayed.tandem.count(Stage::Login), 12);
}

#[tokio::test]
async fn what_fails_at_tandem_is_told_without_its_words() {
    let relayed = Relayed::start().await;
    for (stage, fault, code) in [
        (Stage::Login, Fault::Html(200), "tandem-unavailable"),
        (Stage::Login, Fault::Firewall, "tandem-unavailable"),
        (Stage::Token, Fault::Status(500), "tandem-unavailable"),
        (Stage::Account, Fault::Json(200, json!({ "name": "Erika Musterfrau" })), "tandem-unavailable"),
        (Stage::Account, Fault::RateLimit(Some("900".to_owned())), "tandem-unavailable"),
        (Stage::Log, Fault::Html(404), "tandem-unavailable"),
    ] {
        relayed.tandem.fail(stage, [fault.clone()]);
        let reply = relayed.sync(json!({})).await;
        assert_eq!(reply.code(), code, "{stage:?} {fault:?}");
        assert!(reply.headers["retry-after"].parse::<u32>().unwrap() >= 60);
        assert!(!String::from_utf8_lossy(&reply.body).contains("Erika"));
    }
}

#[tokio::test]
async fn pumpsyncs_client_is_served_by_its_bearer_token_and_nobody_without_one() {
    let relayed = Relayed::start().await;
    let json = [("content-type", "application/json")];
    let open = format!("{}/v1/self-host/session", relayed.world.broker_url);
    let session = send(Method::POST, &open, &json, br#"{"installationId":"x"}"#.to_vec()).await.json();
    let bearer = format!("Bearer {}", session["accessToken"].as_str().unwrap());
    let body = serde_json::to_vec(&json!({ "tandem": relayed.account() })).unwrap();
    let url = format!("{}{VALIDATE}", relayed.world.broker_url);
    let call =
        async |authorization: &str| send(Method::POST, &url, &[json[0], ("authorization", authorization)], body.clone()).await;
    assert_eq!(call(&bearer).await.json(), json!({ "validated": true }));
    assert_eq!(call("Bearer x").await.status, 401);
    assert_eq!(call("DPoP x").await.status, 401);
    assert_eq!(send(Method::POST, &url, &json, body.clone()).await.status, 401);
}

/// Everything that is logged on this thread, whoever logs it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_of_a_relayed_request_is_stored_or_logged() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt::layer().json().with_writer(move || writer.clone());
    // While there is but one subscriber, whether a place in the code logs at all is asked of the thread that comes there first, and other
    // tests have none. With two, all are asked.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _logging = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));

    let relayed = Relayed::start().await;
    let keys = relayed.world.keys();
    assert_eq!(relayed.validate(&relayed.account()).await.code(), "ok");
    let samples = relayed.sync(json!({})).await.json();
    let mut wrong = relayed.account();
    wrong["password"] = json!("planted-wrong-password");
    assert_eq!(relayed.validate(&wrong).await.code(), "tandem-credentials-refused");
    for fault in
        [Fault::Html(200), Fault::Json(200, json!({ "name": "Erika Musterfrau", "serialNumber": "1234567" })), Fault::Torn]
    {
        relayed.tandem.fail(Stage::Account, [fault]);
        assert_eq!(relayed.sync(json!({})).await.code(), "tandem-unavailable");
    }
    assert_eq!(relayed.world.keys(), keys);

    let plan = relayed.tandem.plan();
    let mut planted = vec![
        plan.username,
        plan.password,
        plan.first_name,
        plan.last_name,
        plan.pumper_id,
        plan.account_id,
        "planted-wrong-password".to_owned(),
        "access-token-".to_owned(),
        "insulin.bolus".to_owned(),
    ];
    planted.extend(plan.pumps.into_iter().flat_map(|pump| [pump.serial_number, pump.assignment_id]));
    planted.extend(samples["samples"].as_array().unwrap().iter().map(|sample| sample["externalId"].as_str().unwrap().to_owned()));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains(SYNC), "the relay's calls are in the log: {}", logged.get(..3000).unwrap_or(&logged));
    let written = relayed.world.written();
    assert!(written.len() > 3);
    for secret in planted {
        assert!(!logged.contains(&secret), "{secret} was logged");
        for bytes in &written {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} was stored");
        }
    }
}
