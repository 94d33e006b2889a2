//! `POST /v1/delete`, asked by somebody who wants more gone than may go.

use serde_json::json;
use tidegate_broker::clock::Clock as _;
use tidegate_protocol::{ChainId, ContentHmac, DeviceId, Digest, GrantId, MemberId, ObjectKey, Space, UserId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::delete::{delete, eight_days_later, words};
use crate::device::{Account, master_key};
use crate::presign::record;
use crate::world::{World, client_of};

/// When the store says that the object was written, in whole seconds.
async fn written_at(world: &World, key: &str) -> OffsetDateTime {
    let store = &world.config().store;
    let head = client_of(store, &store.state).head_object().bucket(&store.bucket).key(key).send().await.unwrap();
    OffsetDateTime::from_unix_timestamp(head.last_modified().unwrap().secs()).unwrap()
}

#[tokio::test]
async fn one_young_key_in_a_batch_stays_and_the_old_ones_go() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let token = &session.access_token;
    let old = record(session.user_id, b"old");
    assert_eq!(device.put(token, &old, b"old").await.status, 200);
    let other =
        ObjectKey::Pack { user: session.user_id, member: MemberId::new(Uuid::from_u128(1)), digest: Digest::of(b"old pack") };
    assert_eq!(device.put(token, &other, b"old pack").await.status, 200);
    // Ages are told in whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let young = record(session.user_id, b"young");
    assert_eq!(device.put(token, &young, b"young").await.status, 200);
    let [old, other, young] = [old, other, young].map(|key| key.to_string());

    // A second before the young one is a week old.
    let week = written_at(&world, &young).await + Duration::days(7);
    world.clock.advance(week - Duration::seconds(1) - world.clock.now());
    device.fresh_nonce().await;
    let renewed = device.renew(&session.renewal_token.unwrap()).await.session();
    let token = &renewed.access_token;
    let batch = [young.clone(), old.clone(), young.clone(), other.clone(), young.clone()];
    assert_eq!(words(&delete(&device, token, &batch).await), ["too-young", "deleted", "too-young", "deleted", "too-young"]);
    assert!(world.keys().contains(&young));
    assert!(!world.keys().contains(&old) && !world.keys().contains(&other));

    world.clock.advance(Duration::seconds(1));
    assert_eq!(words(&delete(&device, token, std::slice::from_ref(&young)).await), ["deleted"]);
}

#[tokio::test]
async fn what_was_old_and_was_written_anew_is_young() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let key = record(session.user_id, b"again");
    assert_eq!(device.put(&session.access_token, &key, b"again").await.status, 200);
    let first = written_at(&world, &key.to_string()).await;
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    // As on a store that ignores preconditions, where a repeated PUT of the same bytes succeeds.
    world.plant(&key.to_string(), b"again").await;
    world.clock.advance(first + Duration::days(7) + Duration::seconds(1) - world.clock.now());
    device.fresh_nonce().await;
    let token = device.renew(&session.renewal_token.unwrap()).await.session().access_token;
    assert_eq!(words(&delete(&device, &token, &[key.to_string()]).await), ["too-young"]);
}

#[tokio::test]
async fn a_request_has_no_say_in_what_time_it_is() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let key = record(session.user_id, b"young");
    assert_eq!(device.put(token, &key, b"young").await.status, 200);
    for more in [json!({ "now": "2099-01-01T00:00:00Z" }), json!({ "olderThan": 0 }), json!({ "force": true })] {
        let mut body = json!({ "keys": [key.to_string()] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(device.call("POST", "/v1/delete", &body, Some(token)).await.code(), "invalid-json");
    }
    // A proof and headers from the far future.
    let body = serde_json::to_vec(&json!({ "keys": [key.to_string()] })).unwrap();
    let mut proof = device.proof("POST", "/v1/delete", &body, Some(token));
    proof.claims["iat"] = 4_102_444_800_u64.into();
    let proof = device.sign(&proof);
    let authorization = format!("DPoP {token}");
    let headers = [
        ("content-type", "application/json"),
        ("dpop", proof.as_str()),
        ("authorization", authorization.as_str()),
        ("date", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("x-amz-date", "21000101T000000Z"),
        ("if-unmodified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
    ];
    let url = format!("{}/v1/delete", world.broker_url);
    let reply = crate::device::send(reqwest::Method::POST, &url, &headers, body).await;
    assert_eq!(reply.code(), "ok");
    assert_eq!(reply.json()["results"][0]["code"], "too-young");
    assert!(world.keys().contains(&key.to_string()));
}

#[tokio::test]
async fn objects_of_another_account_stay_whatever_their_age_and_spelling() {
    let world = World::new().await;
    let theirs = world.device().await;
    let invite = world.invite("ben", 1, Duration::days(7)).unwrap().token;
    let their_session = theirs.create_account(&invite, &Account::new(2)).await;
    let their_key = record(their_session.user_id, b"theirs");
    assert_eq!(theirs.put(&their_session.access_token, &their_key, b"theirs").await.status, 200);
    let (device, token, user, own) = eight_days_later(&world).await;
    let their_key = their_key.to_string();
    let spelled = [
        their_key.clone(),
        own.replace("/records/", &format!("/../../{}/family-members/records/", their_session.user_id)),
        format!("users/{user}/../{}", their_key.strip_prefix("users/").unwrap()),
        format!("/{their_key}"),
        their_key.replace("users/", "users//"),
        their_key.to_uppercase(),
        their_key.replace('/', "%2f"),
        format!("users/{user}/\n{their_key}"),
        format!("{own}?versionId=null"),
        format!("{own}*"),
        own.rsplit_once('/').unwrap().0.to_owned() + "/",
    ];
    let results = delete(&device, &token, &spelled).await;
    assert_eq!(words(&results[..1]), ["not-allowed"]);
    assert_eq!(words(&results[1..]), ["key-invalid"; 10]);
    assert!(world.keys().contains(&their_key) && world.keys().contains(&own));
    assert!(!world.keys().iter().any(|key| key.starts_with("_tidegate/audit/")), "nothing went, so nothing is said to have gone");
}

#[tokio::test]
async fn kinds_that_never_go_stay_though_they_are_old_and_there() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let user: UserId = session.user_id;
    let digest = Digest::of(b"x");
    let member = Space::Member(user, MemberId::new(Uuid::from_u128(1)));
    let protected = [
        ObjectKey::Genesis { user },
        master_key(user),
        ObjectKey::PublicKeys { user, generation: 1, digest },
        ObjectKey::AccessGrant { user, grant: GrantId::new(Uuid::from_u128(3)) },
        ObjectKey::DeviceFile { user, device: session.device_id },
        ObjectKey::DeviceFile { user, device: DeviceId::new(Uuid::from_u128(4)) },
        ObjectKey::Doorbell { space: Space::Account(user) },
        ObjectKey::Doorbell { space: member },
    ];
    let going = [
        ObjectKey::Segment { space: member, device: session.device_id, chain: ChainId::new(1), seq: 1, digest },
        ObjectKey::Checkpoint { space: Space::Account(user), digest },
        ObjectKey::Attachment { user, member: MemberId::new(Uuid::from_u128(1)), hmac: ContentHmac::from_bytes([1; 32]), digest },
    ];
    for key in protected[2..].iter().chain(&going) {
        world.plant(&key.to_string(), b"x").await;
    }
    world.clock.advance(Duration::days(1_000));
    device.fresh_nonce().await;
    // A thousand days on, every session has ended; a new device with the recovery code is what asks now.
    let invite = world.invite_for(3);
    let later = device.session(&invite, Some(&Account::new(1))).await.session();
    let keys: Vec<String> = protected.iter().chain(&going).map(ToString::to_string).collect();
    let results = delete(&device, &later.access_token, &keys).await;
    assert_eq!(words(&results[..protected.len()]), ["protected"; 8]);
    assert_eq!(words(&results[protected.len()..]), ["deleted"; 3]);
    for key in &protected {
        assert!(world.keys().contains(&key.to_string()), "{key}");
    }
}

#[tokio::test]
async fn a_session_without_the_accounts_key_deletes_nothing() {
    let world = World::new().await;
    let account = Account::new(6);
    let device = world.device().await;
    let session = device.session(&world.invite_for(1), Some(&account)).await.session();
    let body = json!({ "keys": [format!("users/{}/checkpoints/{}.blob", account.user(), Digest::of(b"x"))] });
    assert_eq!(device.call("POST", "/v1/delete", &body, Some(&session.access_token)).await.code(), "scope-insufficient");
}
