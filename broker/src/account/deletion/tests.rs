//! A deletion that is killed between any two calls to the store, and gone on with by another broker.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tidegate_protocol::{AccountFolder, Digest, ObjectKey, Sha256, StateKey, UserId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::attend::{attend, begin};
use super::document::DeletionDocument;
use super::gone::{self, refuse_gone};
use crate::account::{note_link, note_slot};
use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::Config;
use crate::dev::{DevOptions, start};
use crate::identity::{LinkDocument, SlotDocument};
use crate::session::RevokedDocument;
use crate::store::{Condition, StoreClient};
use tidegate_protocol::DeviceId;

#[derive(Clone)]
struct Turned(Arc<Mutex<OffsetDateTime>>);

impl Turned {
    fn turn(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Turned {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}

const DEVICE: DeviceId = DeviceId::new(Uuid::from_u128(0xd));
const OVER: Duration = Duration::hours(2);

fn user() -> UserId {
    UserId::new(Uuid::from_u128(0xa))
}

fn other() -> UserId {
    UserId::new(Uuid::from_u128(0xb))
}

/// What an account and its neighbour have in the bucket: something of every kind.
async fn plant(broker: &Broker) {
    let (store, now) = (&broker.store, broker.clock.now());
    store.delete(&gone::key(broker, user())).await.unwrap();
    let (ours, theirs) = (Sha256::from_bytes([1; 32]), Sha256::from_bytes([2; 32]));
    for (user, identity) in [(user(), ours), (other(), theirs)] {
        let digest = Digest::from_bytes([7; 16]);
        let keys = [
            ObjectKey::Genesis { user },
            ObjectKey::MasterKeys { user, generation: 0, digest },
            ObjectKey::DeviceFile { user, device: DEVICE },
            ObjectKey::State(StateKey::AccountEnvironment { user }),
            ObjectKey::State(StateKey::AccountKeys { user, generation: 1 }),
            ObjectKey::State(StateKey::Renewal { user, device: DEVICE }),
            ObjectKey::State(StateKey::Audit { user, day: 20_000, id: Uuid::from_u128(1) }),
        ];
        for key in keys {
            put(store, &key, b"{}").await;
        }
        note_link(broker, user, identity).await.unwrap();
        store.put_document(&ObjectKey::State(StateKey::Link { identity }), &LinkDocument::new(user, now)).await.unwrap();
        note_slot(broker, user, Uuid::from_u128(9), identity).await.unwrap();
        let slot = ObjectKey::State(StateKey::InviteSlot { invite: Uuid::from_u128(9), thumbprint: identity });
        store.put_document(&slot, &SlotDocument::new(user, now)).await.unwrap();
    }
    // Noted, and never come to: the link is the other's.
    note_link(broker, user(), theirs).await.unwrap();
    let revoked = ObjectKey::State(StateKey::DeviceRevoked { device: DEVICE });
    store.put_document(&revoked, &RevokedDocument::new(now)).await.unwrap();
    store
        .create_upload(&ObjectKey::Pack {
            user: user(),
            member: tidegate_protocol::MemberId::from_bytes([3; 16]),
            digest: Digest::from_bytes([4; 16]),
        })
        .await
        .unwrap();
}

async fn put(store: &StoreClient, key: &ObjectKey, bytes: &[u8]) {
    assert!(store.put(key, bytes.to_vec(), Condition::None).await.unwrap());
}

/// From the request to the last sweep.
async fn delete(broker: &Broker, clock: &Turned) {
    begin(broker, user(), DEVICE, clock.now()).await.unwrap();
    attend(broker).await.unwrap();
    clock.turn(OVER);
    attend(broker).await.unwrap();
}

/// Every stored object that names the account or its device, by name or in its body.
async fn traces(store: &StoreClient) -> Vec<String> {
    let mut traces = Vec::new();
    let names = [user().to_string(), DEVICE.to_string()];
    for object in store.list("").await.unwrap() {
        let of_other = object.key.contains(&other().to_string());
        let key: ObjectKey = object.key.parse().unwrap();
        let body = String::from_utf8(store.get(&key).await.unwrap().map_or_else(Vec::new, |stored| stored.bytes)).unwrap();
        if !of_other && names.iter().any(|name| object.key.contains(name) || body.contains(name)) {
            traces.push(object.key);
        }
    }
    traces
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_any_call_to_the_store_it_is_finished_by_another_broker() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Turned(Arc::new(Mutex::new(OffsetDateTime::from(SystemTime::now()))));
    let server = start(DevOptions { clock: Arc::new(clock.clone()), ..DevOptions::new(folder.path()) }).await.unwrap();
    let config: &Config = server.config();
    let replica = || Broker::new(config, Arc::new(clock.clone())).unwrap();
    let mut calls = 0;
    loop {
        calls += 1;
        let broker = replica();
        plant(&broker).await;
        let before = broker.store.list("users/").await.unwrap().len();
        assert_eq!(before, 6);
        broker.store.fuse.set(calls);
        let was_killed = tokio::select! {
            () = delete(&broker, &clock) => false,
            () = broker.store.fuse.until_burnt() => true,
        };
        if was_killed {
            let broker = replica();
            let key = DeletionDocument::key(user());
            let was_asked = broker.store.head(&key).await.unwrap().is_some();
            let remains = !broker.store.list(&AccountFolder::Objects(user()).to_string()).await.unwrap().is_empty();
            // What was not written down was not begun: nothing is missing, and its owner asks again.
            assert!(was_asked || remains || calls > 20, "{calls}");
            if was_asked {
                attend(&broker).await.unwrap();
                clock.turn(OVER);
                attend(&broker).await.unwrap();
            } else if remains {
                delete(&broker, &clock).await;
            }
        }
        let store = &replica().store;
        assert_eq!(traces(store).await, Vec::<String>::new(), "killed after {calls} calls");
        assert!(refuse_gone(&replica(), user()).await.is_err(), "killed after {calls} calls it could come back");
        assert!(refuse_gone(&replica(), other()).await.is_ok());
        assert_eq!(store.uploads("users/").await.unwrap(), Vec::new());
        // The neighbour's are all there.
        assert_eq!(store.list(&AccountFolder::Objects(other()).to_string()).await.unwrap().len(), 3);
        assert!(store.head(&ObjectKey::State(StateKey::Link { identity: Sha256::from_bytes([2; 32]) })).await.unwrap().is_some());
        if !was_killed {
            break;
        }
    }
    assert!(calls > 30, "{calls}");
    server.shutdown().await;
}
