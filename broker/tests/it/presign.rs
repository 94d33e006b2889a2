//! Presigned URLs: granted, used at the store, refused.

use reqwest::Method;
use serde_json::{Value, json};
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::{Digest, MemberId, ObjectKey, RecordId, Sha256, Space, UserId};
use time::Duration;
use uuid::Uuid;

use crate::device::{Account, put_item, send, use_url};
use crate::world::World;

pub(crate) fn record(user: UserId, bytes: &[u8]) -> ObjectKey {
    let (member, record) = (MemberId::new(Uuid::from_u128(1)), RecordId::new(Uuid::from_u128(2)));
    ObjectKey::Record { user, member, record, version: 1, digest: Digest::of(bytes) }
}

#[tokio::test]
async fn an_object_goes_up_and_comes_back() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = &session.access_token;
    let body = b"sealed bytes";
    let key = record(session.user_id, body);
    assert_eq!(device.put(token, &key, body).await.status, 200);
    let get = device.presign(token, json!({ "method": "GET", "key": key.to_string() })).await;
    assert_eq!((get["method"].as_str(), get["headers"].as_object().map(|headers| headers.len())), (Some("GET"), Some(0)));
    assert_eq!(use_url(&get, Vec::new()).await.body, body);
    let head = device.presign(token, json!({ "method": "HEAD", "key": key.to_string() })).await;
    assert_eq!(use_url(&head, Vec::new()).await.headers["content-length"], body.len().to_string());
    let folder = key.to_string().rsplit_once('/').unwrap().0.to_owned() + "/";
    let list = device.presign(token, json!({ "method": "LIST", "key": folder })).await;
    assert_eq!(list["method"], "GET");
    assert!(String::from_utf8_lossy(&use_url(&list, Vec::new()).await.body).contains(&key.to_string()));
}

#[tokio::test]
async fn one_bad_item_does_not_fail_the_rest() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let user = session.user_id;
    let good = json!({ "method": "GET", "key": format!("users/{user}/genesis.json") });
    let items = json!({ "items": [
        good,
        { "method": "GET", "key": "../etc/passwd" },
        { "method": "DELETE", "key": format!("users/{user}/genesis.json") },
        { "method": "PATCH", "key": format!("users/{user}/genesis.json") },
        { "method": "GET", "key": format!("_tidegate/accounts/{user}/1.json") },
        good,
    ] });
    let reply = device.call("POST", "/v1/presign", &items, Some(&session.access_token)).await.json();
    let outcomes: Vec<&str> =
        reply["results"].as_array().unwrap().iter().map(|result| result["code"].as_str().unwrap_or("signed")).collect();
    assert_eq!(outcomes, ["signed", "key-invalid", "delete-not-signed", "method-invalid", "not-allowed", "signed"]);
}

#[tokio::test]
async fn batches_hold_1_to_1000_items() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let item = json!({ "method": "GET", "key": format!("users/{}/genesis.json", session.user_id) });
    for (count, code) in [(0, "batch-size"), (1, "ok"), (1000, "ok"), (1001, "batch-size")] {
        let body = json!({ "items": vec![item.clone(); count] });
        let reply = device.call("POST", "/v1/presign", &body, Some(&session.access_token)).await;
        assert_eq!(reply.code(), code, "{count}");
        if code == "ok" {
            assert_eq!(reply.json()["results"].as_array().unwrap().len(), count);
        }
    }
}

#[tokio::test]
async fn a_signed_put_takes_those_bytes_and_no_others() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = &session.access_token;
    let body = b"sealed bytes";
    let key = record(session.user_id, body);
    let signed = device.presign(token, put_item(&key, body)).await;
    assert_eq!(use_url(&signed, b"Sealed bytes".to_vec()).await.status, 400);
    assert!(use_url(&signed, b"other length".repeat(2)).await.status >= 400);

    let mut without_checksum = signed.clone();
    without_checksum["headers"].as_object_mut().unwrap().remove("x-amz-checksum-sha256");
    assert!(use_url(&without_checksum, body.to_vec()).await.status >= 400);
    // The attack on stores that obey it: copy another user's object into one's own key.
    let mut copy = signed.clone();
    copy["headers"]["x-amz-copy-source"] = format!("/{}/users/{}/genesis.json", world.bucket, session.user_id).into();
    assert!(use_url(&copy, body.to_vec()).await.status >= 400);
    assert!(!world.keys().contains(&key.to_string()));
    assert_eq!(use_url(&signed, body.to_vec()).await.status, 200);
    // Create only.
    assert_eq!(use_url(&signed, body.to_vec()).await.status, 412);
}

#[tokio::test]
async fn a_signed_url_is_good_for_its_method_and_key_alone() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let key = format!("users/{}/genesis.json", session.user_id);
    let signed = device.presign(&session.access_token, json!({ "method": "GET", "key": key })).await;
    let url = signed["url"].as_str().unwrap();
    assert_eq!(send(Method::GET, url, &[], vec![]).await.status, 200);
    assert_eq!(send(Method::DELETE, url, &[], vec![]).await.status, 403);
    assert_eq!(send(Method::PUT, url, &[], b"x".to_vec()).await.status, 403);
    assert_eq!(send(Method::GET, &url.replace("genesis.json", "sync-manifest.blob"), &[], vec![]).await.status, 403);
    assert_eq!(send(Method::GET, &format!("{url}&response-content-type=text/html"), &[], vec![]).await.status, 403);
}

#[tokio::test]
async fn the_credentials_have_the_rights_of_their_kind_alone() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let user = session.user_id;
    let credential_of = |signed: &Value| {
        let url = reqwest::Url::parse(signed["url"].as_str().unwrap()).unwrap();
        let pair = url.query_pairs().find(|(name, _)| name == "X-Amz-Credential").unwrap();
        pair.1.split('/').next().unwrap().to_owned()
    };
    let store = world.config().store.clone();
    let get =
        device.presign(&session.access_token, json!({ "method": "GET", "key": format!("users/{user}/genesis.json") })).await;
    assert_eq!(credential_of(&get), store.read.access_key_id);
    let put = device.presign(&session.access_token, put_item(&record(user, b"x"), b"x")).await;
    assert_eq!(credential_of(&put), store.write.access_key_id);

    let try_all = async |credential: &tidegate_broker::StoreCredential| {
        let client = crate::world::client_of(&store, credential);
        let key = format!("users/{user}/genesis.json");
        let get = client.get_object().bucket(&store.bucket).key(&key).send().await.is_ok();
        let list = client.list_objects_v2().bucket(&store.bucket).prefix("users/").send().await.is_ok();
        let put = client.put_object().bucket(&store.bucket).key("users/x").body(b"x".to_vec().into()).send().await.is_ok();
        let delete = client.delete_object().bucket(&store.bucket).key("users/x").send().await.is_ok();
        let state = client.put_object().bucket(&store.bucket).key("_tidegate/x").body(b"x".to_vec().into()).send().await.is_ok();
        let read_state = client.list_objects_v2().bucket(&store.bucket).prefix("_tidegate/").send().await.is_ok();
        [get, list, put, delete, state, read_state]
    };
    assert_eq!(try_all(&store.read).await, [true, true, false, false, false, false]);
    assert_eq!(try_all(&store.write).await, [false, false, true, false, false, false]);
    assert_eq!(try_all(&store.state).await, [true; 6]);
}

#[tokio::test]
async fn urls_end_with_the_token_or_after_15_minutes() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let item = json!({ "method": "GET", "key": format!("users/{}/genesis.json", session.user_id) });
    let seconds = |signed: &Value| {
        let url = reqwest::Url::parse(signed["url"].as_str().unwrap()).unwrap();
        url.query_pairs().find(|(name, _)| name == "X-Amz-Expires").unwrap().1.parse::<i64>().unwrap()
    };
    // The token's end is in whole seconds, so up to one is lost.
    assert!((899..=900).contains(&seconds(&device.presign(&session.access_token, item.clone()).await)));
    world.clock.advance(Duration::minutes(10));
    device.fresh_nonce().await;
    let signed = device.presign(&session.access_token, item.clone()).await;
    assert!((299..=300).contains(&seconds(&signed)));
    let time = |name: &str| tidegate_protocol::wire::timestamp::parse(signed[name].as_str().unwrap()).unwrap();
    assert_eq!(time("expiresAt") - time("renewAfter"), Duration::minutes(1));
    assert!(time("expiresAt") <= session.access_expires_at);
    world.clock.advance(Duration::seconds(245));
    device.fresh_nonce().await;
    let reply = device.call("POST", "/v1/presign", &json!({ "items": [item] }), Some(&session.access_token)).await;
    assert_eq!((reply.code().as_str(), reply.status), ("renew-first", 401));
}

#[tokio::test]
async fn a_single_url_is_had_by_get() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = Some(session.access_token.as_str());
    let get = async |key: &str| device.call("GET", &format!("/v1/presigned-url/{key}"), &Value::Null, token).await;
    let genesis = format!("users/{}/genesis.json", session.user_id);
    let reply = get(&genesis).await;
    assert_eq!(reply.code(), "ok");
    assert_eq!(use_url(&reply.json(), Vec::new()).await.status, 200);
    assert_eq!(get(&genesis.replace('/', "%2f")).await.code(), "key-invalid");
    assert_eq!(get(&genesis.replace("genesis", "genesi%73")).await.code(), "key-invalid");
    assert_eq!(get(&format!("users/{}/sync-manifest.blob", Uuid::from_u128(9))).await.code(), "not-allowed");
    assert_eq!(get("_tidegate/links/x.json").await.code(), "key-invalid");
}

#[tokio::test]
async fn signed_bytes_of_a_day_are_capped() {
    let world = World::with(|options: &mut DevOptions| options.limits.daily_bytes = 20_000).await;
    let (device, session) = world.enrolled().await;
    let doorbell = ObjectKey::Doorbell { space: Space::Account(session.user_id) };
    let item = json!({ "method": "PUT", "key": doorbell.to_string(), "length": 9_000, "sha256": Sha256::of(b"") });
    let body = json!({ "items": [item, item, item] });
    let reply = device.call("POST", "/v1/presign", &body, Some(&session.access_token)).await.json();
    let codes: Vec<_> =
        reply["results"].as_array().unwrap().iter().map(|result| result["code"].as_str().unwrap_or("signed")).collect();
    // The account's first objects took some of it.
    assert_eq!(codes, ["signed", "signed", "daily-limit"]);
    // Reading goes on.
    let get = json!({ "method": "GET", "key": doorbell.to_string() });
    assert_eq!(device.presign(&session.access_token, get).await["outcome"], "signed");
}

#[tokio::test]
async fn one_identity_has_one_day_however_many_accounts_it_begins() {
    let world = World::with(|options: &mut DevOptions| options.limits.daily_bytes = 20_000).await;
    let invite = world.invite_for(3);
    let mut codes = Vec::new();
    for seed in 1..=3 {
        let (device, account) = (world.device().await, Account::new(seed));
        let session = device.session(&invite, Some(&account)).await.session();
        assert_eq!(session.scope, AccountScope::Create);
        let bytes = vec![seed; 9_000];
        let key = ObjectKey::MasterKeys { user: account.user(), generation: 0, digest: Digest::of(&bytes) };
        let outcome = device.presign(&session.access_token, put_item(&key, &bytes)).await;
        codes.push(outcome["code"].as_str().unwrap_or("signed").to_owned());
    }
    assert_eq!(codes, ["signed", "signed", "daily-limit"]);
}
