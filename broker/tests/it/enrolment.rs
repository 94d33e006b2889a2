//! From an invite to a full session, and what a session of each scope reaches.

use serde_json::json;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::account::device_id;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::{ObjectKey, Space};

use crate::device::{Account, MASTER_KEY, master_key, put_item, use_url};
use crate::world::World;

#[tokio::test]
async fn first_device_creates_its_account_and_gets_a_full_session() {
    let world = World::new().await;
    let (device, account) = (world.device().await, Account::new(1));
    let invite = world.invite_for(1);

    let create = device.session(&invite, Some(&account)).await.session();
    assert_eq!(create.scope, AccountScope::Create);
    assert_eq!(create.user_id, account.user());
    assert_eq!(create.device_id, device_id(account.user(), &device.thumbprint()));
    assert_eq!(create.renewal_token, None);
    assert_eq!(create.capabilities.public_url, world.broker_url);

    device.put_account_objects(&create.access_token, &account).await;
    let full = device.call("POST", "/v1/account/link", &json!({}), Some(&create.access_token)).await.session();
    assert_eq!((full.scope, full.user_id, full.device_id), (AccountScope::Full, create.user_id, create.device_id));
    assert!(full.renewal_token.is_some());
    assert_eq!(
        world.store().read(&world.bucket, &ObjectKey::Genesis { user: account.user() }.to_string()).unwrap(),
        account.genesis
    );
}

#[tokio::test]
async fn second_device_bootstraps_and_then_proves_the_account() {
    let world = World::new().await;
    let account = Account::new(1);
    let invite = world.invite_for(2);
    let first = world.device().await.create_account(&invite, &account).await;

    let device = world.device().await;
    let bootstrap = device.session(&invite, None).await.session();
    assert_eq!((bootstrap.scope, bootstrap.user_id), (AccountScope::Bootstrap, account.user()));
    assert_eq!(bootstrap.renewal_token, None);
    let list = json!({ "method": "LIST", "key": format!("users/{}/master-keys/", account.user()) });
    let listed = use_url(&device.presign(&bootstrap.access_token, list).await, Vec::new()).await;
    assert!(String::from_utf8_lossy(&listed.body).contains(&master_key(account.user()).to_string()));
    let get = json!({ "method": "GET", "key": master_key(account.user()).to_string() });
    assert_eq!(use_url(&device.presign(&bootstrap.access_token, get).await, Vec::new()).await.body, MASTER_KEY);

    let full = device.session(&invite, Some(&account)).await.session();
    assert_eq!((full.scope, full.user_id), (AccountScope::Full, first.user_id));
    assert_ne!(full.device_id, first.device_id);
}

#[tokio::test]
async fn the_whole_flow_works_on_a_store_that_ignores_preconditions() {
    let world = World::with(|options: &mut DevOptions| options.profile = StoreProfile::IGNORING).await;
    let account = Account::new(1);
    let invite = world.invite_for(2);
    let first = world.device().await.create_account(&invite, &account).await;
    let device = world.device().await;
    assert_eq!(device.session(&invite, None).await.session().scope, AccountScope::Bootstrap);
    let second = device.session(&invite, Some(&account)).await.session();
    assert_eq!(second.user_id, first.user_id);
    assert_eq!(device.session(&invite, Some(&Account::new(2))).await.code(), "already-linked");
    assert_eq!(device.renew(&second.renewal_token.unwrap()).await.session().user_id, first.user_id);
}

#[tokio::test]
async fn stolen_bootstrap_token_can_neither_write_nor_see_records() {
    let world = World::new().await;
    let account = Account::new(1);
    let invite = world.invite_for(2);
    world.device().await.create_account(&invite, &account).await;
    let thief = world.device().await;
    let token = thief.session(&invite, None).await.session().access_token;
    let user = account.user();
    let member = format!("users/{user}/family-members/00000000-0000-4000-8000-000000000001");
    for item in [
        put_item(&ObjectKey::Doorbell { space: Space::Account(user) }, b"x"),
        put_item(&master_key(user), MASTER_KEY),
        put_item(&ObjectKey::Genesis { user }, &account.genesis),
        json!({ "method": "LIST", "key": format!("{member}/records/") }),
        json!({ "method": "LIST", "key": format!("users/{user}/family-members/") }),
        json!({ "method": "LIST", "key": format!("users/{user}/devices/") }),
        json!({ "method": "LIST", "key": format!("users/{user}/access-grants/") }),
        json!({ "method": "GET", "key": format!("users/{user}/sync-manifest.blob") }),
    ] {
        let outcome = thief.presign(&token, item.clone()).await;
        assert_eq!(outcome["outcome"], "refused", "{item}");
        assert_eq!(outcome["code"], "not-allowed", "{item}");
    }
    let keys = json!({ "keys": [format!("{member}/packs/00112233445566778899aabbccddeeff.blob")] });
    assert_eq!(thief.call("POST", "/v1/delete", &keys, Some(&token)).await.code(), "scope-insufficient");
    assert_eq!(thief.call("POST", "/v1/account/link", &json!({}), Some(&token)).await.code(), "scope-insufficient");
}

#[tokio::test]
async fn identity_without_account_needs_a_genesis() {
    let world = World::new().await;
    assert_eq!(world.device().await.session(&world.invite_for(1), None).await.code(), "account-not-found");
}

#[tokio::test]
async fn linking_waits_for_the_accounts_objects() {
    let world = World::new().await;
    let (device, account) = (world.device().await, Account::new(1));
    let create = device.session(&world.invite_for(1), Some(&account)).await.session();
    let link = async || device.call("POST", "/v1/account/link", &json!({}), Some(&create.access_token)).await;
    assert_eq!(link().await.code(), "account-incomplete");
    assert_eq!(
        device.put(&create.access_token, &ObjectKey::Genesis { user: account.user() }, &account.genesis).await.status,
        200
    );
    assert_eq!(link().await.code(), "account-incomplete");
    assert_eq!(device.put(&create.access_token, &master_key(account.user()), MASTER_KEY).await.status, 200);
    let first = link().await.session();
    // A reply that was lost: the same again.
    let again = link().await.session();
    assert_eq!((first.user_id, first.device_id, first.scope), (again.user_id, again.device_id, again.scope));
}

#[tokio::test]
async fn of_two_accounts_that_race_for_an_identity_one_is_linked() {
    for profile in [StoreProfile::ATOMIC, StoreProfile::IGNORING] {
        let world = World::with(|options: &mut DevOptions| options.profile = profile.clone()).await;
        let invite = world.invite_for(2);
        let (device_a, device_b) = (world.device().await, world.device().await);
        let (a, b) = (Account::new(1), Account::new(2));
        let create_a = device_a.session(&invite, Some(&a)).await.session().access_token;
        let create_b = device_b.session(&invite, Some(&b)).await.session().access_token;
        device_a.put_account_objects(&create_a, &a).await;
        device_b.put_account_objects(&create_b, &b).await;
        let body = json!({});
        let (reply_a, reply_b) = tokio::join!(
            device_a.call("POST", "/v1/account/link", &body, Some(&create_a)),
            device_b.call("POST", "/v1/account/link", &body, Some(&create_b)),
        );
        let mut codes = [reply_a.code(), reply_b.code()];
        codes.sort();
        assert_eq!(codes, ["already-linked", "ok"], "{profile:?}");
        let winner = if reply_a.status == 200 { &a } else { &b };
        // The loser goes on as a new device of the winner's account, in the slot that it took.
        let loser = if reply_a.status == 200 { &device_b } else { &device_a };
        assert_eq!(loser.session(&invite, Some(winner)).await.session().user_id, winner.user());
    }
}

#[tokio::test]
async fn another_account_does_not_get_into_a_linked_identity() {
    let world = World::new().await;
    let invite = world.invite_for(3);
    world.device().await.create_account(&invite, &Account::new(1)).await;
    assert_eq!(world.device().await.session(&invite, Some(&Account::new(2))).await.code(), "already-linked");
}

#[tokio::test]
async fn account_proof_is_bound_to_broker_key_nonce_and_account() {
    let world = World::new().await;
    let device = world.device().await;
    let other = world.device().await;
    let (account, stranger) = (Account::new(1), Account::new(2));
    let invite = world.invite_for(1);
    let right = || account.proof(&world.broker_url, &device.thumbprint(), &device.nonce);
    let mut foreign_signature = right();
    foreign_signature["signature"] = stranger.proof(&world.broker_url, &device.thumbprint(), &device.nonce)["signature"].clone();
    let mut changed_genesis = right();
    changed_genesis["genesis"] = stranger.proof(&world.broker_url, &device.thumbprint(), &device.nonce)["genesis"].clone();
    let mut short = right();
    short["signature"] = "AAAA".into();
    for (what, proof) in [
        ("another broker", account.proof("https://elsewhere.example", &device.thumbprint(), &device.nonce)),
        ("another key", account.proof(&world.broker_url, &other.thumbprint(), &device.nonce)),
        ("another nonce", account.proof(&world.broker_url, &device.thumbprint(), "nonce")),
        ("another account's signature", foreign_signature),
        ("another genesis", changed_genesis),
        ("a short signature", short),
    ] {
        let body = json!({ "invite": invite, "account": proof });
        assert_eq!(device.call("POST", "/v1/self-host/session", &body, None).await.code(), "account-proof-invalid", "{what}");
    }
    let body = json!({ "invite": invite, "account": right() });
    assert_eq!(device.call("POST", "/v1/self-host/session", &body, None).await.code(), "ok");
}

#[tokio::test]
async fn a_restart_loses_nothing() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let keys = world.keys();
    let world = world.restart().await;
    assert_eq!(world.keys(), keys);
    device.fresh_nonce().await;
    let get = json!({ "method": "GET", "key": format!("users/{}/genesis.json", session.user_id) });
    let signed = device.presign(&session.access_token, get).await;
    assert_eq!(use_url(&signed, Vec::new()).await.body, Account::new(1).genesis);
    assert_eq!(device.renew(&session.renewal_token.unwrap()).await.session().user_id, session.user_id);
}
