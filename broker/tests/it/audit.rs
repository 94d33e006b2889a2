//! The trace of what was done, as it lies in the bucket.

use serde_json::{Value, json};
use tidegate_broker::AuditSettings;
use tidegate_broker::dev::DevOptions;
use tidegate_embedded_s3::Store;

use crate::world::World;

/// The audit documents that the store holds, by their format.
async fn documents(world: &World, format: &str) -> Vec<Value> {
    let keys = world.keys().into_iter().filter(|key| key.starts_with("_tidegate/audit/"));
    let client = crate::world::client_of(&world.config().store, &world.config().store.state);
    let mut documents = Vec::new();
    for key in keys {
        let object = client.get_object().bucket(&world.bucket).key(key).send().await.unwrap();
        let document: Value = serde_json::from_slice(&object.body.collect().await.unwrap().to_vec()).unwrap();
        if document["format"] == format {
            documents.push(document);
        }
    }
    documents
}

async fn until_written(world: &World) -> Vec<Value> {
    loop {
        let documents = documents(world, "tidegate/audit-batch/v1").await;
        let events: usize = documents.iter().map(|document| document["events"].as_array().unwrap().len()).sum();
        if events >= 4 {
            return documents;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_got_what_is_written_in_batches_without_names_or_secrets() {
    let audit = AuditSettings { stdout: false, bucket: true, flush_seconds: 1 };
    let world = World::with(|options: &mut DevOptions| options.audit = audit).await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let record = format!("users/{}/genesis.json", session.user_id);
    let items = json!({ "items": [{ "method": "GET", "key": record }, { "method": "DELETE", "key": record }] });
    assert_eq!(device.call("POST", "/v1/presign", &items, Some(token)).await.status, 200);
    let renewal = session.renewal_token.clone().unwrap();
    assert_eq!(device.renew(&renewal).await.status, 200);

    let documents = tokio::time::timeout(std::time::Duration::from_secs(300), until_written(&world)).await.unwrap();
    let mut actions = Vec::new();
    for document in &documents {
        assert_eq!(document["user"], session.user_id.to_string());
        for event in document["events"].as_array().unwrap() {
            assert_eq!((&event["user"], &event["device"]), (&document["user"], &json!(session.device_id.to_string())));
            actions.push(event["action"].as_str().unwrap().to_owned());
        }
    }
    for action in ["session-opened", "urls-signed", "session-renewed"] {
        assert!(actions.iter().any(|found| found == action), "{action} in {actions:?}");
    }
    let text = serde_json::to_string(&documents).unwrap();
    assert!(text.contains(r#"{"count":1,"kind":"genesis","method":"GET"}"#), "{text}");
    for secret in [token, &renewal, "genesis.json", "X-Amz", "http", "anna", &device.nonce, "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret:.40} in {text}");
    }
}

#[tokio::test]
async fn what_was_not_yet_written_is_written_at_the_end() {
    let audit = AuditSettings { stdout: false, bucket: true, flush_seconds: 86_400 };
    let folder = tempfile::tempdir().unwrap();
    let options = DevOptions { audit, ..DevOptions::new(folder.path()) };
    let server = tidegate_broker::dev::start(options).await.unwrap();
    let store: Store = server.store().clone();
    let bucket = server.bucket.clone();
    let written = |store: &Store| store.objects(&bucket).unwrap().iter().any(|object| object.key.starts_with("_tidegate/audit/"));
    let invite = server.invite("anna", 1, time::Duration::days(7)).unwrap();
    let device = crate::device::Device::new(&server.broker_url).await;
    device.create_account(&invite.token, &crate::device::Account::new(1)).await;
    assert!(!written(&store));
    server.shutdown().await;
    assert!(written(&store));
}
