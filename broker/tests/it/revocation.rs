//! Sessions that end before their time: what their tokens still get, where, and for how long.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_broker::config::Config;
use tidegate_broker::dev::DevOptions;
use tidegate_broker::serve::Server;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::session::SessionReply;
use time::Duration;

use crate::device::{Account, Device};
use crate::world::World;

/// Another broker over the same store, by the same clock.
async fn replica(world: &World) -> Server {
    let any = ([127, 0, 0, 1], 0).into();
    let config = Config { listen: any, admin_listen: any, ..world.config().clone() };
    Server::start_with(&config, Arc::new(world.clock.clone())).await.unwrap()
}

/// What presigning with the session's access token is answered by whoever listens there.
async fn presigns(device: &mut Device, at: &str, session: &SessionReply) -> String {
    at.clone_into(&mut device.reaches);
    device.fresh_nonce().await;
    let body = json!({ "items": [{ "method": "GET", "key": "nonsense" }] });
    device.call("POST", "/v1/presign", &body, Some(&session.access_token)).await.code()
}

async fn logout(device: &Device, session: &SessionReply) -> String {
    device.call("POST", "/v1/session/logout", &json!({}), Some(&session.access_token)).await.code()
}

async fn revoke(device: &Device, session: &SessionReply, revoked: &str) -> String {
    let path = format!("/v1/devices/{revoked}");
    device.call("DELETE", &path, &Value::Null, Some(&session.access_token)).await.code()
}

/// Each device's standing, as the broker lists them.
async fn standings(device: &Device, session: &SessionReply) -> Vec<(String, String)> {
    let reply = device.call("GET", "/v1/devices", &Value::Null, Some(&session.access_token)).await;
    assert_eq!(reply.code(), "ok");
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let mut devices: Vec<_> = reply.json()["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (text(entry, "deviceId"), text(entry, "standing")))
        .collect();
    devices.sort();
    devices
}

/// Two devices of one account with full sessions, and their invite.
async fn two_devices(world: &World) -> (String, Account, [(Device, SessionReply); 2]) {
    let account = Account::new(1);
    let invite = world.invite_for(3);
    let first = world.device().await;
    let firsts = first.create_account(&invite, &account).await;
    let second = world.device().await;
    let seconds = second.session(&invite, Some(&account)).await.session();
    (invite, account, [(first, firsts), (second, seconds)])
}

#[tokio::test]
async fn a_revoked_device_gets_no_token_at_once_and_no_url_from_any_replica_after_a_minute() {
    let world = World::new().await;
    let other = replica(&world).await;
    let (here, there) = (world.broker_url.clone(), format!("http://{}", other.address));
    let (invite, account, [(mut first, firsts), (mut second, seconds)]) = two_devices(&world).await;
    assert_eq!(presigns(&mut second, &there, &seconds).await, "ok");

    for _ in 0..2 {
        assert_eq!(revoke(&first, &firsts, &seconds.device_id.to_string()).await, "ok");
    }
    assert_eq!(presigns(&mut second, &here, &seconds).await, "session-ended");
    assert_eq!(second.renew(seconds.renewal_token.as_deref().unwrap()).await.code(), "device-revoked");
    assert_eq!(second.session(&invite, Some(&account)).await.code(), "device-revoked");
    assert_eq!(second.session(&invite, None).await.code(), "device-revoked");

    world.clock.advance(Duration::seconds(61));
    assert_eq!(presigns(&mut second, &there, &seconds).await, "session-ended");
    assert_eq!(second.renew(seconds.renewal_token.as_deref().unwrap()).await.code(), "device-revoked");
    assert_eq!(presigns(&mut first, &there, &firsts).await, "ok");
    let mut expected =
        vec![(firsts.device_id.to_string(), "active".to_owned()), (seconds.device_id.to_string(), "revoked".to_owned())];
    expected.sort();
    assert_eq!(standings(&first, &firsts).await, expected);
    other.shutdown().await;
}

#[tokio::test]
async fn who_logs_out_is_out_everywhere_within_a_minute_and_may_sign_in_again_at_once() {
    for profile in [StoreProfile::ATOMIC, StoreProfile::IGNORING] {
        let world = World::with(|options: &mut DevOptions| options.profile = profile.clone()).await;
        let other = replica(&world).await;
        let (here, there) = (world.broker_url.clone(), format!("http://{}", other.address));
        let (invite, account, [(mut first, firsts), (mut second, seconds)]) = two_devices(&world).await;
        assert_eq!(presigns(&mut second, &there, &seconds).await, "ok");

        second.reaches.clone_from(&here);
        assert_eq!(logout(&second, &seconds).await, "ok");
        assert_eq!(presigns(&mut second, &here, &seconds).await, "session-ended");
        let renewal = seconds.renewal_token.as_deref().unwrap();
        second.reaches.clone_from(&there);
        assert_eq!(second.renew(renewal).await.code(), "session-ended");

        // In the same second: the clock stands.
        let again = second.session(&invite, Some(&account)).await.session();
        assert_eq!(again.device_id, seconds.device_id);
        world.clock.advance(Duration::seconds(61));
        for at in [&here, &there] {
            assert_eq!(presigns(&mut second, at, &seconds).await, "session-ended");
            assert_eq!(presigns(&mut second, at, &again).await, "ok");
            assert_eq!(presigns(&mut first, at, &firsts).await, "ok");
            assert_eq!(second.renew(renewal).await.code(), "session-ended");
            assert_eq!(second.renew(again.renewal_token.as_deref().unwrap()).await.code(), "ok");
        }
        other.shutdown().await;
    }
}

#[tokio::test]
async fn a_logout_that_is_replayed_at_another_replica_ends_no_later_session() {
    let world = World::new().await;
    let other = replica(&world).await;
    let there = format!("http://{}", other.address);
    let (invite, account, [_, (mut device, session)]) = two_devices(&world).await;
    assert_eq!(presigns(&mut device, &there, &session).await, "ok");
    let here = world.broker_url.clone();
    device.reaches.clone_from(&here);
    let proof = device.sign(&device.proof("POST", "/v1/session/logout", b"{}", Some(&session.access_token)));
    let logs_out = async |device: &Device| {
        let token = Some(session.access_token.as_str());
        device.call_with("POST", "/v1/session/logout", b"{}".to_vec(), token, &proof).await.code()
    };
    assert_eq!(logs_out(&device).await, "ok");
    let again = device.session(&invite, Some(&account)).await.session();
    // The other replica has not heard of it yet, and the proof is new to it.
    device.reaches.clone_from(&there);
    assert_eq!(logs_out(&device).await, "session-ended");
    for at in [&here, &there] {
        assert_eq!(presigns(&mut device, at, &again).await, "ok");
    }
    other.shutdown().await;
}

#[tokio::test]
async fn logging_out_twice_in_a_second_ends_what_was_opened_between() {
    let world = World::new().await;
    let (invite, account, [_, (mut device, session)]) = two_devices(&world).await;
    let here = world.broker_url.clone();
    let mut sessions = vec![session];
    for _ in 0..3 {
        assert_eq!(logout(&device, sessions.last().unwrap()).await, "ok");
        for session in &sessions {
            assert_eq!(presigns(&mut device, &here, session).await, "session-ended");
            assert_eq!(device.renew(session.renewal_token.as_deref().unwrap()).await.code(), "session-ended");
        }
        sessions.push(device.session(&invite, Some(&account)).await.session());
        assert_eq!(presigns(&mut device, &here, sessions.last().unwrap()).await, "ok");
    }
}

#[tokio::test]
async fn a_renewal_token_used_again_ends_the_session_of_whoever_holds_it_and_no_later_one() {
    let world = World::new().await;
    let other = replica(&world).await;
    let (here, there) = (world.broker_url.clone(), format!("http://{}", other.address));
    let (invite, account, [(mut first, _), (mut device, session)]) = two_devices(&world).await;
    let stolen = session.renewal_token.unwrap();
    world.clock.advance(Duration::hours(25));
    device.fresh_nonce().await;
    let held = device.renew(&stolen).await.session();
    let newest = held.renewal_token.clone().unwrap();
    world.clock.advance(Duration::minutes(10));
    assert_eq!(presigns(&mut device, &there, &held).await, "ok");

    // Whoever copied the device's folder comes with the token of yesterday.
    assert_eq!(device.renew(&stolen).await.code(), "renewal-reused");
    assert_eq!(presigns(&mut device, &there, &held).await, "session-ended");
    device.reaches.clone_from(&here);
    assert_eq!(device.renew(&newest).await.code(), "renewal-reused");
    world.clock.advance(Duration::seconds(61));
    assert_eq!(presigns(&mut device, &here, &held).await, "session-ended");

    let fresh = device.session(&invite, Some(&account)).await.session();
    for old in [&stolen, &newest] {
        assert_eq!(device.renew(old).await.code(), "renewal-reused");
    }
    assert_eq!(presigns(&mut device, &here, &fresh).await, "ok");
    assert_eq!(device.renew(fresh.renewal_token.as_deref().unwrap()).await.code(), "ok");
    // The account's other device never noticed.
    first.fresh_nonce().await;
    let firsts = first.session(&invite, Some(&account)).await.session();
    assert_eq!(presigns(&mut first, &here, &firsts).await, "ok");
    other.shutdown().await;
}

#[tokio::test]
async fn devices_of_others_cannot_be_revoked_nor_without_the_accounts_key() {
    let world = World::new().await;
    let (_, _, [(first, firsts), (mut second, seconds)]) = two_devices(&world).await;
    let theirs = Account::new(2);
    let invite = world.invite("berta", 2, Duration::days(7)).unwrap().token;
    let stranger = world.device().await;
    let strangers = stranger.create_account(&invite, &theirs).await;
    let named = seconds.device_id.to_string();
    assert_eq!(revoke(&stranger, &strangers, &named).await, "not-found");
    let unproven = world.device().await;
    let bootstrap = unproven.session(&invite, None).await.session();
    assert_eq!(revoke(&unproven, &bootstrap, &strangers.device_id.to_string()).await, "scope-insufficient");
    let listed = unproven.call("GET", "/v1/devices", &Value::Null, Some(&bootstrap.access_token)).await;
    assert_eq!(listed.code(), "scope-insufficient");
    for nonsense in ["x", "..", "00000000-0000-0000-0000-00000000000G", &named.to_uppercase(), &named.replace('-', "%2D")] {
        let code = revoke(&first, &firsts, nonsense).await;
        assert!(
            ["invalid-request", "not-found", "proof-invalid", "method-not-allowed"].contains(&code.as_str()),
            "{nonsense} {code}"
        );
    }
    let here = world.broker_url.clone();
    assert_eq!(presigns(&mut second, &here, &seconds).await, "ok");
    assert!(!world.keys().iter().any(|key| key.starts_with("_tidegate/revocations/")));
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_where_tokens_are_looked_at_and_remembered_where_they_are_made() {
    let world = World::new().await;
    let (invite, account, [(mut first, firsts), (mut second, seconds)]) = two_devices(&world).await;
    assert_eq!(revoke(&first, &firsts, &seconds.device_id.to_string()).await, "ok");
    assert_eq!(logout(&first, &firsts).await, "ok");
    let recent = |key: &String| key.starts_with("_tidegate/revocations/recent/");
    assert_eq!(world.keys().iter().filter(|key| recent(key)).count(), 2);
    world.clock.advance(Duration::hours(26));
    first.fresh_nonce().await;
    second.fresh_nonce().await;
    let again = first.session(&invite, Some(&account)).await.session();
    let here = world.broker_url.clone();
    assert_eq!(presigns(&mut first, &here, &again).await, "ok");
    // The call has read the notes; what is over is taken away beside it.
    while world.keys().iter().any(recent) {
        tokio::task::yield_now().await;
    }
    assert_eq!(first.renew(firsts.renewal_token.as_deref().unwrap()).await.code(), "session-ended");
    assert_eq!(second.renew(seconds.renewal_token.as_deref().unwrap()).await.code(), "device-revoked");
    assert_eq!(second.session(&invite, Some(&account)).await.code(), "device-revoked");
}
