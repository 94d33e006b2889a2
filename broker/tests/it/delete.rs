//! `POST /v1/delete`.

use serde_json::{Value, json};
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::UserId;
use time::Duration;
use uuid::Uuid;

use crate::device::{Device, master_key};
use crate::presign::record;
use crate::world::World;

pub(crate) async fn delete(device: &Device, token: &str, keys: &[String]) -> Vec<Value> {
    let reply = device.call("POST", "/v1/delete", &json!({ "keys": keys }), Some(token)).await;
    assert_eq!(reply.code(), "ok");
    reply.json()["results"].as_array().unwrap().clone()
}

pub(crate) fn words(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["code"].as_str().unwrap_or_else(|| result["outcome"].as_str().unwrap())).collect()
}

/// A device with one record, eight days later.
pub(crate) async fn eight_days_later(world: &World) -> (Device, String, UserId, String) {
    let (mut device, session) = world.enrolled().await;
    let key = record(session.user_id, b"old");
    assert_eq!(device.put(&session.access_token, &key, b"old").await.status, 200);
    world.clock.advance(Duration::days(8));
    device.fresh_nonce().await;
    let token = device.renew(&session.renewal_token.unwrap()).await.session().access_token;
    (device, token, session.user_id, key.to_string())
}

#[tokio::test]
async fn what_is_old_goes_and_leaves_a_trace() {
    let world = World::new().await;
    let (device, token, user, key) = eight_days_later(&world).await;
    assert_eq!(words(&delete(&device, &token, std::slice::from_ref(&key)).await), ["deleted"]);
    assert!(!world.keys().contains(&key));
    assert_eq!(words(&delete(&device, &token, std::slice::from_ref(&key)).await), ["absent"]);
    let audits: Vec<_> = world.keys().into_iter().filter(|key| key.starts_with(&format!("_tidegate/audit/{user}/"))).collect();
    assert_eq!(audits.len(), 1);
    let audit: Value = serde_json::from_slice(&world.store().read(&world.bucket, &audits[0]).unwrap()).unwrap();
    assert_eq!(audit["deleted"], json!([key]));
    assert_eq!(audit["user"], user.to_string());
}

#[tokio::test]
async fn what_is_young_stays() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let key = record(session.user_id, b"young");
    assert_eq!(device.put(&session.access_token, &key, b"young").await.status, 200);
    assert_eq!(words(&delete(&device, &session.access_token, &[key.to_string()]).await), ["too-young"]);
    assert!(world.keys().contains(&key.to_string()));
}

#[tokio::test]
async fn protected_and_foreign_objects_stay_whatever_their_age() {
    let world = World::new().await;
    let (device, token, user, key) = eight_days_later(&world).await;
    let stranger = key.replace(&user.to_string(), &Uuid::from_u128(7).to_string());
    let grant = format!("users/{user}/access-grants/{}.blob", Uuid::from_u128(0x8000_8000_0000_0000_0000));
    let device_file = format!("users/{user}/devices/{}/device.blob", Uuid::from_u128(3));
    // Of another account that is there, and through the back door of one's own folder.
    world.plant(&stranger, b"of somebody else").await;
    world.plant(&grant, b"a grant that keeps a member readable").await;
    world.plant(&device_file, b"who signs").await;
    let tricks = [key.replace("/family-members/", "/../family-members/"), key.replace("records", "%72ecords"), format!("/{key}")];
    let results = delete(
        &device,
        &token,
        &[
            format!("users/{user}/genesis.json"),
            master_key(user).to_string(),
            format!("users/{user}/sync-manifest.blob"),
            grant.clone(),
            device_file.clone(),
            tricks[0].clone(),
            tricks[1].clone(),
            tricks[2].clone(),
            stranger.clone(),
            format!("_tidegate/accounts/{user}/1.json"),
            format!("users/{user}/"),
            "nonsense".to_owned(),
            key.clone(),
        ],
    )
    .await;
    assert_eq!(
        words(&results),
        [
            "protected",
            "protected",
            "protected",
            "protected",
            "protected",
            "key-invalid",
            "key-invalid",
            "key-invalid",
            "not-allowed",
            "not-allowed",
            "key-invalid",
            "key-invalid",
            "deleted"
        ]
    );
    for key in [format!("users/{user}/genesis.json"), stranger, grant, device_file] {
        assert!(world.keys().contains(&key), "{key}");
    }
}

#[tokio::test]
async fn deletions_of_a_day_are_capped() {
    let world = World::with(|options: &mut DevOptions| options.limits.daily_deletions = 1).await;
    let (device, token, _, key) = eight_days_later(&world).await;
    assert_eq!(words(&delete(&device, &token, &[key.clone(), key]).await), ["deleted", "daily-limit"]);
}

#[tokio::test]
async fn delete_takes_1_to_1000_keys() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    for (count, code) in [(0, "batch-size"), (1000, "ok"), (1001, "batch-size")] {
        let body = json!({ "keys": vec!["nonsense"; count] });
        assert_eq!(device.call("POST", "/v1/delete", &body, Some(&session.access_token)).await.code(), code, "{count}");
    }
}
