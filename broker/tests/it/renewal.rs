//! Renewing a session, and replacing its renewal token.

use serde_json::json;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::capability::StoreProfile;
use time::Duration;

use crate::world::World;

#[tokio::test]
async fn a_renewal_gives_an_access_token_and_keeps_the_renewal_token_for_a_day() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let renewal = session.renewal_token.unwrap();
    for _ in 0..3 {
        world.clock.advance(Duration::hours(7));
        device.fresh_nonce().await;
        let renewed = device.renew(&renewal).await.session();
        assert_eq!((renewed.user_id, renewed.device_id), (session.user_id, session.device_id));
        assert_eq!(renewed.renewal_token, None);
        let body = json!({ "items": [{ "method": "GET", "key": "nonsense" }] });
        assert_eq!(device.call("POST", "/v1/presign", &body, Some(&renewed.access_token)).await.code(), "ok");
    }
}

#[tokio::test]
async fn after_a_day_it_is_replaced_and_the_old_one_lives_ten_minutes_more() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let first = session.renewal_token.unwrap();
    world.clock.advance(Duration::hours(25));
    device.fresh_nonce().await;
    let second = device.renew(&first).await.session().renewal_token.unwrap();
    assert_ne!(first, second);
    // The reply was lost: the old token gets a successor of the same name again, not another.
    let repeated = device.renew(&first).await.session().renewal_token.unwrap();
    assert_eq!(claims(&repeated), claims(&second));
    assert_eq!(device.renew(&second).await.session().renewal_token, None);
    world.clock.advance(Duration::minutes(11));
    device.fresh_nonce().await;
    // The old one is over for good, and who comes with it shows that two hold the key: the session ends for both.
    assert_eq!(device.renew(&first).await.code(), "renewal-reused");
    assert_eq!(device.renew(&second).await.code(), "renewal-reused");
}

#[tokio::test]
async fn of_racing_renewals_every_one_gets_on_and_one_token_is_current() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let first = session.renewal_token.unwrap();
    world.clock.advance(Duration::hours(25));
    device.fresh_nonce().await;
    let (a, b, c, d) = tokio::join!(device.renew(&first), device.renew(&first), device.renew(&first), device.renew(&first));
    let tokens: Vec<_> = [a, b, c, d].iter().map(|reply| claims(&reply.session().renewal_token.unwrap())).collect();
    assert!(tokens.iter().all(|token| token == &tokens[0]));
}

#[tokio::test]
async fn a_store_without_compare_and_swap_replaces_nothing() {
    let world = World::with(|options: &mut DevOptions| options.profile = StoreProfile::IGNORING).await;
    let (mut device, session) = world.enrolled().await;
    let renewal = session.renewal_token.unwrap();
    for _ in 0..2 {
        world.clock.advance(Duration::days(10));
        device.fresh_nonce().await;
        assert_eq!(device.renew(&renewal).await.session().renewal_token, None);
    }
}

#[tokio::test]
async fn a_renewal_token_ends_after_30_days() {
    let world = World::with(|options: &mut DevOptions| options.profile = StoreProfile::IGNORING).await;
    let (mut device, session) = world.enrolled().await;
    world.clock.advance(Duration::days(30));
    device.fresh_nonce().await;
    assert_eq!(device.renew(&session.renewal_token.unwrap()).await.code(), "renewal-expired");
}

#[tokio::test]
async fn a_stolen_renewal_token_is_worth_nothing_without_the_key() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let renewal = session.renewal_token.unwrap();
    assert_eq!(world.device().await.renew(&renewal).await.code(), "token-invalid");
    // The right key, but a proof that does not name the token.
    let body = serde_json::to_vec(&json!({ "renewalToken": renewal })).unwrap();
    let proof = device.proof("POST", "/v1/session/renew", &body, None);
    let reply = device.call_with("POST", "/v1/session/renew", body, None, &device.sign(&proof)).await;
    assert_eq!(reply.code(), "proof-invalid");
}

#[tokio::test]
async fn signing_in_again_replaces_the_renewal_token() {
    let world = World::new().await;
    let account = crate::device::Account::new(1);
    let invite = world.invite_for(1);
    let mut device = world.device().await;
    let first = device.create_account(&invite, &account).await.renewal_token.unwrap();
    let second = device.session(&invite, Some(&account)).await.session().renewal_token.unwrap();
    world.clock.advance(Duration::minutes(11));
    device.fresh_nonce().await;
    assert_eq!(device.renew(&first).await.code(), "renewal-expired");
    assert_eq!(device.renew(&second).await.code(), "ok");
}

/// The claims part: signatures differ each time.
fn claims(token: &str) -> String {
    token.split('.').nth(1).unwrap().to_owned()
}
