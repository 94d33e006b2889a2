//! To which account a transaction leads, and who may use it.

use serde_json::json;
use tidegate_protocol::ObjectKey;
use tidegate_protocol::scope::AccountScope;
use time::Duration;

use super::shop::{OTHER_DEVICE, Shop, THIS_DEVICE, create_account, link, open, token_of};
use crate::device::{Account, Device, master_key};
use crate::world::World;

#[tokio::test]
async fn a_subscriber_creates_an_account_and_gets_a_full_session() {
    let shop = Shop::open().await;
    let (device, account) = (shop.device().await, Account::new(1));
    let jws = shop.sell(token_of(&account));
    assert_eq!(open(&device, &jws, None, None).await.code(), "account-not-found");

    let create = open(&device, &jws, Some(&account), None).await.session();
    assert_eq!((create.scope, create.user_id, create.renewal_token.is_none()), (AccountScope::Create, account.user(), true));
    assert_eq!(link(&device, &create).await.code(), "account-incomplete");
    device.put_account_objects(&create.access_token, &account).await;
    let full = link(&device, &create).await.session();
    assert_eq!((full.scope, full.user_id), (AccountScope::Full, account.user()));
    assert_eq!((full.entitlement_active, full.expires_at), (Some(true), Some(full.access_expires_at)));
    let json = serde_json::to_value(&full).unwrap();
    assert_eq!(json["serviceMode"], "hosted");
    assert_eq!(json["capabilities"]["identities"], json!(["self-host", "app-store"]));
    // Repeated after a crash it gives the same.
    assert_eq!(link(&device, &create).await.session().scope, AccountScope::Full);
    assert_eq!(device.renew(&full.renewal_token.unwrap()).await.code(), "ok");
}

#[tokio::test]
async fn a_broker_that_is_not_hosted_takes_no_transaction() {
    let (world, shop) = (World::new().await, Shop::open().await);
    let jws = shop.sell(json!({}));
    assert_eq!(open(&world.device().await, &jws, Some(&Account::new(1)), None).await.code(), "identity-not-offered");
}

#[tokio::test]
async fn a_restore_on_a_new_phone_goes_by_bootstrap_and_the_recovery_code() {
    let shop = Shop::open().await;
    let account = Account::new(1);
    create_account(&shop.device().await, &shop.sell(token_of(&account)), &account).await;

    // StoreKit gives the new phone the same purchase, signed anew and for this phone.
    shop.clock.advance(Duration::days(3));
    let mut phone = shop.device().await;
    let mut restored = token_of(&account);
    restored["purchaseDate"] = shop.millis(Duration::days(-3)).into();
    restored["expiresDate"] = shop.millis(Duration::days(27)).into();
    let jws = shop.sell_to_this_device(restored);
    let bootstrap = open(&phone, &jws, None, Some(THIS_DEVICE)).await.session();
    assert_eq!((bootstrap.scope, bootstrap.user_id), (AccountScope::Bootstrap, account.user()));
    assert_eq!(bootstrap.renewal_token, None);
    let get = json!({ "method": "GET", "key": master_key(account.user()).to_string() });
    assert_eq!(phone.presign(&bootstrap.access_token, get).await["outcome"], "signed");
    let record = json!({ "method": "LIST", "key": format!("users/{}/devices/", account.user()) });
    assert_eq!(phone.presign(&bootstrap.access_token, record).await["code"], "not-allowed");

    let full = open(&phone, &jws, Some(&account), None).await.session();
    assert_eq!((full.scope, full.user_id), (AccountScope::Full, account.user()));
    phone.fresh_nonce().await;
    assert_eq!(phone.renew(&full.renewal_token.unwrap()).await.code(), "ok");
}

#[tokio::test]
async fn two_phones_of_one_customer_share_the_account() {
    let shop = Shop::open().await;
    let account = Account::new(1);
    let (one, two) = (shop.device().await, shop.device().await);
    let jws = shop.sell(token_of(&account));
    let first = create_account(&one, &jws, &account).await;
    let second = open(&two, &jws, Some(&account), None).await.session();
    assert_eq!((second.scope, second.user_id), (AccountScope::Full, first.user_id));
    assert_ne!(second.device_id, first.device_id);
    assert_eq!(one.renew(first.renewal_token.as_ref().unwrap()).await.code(), "ok");
    assert_eq!(two.renew(second.renewal_token.as_ref().unwrap()).await.code(), "ok");
    // Tokens are bound to their device.
    assert_eq!(two.renew(&first.renewal_token.unwrap()).await.code(), "token-invalid");
}

#[tokio::test]
async fn a_transaction_from_a_log_is_of_no_use_on_another_device() {
    let shop = Shop::open().await;
    let (owner, account, thief) = (shop.device().await, Account::new(1), shop.device().await);
    // Not linked yet and without an appAccountToken: the thief must not be the first.
    let jws = shop.sell_to_this_device(json!({}));
    let stolen = Account::new(2);
    assert_eq!(open(&thief, &jws, Some(&stolen), None).await.code(), "device-verification-required");
    assert_eq!(open(&thief, &jws, Some(&stolen), Some(OTHER_DEVICE)).await.code(), "device-verification-mismatch");
    assert_eq!(open(&thief, &jws, None, None).await.code(), "account-not-found");

    let create = open(&owner, &jws, Some(&account), Some(THIS_DEVICE)).await.session();
    owner.put_account_objects(&create.access_token, &account).await;
    assert_eq!(link(&owner, &create).await.code(), "ok");
    // Linked now.
    assert_eq!(open(&thief, &jws, None, None).await.code(), "device-verification-required");
    assert_eq!(open(&thief, &jws, None, Some(OTHER_DEVICE)).await.code(), "device-verification-mismatch");
    assert_eq!(open(&thief, &jws, Some(&stolen), None).await.code(), "already-linked");
    // The thief's own tokens do not take the owner's place, and the owner's create token is worth nothing to the thief.
    assert_eq!(link(&thief, &create).await.code(), "token-invalid");
}

#[tokio::test]
async fn a_transaction_for_one_account_opens_no_other() {
    let shop = Shop::open().await;
    let (account, other) = (Account::new(1), Account::new(2));
    let (owner, thief) = (shop.device().await, shop.device().await);
    let jws = shop.sell(token_of(&account));
    assert_eq!(open(&thief, &jws, Some(&other), None).await.code(), "app-account-token-mismatch");
    create_account(&owner, &jws, &account).await;
    assert_eq!(open(&thief, &jws, Some(&other), None).await.code(), "already-linked");
    // Another token in the same purchase, by the App Store itself or by the thief's hand.
    let swapped = shop.sell(token_of(&other));
    assert_eq!(open(&thief, &swapped, Some(&other), None).await.code(), "app-account-token-mismatch");
    assert_eq!(open(&owner, &swapped, Some(&account), None).await.code(), "app-account-token-mismatch");
    let [header, _, signature] = jws.split('.').collect::<Vec<_>>().try_into().unwrap();
    let payload = swapped.split('.').nth(1).unwrap();
    let forged = format!("{header}.{payload}.{signature}");
    assert_eq!(open(&thief, &forged, Some(&other), None).await.code(), "app-store-signature-invalid");
    // Another key's proof for the owner's genesis.
    let mut body = json!({ "signedTransactionInfo": jws });
    body["account"] = Account { key: other.key.clone(), genesis: account.genesis.clone() }.proof(
        &thief.broker,
        &thief.thumbprint(),
        &thief.nonce,
    );
    assert_eq!(thief.call("POST", "/v1/subscription/session", &body, None).await.code(), "account-proof-invalid");
    // A proof made for another device.
    body["account"] = account.proof(&owner.broker, &owner.thumbprint(), &owner.nonce);
    assert_eq!(thief.call("POST", "/v1/subscription/session", &body, None).await.code(), "account-proof-invalid");
}

#[tokio::test]
async fn of_two_first_devices_one_wins_and_the_other_joins() {
    let shop = Shop::open().await;
    let jws = shop.sell(json!({}));
    let devices = [shop.device().await, shop.device().await];
    let accounts = [Account::new(1), Account::new(2)];
    let mut creates = Vec::new();
    for (device, account) in devices.iter().zip(&accounts) {
        let create = open(device, &jws, Some(account), None).await.session();
        device.put_account_objects(&create.access_token, account).await;
        creates.push(create);
    }
    let (one, two) = tokio::join!(link(&devices[0], &creates[0]), link(&devices[1], &creates[1]));
    let codes = [one.code(), two.code()];
    let winner = codes.iter().position(|code| code == "ok").unwrap();
    let loser = 1 - winner;
    assert_eq!(codes[loser], "already-linked");
    let bootstrap = open(&devices[loser], &jws, None, None).await.session();
    assert_eq!(bootstrap.user_id, accounts[winner].user());
    let joined = open(&devices[loser], &jws, Some(&accounts[winner]), None).await.session();
    assert_eq!(joined.scope, AccountScope::Full);
}

#[tokio::test]
async fn a_lost_recovery_code_meets_a_clear_refusal_and_the_old_account_stays() {
    let shop = Shop::open().await;
    let (account, replacement) = (Account::new(1), Account::new(2));
    let old_phone = shop.device().await;
    let session = create_account(&old_phone, &shop.sell(json!({})), &account).await;
    let before = users_objects(&shop);

    let new_phone = shop.device().await;
    let jws = shop.sell(json!({}));
    let refused = open(&new_phone, &jws, Some(&replacement), None).await;
    assert_eq!((refused.code().as_str(), refused.status), ("already-linked", 409));
    assert!(refused.json()["message"].as_str().unwrap().contains("recovery code"));
    let bought_anew = shop.sell(token_of(&replacement));
    assert_eq!(open(&new_phone, &bought_anew, Some(&replacement), None).await.code(), "app-account-token-mismatch");
    // Bootstrap shows the sealed keys and nothing else; nothing can be written or deleted.
    let token = open(&new_phone, &jws, None, None).await.session().access_token;
    let genesis = crate::device::put_item(&ObjectKey::Genesis { user: account.user() }, &account.genesis);
    assert_eq!(new_phone.presign(&token, genesis).await["code"], "not-allowed");
    let delete = json!({ "keys": [master_key(account.user()).to_string()] });
    assert_eq!(new_phone.call("POST", "/v1/delete", &delete, Some(&token)).await.code(), "scope-insufficient");
    assert_eq!(link(&new_phone, &open(&new_phone, &jws, None, None).await.session()).await.code(), "scope-insufficient");

    assert_eq!(users_objects(&shop), before);
    assert_eq!(old_phone.renew(&session.renewal_token.unwrap()).await.session().user_id, account.user());
}

fn users_objects(shop: &Shop) -> Vec<String> {
    shop.keys().into_iter().filter(|key| key.starts_with("users/")).collect()
}

#[tokio::test]
async fn a_later_purchase_of_the_same_customer_leads_to_the_same_account() {
    let shop = Shop::open().await;
    let account = Account::new(1);
    let device = shop.device().await;
    create_account(&device, &shop.sell(json!({})), &account).await;
    let another = json!({ "transactionId": "2000000000000900", "originalTransactionId": "2000000000000900" });
    let jws = shop.sell(another.clone());
    assert_eq!(open(&device, &jws, None, None).await.session().user_id, account.user());
    assert_eq!(open(&device, &jws, Some(&Account::new(2)), None).await.code(), "already-linked");
    assert_eq!(open(&device, &jws, Some(&account), None).await.session().scope, AccountScope::Full);
    // From now on that purchase leads there by itself.
    let mut alone = another;
    alone["appTransactionId"] = serde_json::Value::Null;
    let found = open(&device, &shop.sell(alone), None, None).await.session();
    assert_eq!((found.scope, found.user_id), (AccountScope::Bootstrap, account.user()));
}

#[tokio::test]
async fn no_token_of_another_kind_passes() {
    let shop = Shop::open().await;
    let account = Account::new(1);
    let device = shop.device().await;
    let session = create_account(&device, &shop.sell(json!({})), &account).await;
    let invite = shop.invite_for(1);
    for nonsense in [session.access_token.as_str(), session.renewal_token.as_deref().unwrap(), &invite, "", "a.b.c"] {
        let reply = open(&device, nonsense, Some(&account), None).await;
        assert!(reply.code().starts_with("app-store-"), "{}", reply.code());
    }
    // What the App Store signed is no invite.
    assert_eq!(device.session(&shop.sell(json!({})), Some(&account)).await.code(), "invite-invalid");
    // An invite goes on working beside it.
    let (guest, other): (Device, _) = (shop.device().await, Account::new(9));
    let by_invite = guest.create_account(&invite, &other).await;
    assert_eq!(serde_json::to_value(&by_invite).unwrap()["serviceMode"], "self-hosted");
}
