//! How an upload goes: begun, interrupted, gone on with, completed; also where a reply was lost.

use serde_json::json;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::multipart::PART_BYTES;

use super::upload::{Content, Uploader, outcome};
use crate::device::use_url;
use crate::world::{World, client_of};

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_and_is_completed_once() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let content = Content::new(1);
    let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let upload = client.create().await;
    client.put_part(&upload, 1).await;
    client.put_part(&upload, 5).await;

    let world = world.restart().await;
    let listed = client.parts(&upload).await.json();
    let part =
        |number: usize, length: u64| json!({ "number": number, "length": length, "sha256": content.hashes.parts[number - 1] });
    assert_eq!(listed, json!({ "outcome": "open", "parts": [part(1, PART_BYTES), part(5, 1)] }));
    let after = json!({ "key": client.key.to_string(), "uploadId": upload, "after": 1 });
    assert_eq!(client.call("parts", &after).await.json()["parts"], json!([part(5, 1)]));
    assert_eq!(outcome(&client.complete(&upload).await), "parts-mismatch");
    assert_eq!(client.read(None).await.status, 404);

    let again = client.sign(&upload, 2).await;
    for number in 2..=4 {
        client.put_part(&upload, number).await;
    }
    let done = client.complete(&upload).await;
    assert_eq!((done.code().as_str(), done.json()), ("ok", json!({ "length": content.bytes.len() })));
    client.assert_stored().await;

    // Whatever comes late finds the object whole and leaves it so.
    assert_eq!(outcome(&client.complete(&upload).await), "ok");
    assert_eq!(outcome(&client.parts(&upload).await), "stored");
    assert_eq!(use_url(&again, content.part(2).to_vec()).await.status, 404);
    assert_eq!(outcome(&client.abort(&upload).await), "absent");
    client.assert_stored().await;
    let head = device.presign(&session.access_token, json!({ "method": "HEAD", "key": client.key.to_string() })).await;
    let head = use_url(&head, Vec::new()).await;
    assert!(head.headers["x-amz-checksum-sha256"].ends_with("-5"));
    assert_eq!(
        (head.headers["content-type"].as_str(), head.headers["x-amz-checksum-type"].as_str()),
        ("application/octet-stream", "COMPOSITE")
    );
    drop(world);
}

#[tokio::test]
async fn where_the_reply_to_a_completion_was_lost_head_decides() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let content = Content::new(2);
    let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let (first, second) = (client.create().await, client.create().await);
    client.put_all(&first).await;
    client.put_all(&second).await;
    assert_eq!(outcome(&client.complete(&first).await), "ok");
    // As after a crash that forgot the first: the same object from another upload.
    assert_eq!(outcome(&client.complete(&second).await), "ok");
    let store = &world.config().store;
    let uploads = client_of(store, &store.state).list_multipart_uploads().bucket(&store.bucket).send().await.unwrap();
    assert!(uploads.uploads().is_empty(), "the parts of the second are left: {uploads:?}");
    assert_eq!(outcome(&client.complete(&second).await), "ok");
    client.assert_stored().await;

    // Whole, but not what the key says: no success.
    let state = client_of(store, &store.state);
    state.delete_object().bucket(&store.bucket).key(client.key.to_string()).send().await.unwrap();
    assert_eq!(outcome(&client.complete(&first).await), "upload-gone");
    assert_eq!(outcome(&client.parts(&second).await), "upload-gone");
    world.plant(&client.key.to_string(), b"other bytes").await;
    assert_eq!(outcome(&client.complete(&first).await), "digest-mismatch");
    assert_eq!(outcome(&client.parts(&first).await), "upload-gone");
}

#[tokio::test]
async fn an_aborted_upload_is_over() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let content = Content::new(3);
    let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let upload = client.create().await;
    let signed = client.sign(&upload, 5).await;
    client.put_part(&upload, 5).await;
    assert_eq!(outcome(&client.abort(&upload).await), "aborted");
    assert_eq!(outcome(&client.abort(&upload).await), "absent");
    assert_eq!(use_url(&signed, content.part(5).to_vec()).await.status, 404);
    assert_eq!(outcome(&client.parts(&upload).await), "upload-gone");
    assert_eq!(outcome(&client.complete(&upload).await), "upload-gone");
    assert!(!world.keys().contains(&client.key.to_string()));
}

#[tokio::test]
async fn parts_cost_their_bytes_of_the_day_and_beginning_costs_one_part() {
    let world = World::with(|options: &mut DevOptions| options.limits.daily_bytes = 3 * PART_BYTES + 20_000).await;
    let (device, session) = world.enrolled().await;
    let content = Content::new(4);
    let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let upload = client.create().await;
    let code = async |number| {
        let reply = device.presign(&session.access_token, client.item(&upload, number, content.part(number))).await;
        reply["code"].as_str().unwrap_or("signed").to_owned()
    };
    assert_eq!([code(1).await, code(2).await, code(3).await, code(5).await], ["signed", "signed", "daily-limit", "signed"]);
    let hashes = &content.hashes;
    let body = json!({ "key": client.key.to_string(), "length": hashes.length, "sha256": hashes.sha256() });
    assert_eq!(client.call("create", &body).await.code(), "daily-limit");
    // What is there can still be looked at and given up.
    assert_eq!(client.numbers(&upload).await, Vec::<u64>::new());
    assert_eq!(outcome(&client.abort(&upload).await), "aborted");
}
