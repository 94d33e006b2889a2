//! `DELETE /v1/account`.

use std::time::Duration as StdDuration;

use serde_json::{Value, json};
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::SessionReply;
use time::Duration;

use crate::device::{Account, Device, Reply, use_url};
use crate::presign::record;
use crate::store_proxy::{StoreProxy, Trouble};
use crate::world::World;

/// One of the two calls.
async fn call(device: &Device, account: &Account, token: &str, confirmation: Option<&str>) -> Reply {
    let mut body = json!({
        "account": account.proof_for(ProofPurpose::DeleteAccount, &device.broker, &device.thumbprint(), &device.nonce)
    });
    if let Some(confirmation) = confirmation {
        body["confirmation"] = confirmation.into();
    }
    device.call("DELETE", "/v1/account", &body, Some(token)).await
}

async fn confirmation(device: &Device, account: &Account, token: &str) -> String {
    let reply = call(device, account, token, None).await;
    assert_eq!(reply.code(), "ok");
    let reply = reply.json();
    assert_eq!(reply["state"], "confirmation-needed");
    reply["confirmation"].as_str().unwrap().to_owned()
}

/// Both calls; what the second says.
async fn delete(device: &Device, account: &Account, token: &str) -> Value {
    let confirmation = confirmation(device, account, token).await;
    let reply = call(device, account, token, Some(&confirmation)).await;
    assert_eq!(reply.code(), "ok");
    reply.json()
}

/// Keys that name the account, and keys of objects whose body does.
fn traces(world: &World, session: &SessionReply) -> Vec<String> {
    let (user, device) = (session.user_id.to_string(), session.device_id.to_string());
    let names_it = |text: &str| text.contains(&user) || text.contains(&device);
    let body = |key: &str| world.store().read(&world.bucket, key).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    world.keys().into_iter().filter(|key| names_it(key) || body(key).is_ok_and(|body| names_it(&body))).collect()
}

/// Waits until nothing is left of the account: the broker deletes by itself.
async fn until_gone(world: &World, session: &SessionReply) {
    for _ in 0..1_200 {
        if traces(world, session).is_empty() {
            return;
        }
        tokio::time::sleep(StdDuration::from_millis(50)).await;
    }
    panic!("still there: {:?}", traces(world, session));
}

#[tokio::test]
async fn an_account_goes_in_two_calls_and_again_when_its_urls_have_died() {
    let world = World::new().await;
    let account = Account::new(1);
    let (device, session) = world.enrolled().await;
    let token = &session.access_token;
    let key = record(session.user_id, b"one");
    assert_eq!(device.put(token, &key, b"one").await.status, 200);
    // A URL that is out already.
    let late = record(session.user_id, b"late");
    let signed = device.presign(token, crate::device::put_item(&late, b"late")).await;

    let confirmation = confirmation(&device, &account, token).await;
    assert!(world.keys().contains(&key.to_string()), "the first call changes nothing");
    let progress = call(&device, &account, token, Some(&confirmation)).await.json();
    assert_eq!((&progress["state"], &progress["swept"]), (&"deleting".into(), &true.into()));
    assert_eq!(progress["objectsDeleted"], 3);
    assert!(!world.keys().iter().any(|key| key.starts_with("users/")), "{:?}", world.keys());

    // At once, and in every way.
    let invite = world.invite_for(3);
    let body = json!({ "items": [{ "method": "GET", "key": key.to_string() }] });
    assert_eq!(device.call("POST", "/v1/presign", &body, Some(token)).await.code(), "session-ended");
    assert_eq!(device.renew(session.renewal_token.as_deref().unwrap()).await.code(), "account-deleted");
    assert_eq!(device.session(&invite, Some(&account)).await.code(), "account-deleted");

    // What a URL that was out still stored goes with the second sweep, and with it all that says that there was such an account.
    assert_eq!(use_url(&signed, b"late".to_vec()).await.status, 200);
    assert!(world.keys().contains(&late.to_string()));
    world.clock.advance(Duration::hours(1));
    let world = world.restart().await;
    until_gone(&world, &session).await;

    // A device that has heard of nothing does not make it once more, for all that it holds the keys and an invite.
    let mut device = device;
    device.fresh_nonce().await;
    assert_eq!(device.renew(session.renewal_token.as_deref().unwrap()).await.code(), "renewal-expired");
    assert_eq!(device.session(&world.invite_for(3), Some(&account)).await.code(), "account-deleted");
    assert!(!world.keys().iter().any(|key| key.starts_with("users/")), "{:?}", world.keys());

    // The invite is free for another account.
    let device = world.device().await;
    let another = device.session(&world.invite_for(3), Some(&Account::new(2))).await.session();
    assert_eq!(another.scope, AccountScope::Create);
}

#[tokio::test]
async fn without_compare_and_swap_it_goes_just_so() {
    let world = World::with(|options: &mut DevOptions| options.profile = StoreProfile::IGNORING).await;
    let (device, session) = world.enrolled().await;
    delete(&device, &Account::new(1), &session.access_token).await;
    assert_eq!(device.renew(session.renewal_token.as_deref().unwrap()).await.code(), "account-deleted");
    assert!(traces(&world, &session).iter().all(|key| key.starts_with("_tidegate/")), "{:?}", traces(&world, &session));
}

#[tokio::test]
async fn it_takes_the_accounts_key_a_full_session_and_a_confirmation_for_this_device() {
    let world = World::new().await;
    let (account, stranger) = (Account::new(1), Account::new(2));
    let invite = world.invite_for(3);
    let mut device = world.device().await;
    let session = device.create_account(&invite, &account).await;
    let token = &session.access_token;
    let other = world.device().await;
    let others = other.session(&invite, Some(&account)).await.session().access_token;
    let limited = world.device().await;
    let bootstrap = limited.session(&invite, None).await.session().access_token;
    let confirmation = confirmation(&device, &account, token).await;

    assert_eq!(call(&limited, &account, &bootstrap, None).await.code(), "scope-insufficient");
    assert_eq!(call(&device, &stranger, token, None).await.code(), "account-proof-invalid");
    assert_eq!(call(&device, &account.with_key(9), token, Some(&confirmation)).await.code(), "account-proof-invalid");
    // A proof that was made to sign in deletes nothing.
    let body = json!({ "account": account.proof(&device.broker, &device.thumbprint(), &device.nonce) });
    assert_eq!(device.call("DELETE", "/v1/account", &body, Some(token)).await.code(), "account-proof-invalid");
    let mut disguised = body;
    disguised["account"]["purpose"] = "delete-account".into();
    assert_eq!(device.call("DELETE", "/v1/account", &disguised, Some(token)).await.code(), "account-proof-invalid");
    for wrong in ["", "a.b.c", token.as_str(), invite.as_str(), session.renewal_token.as_deref().unwrap()] {
        assert_eq!(call(&device, &account, token, Some(wrong)).await.code(), "confirmation-invalid", "{wrong}");
    }
    assert_eq!(call(&other, &account, &others, Some(&confirmation)).await.code(), "confirmation-invalid");
    world.clock.advance(Duration::minutes(11));
    device.fresh_nonce().await;
    let token = &device.renew(session.renewal_token.as_deref().unwrap()).await.session().access_token;
    assert_eq!(call(&device, &account, token, Some(&confirmation)).await.code(), "confirmation-invalid");
    assert!(world.keys().contains(&format!("users/{}/genesis.json", session.user_id)));
    assert!(!world.keys().iter().any(|key| key.starts_with("_tidegate/deletions/")));
}

#[tokio::test]
async fn a_store_that_fails_meanwhile_loses_nothing_of_the_deletion() {
    let world = World::new().await;
    let proxy = StoreProxy::start(&world.store_url).await;
    let replica = proxy.replica(world.config()).await;
    let account = Account::new(1);
    let mut device = world.device().await;
    let session = device.create_account(&world.invite_for(3), &account).await;
    // Proofs name the public URL, which is the same for both; the request goes to the replica.
    let confirmation = confirmation(&device, &account, &session.access_token).await;
    proxy.set(Some(Trouble::RefusesPut("_tidegate/revocations/")));
    device.fresh_nonce().await;
    let body = json!({
        "account": account.proof_for(ProofPurpose::DeleteAccount, &device.broker, &device.thumbprint(), &device.nonce),
        "confirmation": confirmation,
    });
    let body = serde_json::to_vec(&body).unwrap();
    let proof = device.sign(&device.proof("DELETE", "/v1/account", &body, Some(&session.access_token)));
    let authorization = format!("DPoP {}", session.access_token);
    let headers = [("content-type", "application/json"), ("dpop", proof.as_str()), ("authorization", authorization.as_str())];
    let url = format!("{}/v1/account", replica.broker_url);
    let reply = crate::device::send(reqwest::Method::DELETE, &url, &headers, body).await;
    assert_eq!(reply.code(), "store-unavailable");
    // Nothing went, and everything says that it is to go: the next replica that looks goes on.
    assert!(world.keys().contains(&format!("users/{}/genesis.json", session.user_id)));
    assert!(world.keys().contains(&format!("_tidegate/deletions/{}.json", session.user_id)));
    replica.shutdown().await;
    world.clock.advance(Duration::hours(1));
    let world = world.restart().await;
    for _ in 0..1_200 {
        if !world.keys().iter().any(|key| key.starts_with("users/")) {
            return;
        }
        tokio::time::sleep(StdDuration::from_millis(50)).await;
    }
    panic!("the account is still there");
}
