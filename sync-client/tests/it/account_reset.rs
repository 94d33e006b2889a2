//! A new account in the place of one whose recovery code is lost.

use std::sync::Arc;

use secrecy::SecretString;
use tidegate_broker::dev::{DevOptions, DevServer};
use tidegate_sync_client::{Enrolment, Error, NewRecord, PendingReset, Remote, Reset, Source, SyncClient, Ticket};
use time::Duration;

use crate::ahead_clock::AheadClock;
use crate::stand::{TestHome, options, sync};

struct World {
    server: DevServer,
    clock: Arc<AheadClock>,
    invite: Ticket,
    _data: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Arc::new(AheadClock::default());
        let mut dev = DevOptions::new(data.path());
        dev.clock = Arc::clone(&clock) as Arc<dyn tidegate_broker::clock::Clock>;
        let server = tidegate_broker::dev::start(dev).await.unwrap();
        let invite = server.invite("ada", 4, Duration::days(300)).unwrap().token;
        Self { server, clock, invite: SecretString::from(invite).into(), _data: data }
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn enrolment(&self) -> Enrolment {
        Enrolment {
            remote: Remote::broker(&self.server.broker_url).unwrap(),
            ticket: Some(self.invite.clone()),
            device_name: "laptop".to_owned(),
        }
    }

    async fn reset(&self, home: &TestHome) -> Result<Reset, Error> {
        SyncClient::reset_account(&home.path(), self.enrolment(), options()).await
    }

    async fn pending(&self, home: &TestHome) -> PendingReset {
        match self.reset(home).await.unwrap() {
            Reset::Pending(pending) => pending,
            Reset::Done(_) => panic!("at once"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_week_the_same_call_completes_the_new_account() {
    let (world, lost, home) = (World::start().await, TestHome::new(), TestHome::new());
    let old = SyncClient::create_account(&lost.path(), world.enrolment(), options()).await.unwrap().client.user_id();

    let refused = SyncClient::create_account(&home.path(), world.enrolment(), options()).await.unwrap_err();
    assert_eq!(refused.code(), "already-linked");
    assert!(refused.help().contains("--reset"), "{}", refused.help());
    let pending = world.pending(&home).await;
    assert_eq!(pending.from, old);
    assert_eq!(world.pending(&home).await, pending, "asked again it says the same");
    assert!(matches!(SyncClient::open(&home.path(), options()), Err(Error::NotEnrolled { .. })));
    // Another home has other keys.
    assert_eq!(world.reset(&TestHome::new()).await.unwrap_err().code(), "reset-pending");

    // The broker's clock alone goes on: what it signs then is refused by the store, as if the connection had been lost just after.
    world.advance(Duration::days(8));
    assert!(world.reset(&home).await.is_err());
    world.advance(Duration::days(-8));
    let Reset::Done(created) = world.reset(&home).await.unwrap() else { panic!("it has moved") };
    let client = created.client;
    assert_eq!(client.user_id(), pending.to);
    let member = client.add_member("Ada").unwrap();
    client.put(NewRecord::new(member, Source::Bytes(b"a new beginning".to_vec()))).unwrap();
    assert!(sync(&client).await.pushed > 0);

    // Its recovery code lets a further device in.
    let further = TestHome::new();
    let joined = SyncClient::join(&further.path(), world.enrolment(), &created.recovery_code, None, options()).await.unwrap();
    assert_eq!(joined.user_id(), pending.to);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_joins_the_old_account_cancels_it() {
    let (world, first, home) = (World::start().await, TestHome::new(), TestHome::new());
    let old = SyncClient::create_account(&first.path(), world.enrolment(), options()).await.unwrap();
    world.pending(&home).await;
    let further = TestHome::new();
    SyncClient::join(&further.path(), world.enrolment(), &old.recovery_code, None, options()).await.unwrap();
    assert_eq!(world.reset(&home).await.unwrap_err().code(), "reset-cancelled");
    sync(&old.client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_account_that_is_in_the_way_it_is_made_at_once() {
    let (world, home) = (World::start().await, TestHome::new());
    let Reset::Done(created) = world.reset(&home).await.unwrap() else { panic!("nothing is in the way") };
    sync(&created.client).await;
}
