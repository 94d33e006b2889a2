//! A revoked device: what it still gets, and for how long.

use serde_json::json;
use time::Duration;

use crate::device::Account;
use crate::world::World;

#[tokio::test]
async fn a_revoked_device_gets_no_token_at_once_and_no_url_after_a_minute() {
    let world = World::new().await;
    let account = Account::new(1);
    let invite = world.invite_for(2);
    let mut device = world.device().await;
    let session = device.create_account(&invite, &account).await;
    let other = world.device().await;
    let others = other.session(&invite, Some(&account)).await.session();
    world.plant(&format!("_tidegate/revocations/devices/{}.json", session.device_id), b"{}").await;

    assert_eq!(device.renew(session.renewal_token.as_deref().unwrap()).await.code(), "device-revoked");
    assert_eq!(device.session(&invite, Some(&account)).await.code(), "device-revoked");
    assert_eq!(device.session(&invite, None).await.code(), "device-revoked");

    world.clock.advance(Duration::seconds(61));
    device.fresh_nonce().await;
    let body = json!({ "items": [{ "method": "GET", "key": "nonsense" }] });
    assert_eq!(device.call("POST", "/v1/presign", &body, Some(&session.access_token)).await.code(), "device-revoked");
    assert_eq!(other.call("POST", "/v1/presign", &body, Some(&others.access_token)).await.code(), "ok");
}
