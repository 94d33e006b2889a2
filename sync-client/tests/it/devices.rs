//! The account's devices as each other sees them.

use tidegate_sync_client::{DeviceInfo, DeviceState, NewRecord, Source, SyncClient};

use crate::stand::{Stand, TestHome, options, sync};

async fn of(client: &SyncClient, other: &SyncClient) -> DeviceInfo {
    let devices = client.refresh_devices().await.unwrap();
    devices.into_iter().find(|device| device.device_id == other.device_id()).unwrap()
}

async fn renamed_and_retired(stand: Stand) {
    let (home_a, home_b) = (TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&home_a.path()).await;
    let member = a.add_member("Ada").unwrap();
    sync(&a).await;
    let b = stand.join(&home_b.path(), &code).await;
    sync(&b).await;
    let before = of(&a, &b).await;
    assert_eq!((before.name.as_deref(), before.state, before.this), (Some("phone"), DeviceState::Active, false));
    assert!(before.last_seen.is_some(), "it has written its own file");

    b.rename_device("Ben's tablet").await.unwrap();
    assert_eq!(of(&a, &b).await.name.as_deref(), Some("Ben's tablet"), "a renamed device is read again");
    let own = |client: &SyncClient| client.status().unwrap().devices.into_iter().find(|device| device.this).unwrap();
    assert_eq!(own(&b).name.as_deref(), Some("Ben's tablet"));
    let again = SyncClient::open(&home_b.path(), options()).unwrap();
    assert_eq!(own(&again).name.as_deref(), Some("Ben's tablet"));
    assert_eq!(again.rename_device("").await.unwrap_err().code(), "text-length");
    // What is known is not read twice.
    let reads = a.transport().unwrap().traffic().total();
    of(&a, &b).await;
    assert_eq!(a.transport().unwrap().traffic().total().since(&reads).requests.get, 0);

    a.retire_device(b.device_id()).unwrap();
    assert_eq!(of(&a, &b).await.state, DeviceState::Retired);
    sync(&a).await;
    sync(&b).await;
    assert_eq!(own(&b).state, DeviceState::Retired, "it learns of it itself");
    let stranger = tidegate_protocol::DeviceId::from_bytes([7; 16]);
    assert_eq!(a.retire_device(stranger).unwrap_err().code(), "device-unknown");
    // A mark fences nothing: what it still writes is not lost.
    b.put(NewRecord::new(member, Source::Bytes(b"late".to_vec()))).unwrap();
    sync(&b).await;
    assert_eq!(sync(&a).await.pulled, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_renamed_and_retired_through_a_broker() {
    renamed_and_retired(Stand::broker().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_renamed_and_retired_straight_on_a_store() {
    renamed_and_retired(Stand::direct().await).await;
}
