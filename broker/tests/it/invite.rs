//! Invites: used up, ended, revoked, forged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::Value;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::capability::StoreProfile;
use time::Duration;

use crate::device::Account;
use crate::world::World;

fn claims(invite: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(invite.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn an_invite_has_as_many_slots_as_it_says_and_a_device_keeps_its_own() {
    let world = World::new().await;
    let account = Account::new(1);
    let invite = world.invite_for(2);
    let (first, second, third) = (world.device().await, world.device().await, world.device().await);
    first.create_account(&invite, &account).await;
    assert_eq!(second.session(&invite, Some(&account)).await.code(), "ok");
    assert_eq!(third.session(&invite, Some(&account)).await.code(), "invite-used-up");
    // Not even the account's sealed keys.
    assert_eq!(third.session(&invite, None).await.code(), "invite-used-up");
    assert_eq!(first.session(&invite, Some(&account)).await.code(), "ok");
    assert_eq!(second.session(&invite, None).await.code(), "ok");
    // Another invite of the same name opens the same account.
    let more = world.invite_for(1);
    assert_eq!(third.session(&more, Some(&account)).await.session().user_id, account.user());
}

#[tokio::test]
async fn of_racing_devices_only_as_many_get_in_as_there_are_slots() {
    for profile in [StoreProfile::ATOMIC, StoreProfile::IGNORING] {
        let world = World::with(|options: &mut DevOptions| options.profile = profile).await;
        let account = Account::new(1);
        let invite = world.invite_for(3);
        world.device().await.create_account(&invite, &account).await;
        let devices = join_all((0..8).map(|_| world.device())).await;
        let replies = join_all(devices.iter().map(|device| device.session(&invite, Some(&account)))).await;
        let codes: Vec<_> = replies.iter().map(crate::device::Reply::code).collect();
        assert_eq!(codes.iter().filter(|code| *code == "ok").count(), 2, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "invite-used-up").count(), 6, "{codes:?}");
        // And so it stays.
        let replies = join_all(devices.iter().map(|device| device.session(&invite, Some(&account)))).await;
        assert_eq!(codes, replies.iter().map(crate::device::Reply::code).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_ended_invite_bars_new_devices_only() {
    let world = World::new().await;
    let account = Account::new(1);
    let invite = world.invite_for(3);
    let mut first = world.device().await;
    first.create_account(&invite, &account).await;
    world.clock.advance(Duration::days(7));
    first.fresh_nonce().await;
    assert_eq!(first.session(&invite, Some(&account)).await.code(), "ok");
    let second = world.device().await;
    assert_eq!(second.session(&invite, Some(&account)).await.code(), "invite-expired");
    assert_eq!(second.session(&invite, None).await.code(), "invite-expired");
}

#[tokio::test]
async fn an_invite_that_ends_between_session_and_link_creates_no_account() {
    let world = World::new().await;
    let account = Account::new(1);
    let invite = world.invite("anna", 1, Duration::minutes(5)).unwrap().token;
    let mut device = world.device().await;
    let create = device.session(&invite, Some(&account)).await.session();
    device.put_account_objects(&create.access_token, &account).await;
    world.clock.advance(Duration::minutes(6));
    device.fresh_nonce().await;
    let link = device.call("POST", "/v1/account/link", &serde_json::json!({}), Some(&create.access_token)).await;
    assert_eq!(link.code(), "invite-expired");
}

#[tokio::test]
async fn a_revoked_invite_ends_sessions_and_renewals() {
    let world = World::new().await;
    let account = Account::new(1);
    let invite = world.invite_for(3);
    let device = world.device().await;
    let session = device.create_account(&invite, &account).await;
    let id = claims(&invite)["jti"].as_str().unwrap().to_owned();
    world.plant(&format!("_tidegate/invites/{id}/revoked.json"), b"{}").await;
    assert_eq!(device.session(&invite, Some(&account)).await.code(), "invite-revoked");
    assert_eq!(world.device().await.session(&invite, None).await.code(), "invite-revoked");
    assert_eq!(device.renew(&session.renewal_token.unwrap()).await.code(), "invite-revoked");
}

#[tokio::test]
async fn forged_invites_are_refused() {
    let (world, elsewhere) = (World::new().await, World::new().await);
    let account = Account::new(1);
    let device = world.device().await;
    let invite = world.invite_for(1);
    let (head, rest) = invite.split_once('.').unwrap();
    let signature = rest.split_once('.').unwrap().1;
    let mut more = claims(&invite);
    more["devices"] = 99.into();
    let more = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&more).unwrap());
    for forged in [
        elsewhere.invite_for(1),
        format!("{head}.{more}.{signature}"),
        format!("{head}.{more}."),
        invite[..invite.len() - 4].to_owned(),
        String::new(),
        "nonsense".to_owned(),
    ] {
        assert_eq!(device.session(&forged, Some(&account)).await.code(), "invite-invalid");
    }
    assert_eq!(device.session(&invite, Some(&account)).await.code(), "ok");
}

#[tokio::test]
async fn names_are_apart_and_the_bucket_does_not_tell_them() {
    let world = World::new().await;
    let (anna, ben) = (Account::new(1), Account::new(2));
    let annas = world.invite("anna-the-first", 1, Duration::days(1)).unwrap();
    let bens = world.invite("ben-the-second", 1, Duration::days(1)).unwrap();
    world.device().await.create_account(&annas.token, &anna).await;
    world.device().await.create_account(&bens.token, &ben).await;
    for key in world.keys() {
        let body = world.store().read(&world.bucket, &key).unwrap();
        let text = format!("{key} {}", String::from_utf8_lossy(&body));
        assert!(!text.contains("anna-the") && !text.contains("ben-the"), "{key}");
    }
}

#[tokio::test]
async fn invites_out_of_bounds_are_not_made() {
    let world = World::new().await;
    assert!(world.invite("", 1, Duration::days(1)).is_err());
    assert!(world.invite("a\nb", 1, Duration::days(1)).is_err());
    assert!(world.invite("anna", 0, Duration::days(1)).is_err());
    assert!(world.invite("anna", 101, Duration::days(1)).is_err());
    assert!(world.invite("anna", 1, Duration::ZERO).is_err());
    assert!(world.invite("anna", 1, Duration::days(400)).is_err());
    let invite = world.invite("anna", 1, Duration::days(1)).unwrap();
    assert!(invite.link.contains(&invite.token) && invite.link.starts_with("tidegate://enrol?broker=http%3A%2F%2F127.0.0.1"));
    assert!(!format!("{invite:?}").contains(&invite.token));
}
