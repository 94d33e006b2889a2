//! Tokens that have ended: an access token is renewed on the way; a renewal token means signing in again, and nothing is lost.

use std::sync::Arc;

use secrecy::SecretString;
use tidegate_broker::dev::{DevOptions, DevServer};
use tidegate_sync_client::{Class, Enrolment, LoggedOut, NewRecord, Remote, Source, SyncClient, Ticket};
use time::Duration;

use crate::ahead_clock::AheadClock;
use crate::stand::{TestHome, options, sync};

struct World {
    server: DevServer,
    clock: Arc<AheadClock>,
    _data: tempfile::TempDir,
}

impl World {
    async fn start(access_seconds: u32) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Arc::new(AheadClock::default());
        let mut dev = DevOptions::new(data.path());
        dev.clock = Arc::clone(&clock) as Arc<dyn tidegate_broker::clock::Clock>;
        dev.tokens.access_seconds = access_seconds;
        Self { server: tidegate_broker::dev::start(dev).await.unwrap(), clock, _data: data }
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn invite(&self) -> Ticket {
        SecretString::from(self.server.invite("ada", 1, Duration::days(1)).unwrap().token).into()
    }

    fn enrolment(&self) -> Enrolment {
        Enrolment {
            remote: Remote::broker(&self.server.broker_url).unwrap(),
            ticket: Some(self.invite()),
            device_name: "laptop".to_owned(),
        }
    }
}

fn note() -> Source {
    Source::Bytes(b"measured at noon".repeat(64))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_that_has_ended_is_renewed_within_the_sync() {
    let (world, home) = (World::start(180).await, TestHome::new());
    let client = SyncClient::create_account(&home.path(), world.enrolment(), options()).await.unwrap().client;
    let member = client.add_member("Ada").unwrap();
    world.advance(Duration::minutes(5));
    client.put(NewRecord::new(member, note())).unwrap();
    let report = sync(&client).await;
    assert!(report.pushed > 0);
    assert!(report.traffic.requests.renew > 0, "{:?}", report.traffic.requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_ended_asks_to_sign_in_again_and_loses_nothing() {
    let (world, home) = (World::start(900).await, TestHome::new());
    let client = SyncClient::create_account(&home.path(), world.enrolment(), options()).await.unwrap().client;
    let member = client.add_member("Ada").unwrap();
    sync(&client).await;
    client.put(NewRecord::new(member, note())).unwrap();
    world.advance(Duration::days(31));
    let error = client.sync(&|_progress| {}).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("renewal-expired", Class::Denied), "{error}");
    assert!(error.help().contains("join"), "{}", error.help());
    assert_eq!(client.status().unwrap().pending, 1);
    // The store takes no URL that is signed for a month ahead of the machine's own clock.
    world.advance(Duration::days(-31));
    client.sign_in(&world.invite()).await.unwrap();
    assert_eq!(sync(&client).await.pushed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_is_out_until_signing_in_again_and_loses_nothing() {
    let (world, home) = (World::start(900).await, TestHome::new());
    let client = SyncClient::create_account(&home.path(), world.enrolment(), options()).await.unwrap().client;
    let member = client.add_member("Ada").unwrap();
    sync(&client).await;
    client.put(NewRecord::new(member, note())).unwrap();
    assert!(matches!(client.log_out().await.unwrap(), LoggedOut::Ended(_)));
    assert_eq!(client.log_out().await.unwrap(), LoggedOut::HadEnded);
    let error = client.sync(&|_progress| {}).await.unwrap_err();
    assert_eq!(error.class(), Class::Reauthenticate, "{error}");
    assert_eq!(client.status().unwrap().pending, 1);
    client.sign_in(&world.invite()).await.unwrap();
    assert_eq!(sync(&client).await.pushed, 1);
    let devices = client.broker_devices().await.unwrap().unwrap().devices;
    assert_eq!((devices.len(), devices[0].device_id, devices[0].current), (1, client.device_id(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_revoked_gets_nothing_any_more_and_says_why() {
    let (world, home) = (World::start(900).await, TestHome::new());
    let client = SyncClient::create_account(&home.path(), world.enrolment(), options()).await.unwrap().client;
    let member = client.add_member("Ada").unwrap();
    sync(&client).await;
    let stranger = tidegate_protocol::DeviceId::from_bytes([7; 16]);
    assert_eq!(client.revoke_device(stranger).await.unwrap_err().code(), "not-found");
    assert!(client.revoke_device(client.device_id()).await.unwrap().is_some());
    // A URL that is out already is good until it ends; what is written needs another.
    client.put(NewRecord::new(member, note())).unwrap();
    let error = client.sync(&|_progress| {}).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("device-revoked", Class::Denied), "{error}");
}
