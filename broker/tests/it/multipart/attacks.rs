//! Uploads in parts, tried by somebody who wants what is not theirs or not so.

use serde_json::{Value, json};
use tidegate_protocol::multipart::PART_BYTES;
use tidegate_protocol::session::SessionReply;
use time::Duration;

use super::upload::{Content, Uploader, of_actual_length, outcome};
use crate::device::{Account, Device, send, use_url};
use crate::presign::record;
use crate::world::World;

/// A device of somebody else, with a full session.
async fn stranger(world: &World) -> (Device, SessionReply) {
    let device = world.device().await;
    let invite = world.invite("ben", 1, Duration::days(7)).unwrap().token;
    let session = device.create_account(&invite, &Account::new(2)).await;
    (device, session)
}

#[tokio::test]
async fn nobody_touches_the_upload_of_another() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let (other_device, other_session) = stranger(&world).await;
    let content = Content::new(1);
    let mine = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let theirs = Uploader::new(&other_device, &other_session.access_token, other_session.user_id, &content);
    let upload = mine.create().await;
    mine.put_part(&upload, 5).await;
    let their_upload = theirs.create().await;

    let attempts = async |client: &Uploader<'_>, upload: &str| {
        let item = client.item(upload, 5, content.part(5));
        let signed = client.device.presign(client.token, item).await;
        [
            signed["code"].as_str().unwrap_or("signed").to_owned(),
            outcome(&client.parts(upload).await),
            outcome(&client.complete(upload).await),
            outcome(&client.abort(upload).await),
        ]
    };
    // My key: not for them, whatever id they bring.
    let on_my_key = Uploader {
        key: mine.key.clone(),
        ..Uploader::new(&other_device, &other_session.access_token, other_session.user_id, &content)
    };
    assert_eq!(attempts(&on_my_key, &upload).await, ["not-allowed"; 4]);
    // Their key with my id: the id is bound to my key.
    assert_eq!(attempts(&theirs, &upload).await, ["upload-id-invalid"; 4]);
    // The store's own id under a mac that was issued for theirs.
    let graft = {
        let (mut theirs, mine) = (their_upload.splitn(3, '.'), upload.rsplit('.').next().unwrap());
        format!("{}.{}.{mine}", theirs.next().unwrap(), theirs.next().unwrap())
    };
    assert_eq!(attempts(&theirs, &graft).await, ["upload-id-invalid"; 4]);
    // Traversal and look-alikes of my key.
    for key in [
        mine.key.to_string().replace("/attachments/", "/attachments/../attachments/"),
        mine.key.to_string().replace("/attachments/", "//attachments/"),
        mine.key.to_string().to_uppercase(),
        format!("{}/", mine.key),
        mine.key.to_string().replace("data.", "data%2e"),
    ] {
        for verb in ["parts", "abort"] {
            let reply = theirs.call(verb, &json!({ "key": key, "uploadId": upload })).await;
            assert_eq!(reply.code(), "key-invalid", "{key}");
        }
    }
    assert_eq!(mine.numbers(&upload).await, [5]);
    assert_eq!(theirs.numbers(&their_upload).await, Vec::<u64>::new());
}

#[tokio::test]
async fn the_url_of_a_part_carries_that_part_to_its_place_alone() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let content = Content::new(2);
    let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let (upload, other) = (client.create().await, client.create().await);
    let store_id = |upload: &str| upload.splitn(3, '.').nth(2).unwrap().to_owned();
    let signed = client.sign(&upload, 1).await;
    let url = signed["url"].as_str().unwrap();
    assert!(url.contains("partNumber=1&uploadId="), "{url}");

    assert_eq!(use_url(&signed, content.part(2).to_vec()).await.status, 400);
    assert_eq!(use_url(&of_actual_length(&signed), content.part(5).to_vec()).await.status, 403);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut signed = signed.clone();
        change(&mut signed);
        signed
    };
    let with_url = |from: &str, to: &str| changed(&|signed: &mut Value| signed["url"] = url.replace(from, to).into());
    let with_header = |name: &str, value: Value| changed(&|signed: &mut Value| signed["headers"][name] = value.clone());
    for forged in [
        with_url("partNumber=1", "partNumber=2"),
        with_url(&store_id(&upload), &store_id(&other)),
        with_url("&partNumber=1", ""),
        with_url(&client.key.to_string(), &format!("{}x", client.key)),
        with_url("data.", "../data."),
        with_header("x-amz-copy-source", format!("/{}/users/{}/genesis.json", world.bucket, session.user_id).into()),
        with_header("x-amz-copy-source-range", "bytes=0-1".into()),
        with_header("x-amz-checksum-sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into()),
        changed(&|signed: &mut Value| drop(signed["headers"].as_object_mut().unwrap().remove("x-amz-checksum-sha256"))),
    ] {
        let status = use_url(&forged, content.part(1).to_vec()).await.status;
        assert!((400..500).contains(&status), "{status} {forged}");
    }
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        let status = send(method.parse().unwrap(), url, &[], vec![]).await.status;
        assert_eq!(status, 403, "{method}");
    }
    assert_eq!(client.numbers(&upload).await, Vec::<u64>::new());
    assert_eq!(client.numbers(&other).await, Vec::<u64>::new());
    client.put_part(&upload, 1).await;
    assert_eq!(client.numbers(&upload).await, [1]);
}

#[tokio::test]
async fn swapped_parts_make_no_object() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let content = Content::new(3);
    let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let upload = client.create().await;
    client.put_all(&upload).await;
    // Each part may be overwritten by its owner; the bytes of one at the place of another are seen.
    for (number, bytes) in [(1, content.part(2)), (2, content.part(1))] {
        let signed = device.presign(&session.access_token, client.item(&upload, number, bytes)).await;
        assert_eq!(use_url(&signed, bytes.to_vec()).await.status, 200);
    }
    assert_eq!(outcome(&client.complete(&upload).await), "parts-mismatch");
    let mut hashes = content.hashes.parts.clone();
    hashes.swap(0, 1);
    let body = json!({ "key": client.key.to_string(), "uploadId": upload, "parts": hashes });
    assert_eq!(client.call("complete", &body).await.code(), "digest-mismatch");
    let body = json!({ "key": client.key.to_string(), "uploadId": upload, "parts": content.hashes.parts[..4] });
    assert_eq!(client.call("complete", &body).await.code(), "invalid-request");
    assert!(!world.keys().contains(&client.key.to_string()));
    client.put_part(&upload, 1).await;
    client.put_part(&upload, 2).await;
    assert_eq!(outcome(&client.complete(&upload).await), "ok");
    client.assert_stored().await;
}

#[tokio::test]
async fn what_is_no_upload_is_refused_by_name() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let content = Content::new(4);
    let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let hashes = &content.hashes;
    let (key, sha256) = (client.key.to_string(), hashes.sha256());
    let create = async |key: &str, length: u64| {
        client.call("create", &json!({ "key": key, "length": length, "sha256": sha256 })).await.code()
    };
    assert_eq!(create(&key, 64 << 20).await, "too-small");
    assert_eq!(create(&key, 10_000 * PART_BYTES + 1).await, "too-large");
    assert_eq!(create(&record(session.user_id, b"x").to_string(), hashes.length).await, "not-allowed");
    assert_eq!(create("_tidegate/accounts/x/1.json", hashes.length).await, "key-invalid");
    let other = json!({ "key": key, "length": hashes.length, "sha256": hashes.parts[0] });
    assert_eq!(client.call("create", &other).await.code(), "digest-mismatch");
    let more = json!({ "key": key, "length": hashes.length, "sha256": sha256, "acl": "public-read" });
    assert_eq!(client.call("create", &more).await.code(), "invalid-json");

    let upload = client.create().await;
    for (number, code) in
        [(0, "part-number-invalid"), (6, "part-number-invalid"), (10_000, "part-number-invalid"), (10_001, "part-number-invalid")]
    {
        let reply = device.presign(&session.access_token, client.item(&upload, number, content.part(1))).await;
        assert_eq!(reply["code"], code, "{number}");
    }
    let reply = device.presign(&session.access_token, client.item(&upload, 1, content.part(5))).await;
    assert_eq!(reply["code"], "part-length-invalid");
    let get = json!({ "method": "GET", "key": key, "uploadId": upload });
    assert_eq!(device.presign(&session.access_token, get).await["code"], "invalid-request");
    // A whole object of this size is not written by one PUT.
    let single = json!({ "method": "PUT", "key": key, "length": 71_000_000, "sha256": sha256 });
    assert_eq!(device.presign(&session.access_token, single).await["code"], "too-large");
    for verb in ["create", "parts", "complete", "abort"] {
        let reply = client.call(verb, &json!({})).await;
        assert_eq!(reply.code(), "invalid-json", "{verb}");
        let without = device.call("POST", &format!("/v1/multipart/{verb}"), &json!({}), None).await;
        assert_eq!(without.code(), "token-missing", "{verb}");
    }
}

#[tokio::test]
async fn a_session_without_the_accounts_key_begins_no_upload() {
    let world = World::new().await;
    let (device, account, content) = (world.device().await, Account::new(5), Content::new(5));
    let session = device.session(&world.invite_for(1), Some(&account)).await.session();
    let client = Uploader::new(&device, &session.access_token, account.user(), &content);
    let body = json!({ "key": client.key.to_string(), "length": content.hashes.length, "sha256": content.hashes.sha256() });
    assert_eq!(client.call("create", &body).await.code(), "not-allowed");
}

#[tokio::test]
async fn an_upload_outlives_no_session() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let content = Content::new(6);
    let upload = {
        let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
        let upload = client.create().await;
        client.put_part(&upload, 5).await;
        upload
    };
    world.clock.advance(Duration::minutes(16));
    device.fresh_nonce().await;
    let client = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let presign = json!({ "items": [client.item(&upload, 1, content.part(1))] });
    let outcomes = [
        device.call("POST", "/v1/presign", &presign, Some(&session.access_token)).await.code(),
        client.parts(&upload).await.code(),
        client.complete(&upload).await.code(),
        client.abort(&upload).await.code(),
    ];
    assert_eq!(outcomes, ["token-expired"; 4]);
    // The id belongs to the account, not to the session: a renewed one goes on.
    let renewed = device.renew(session.renewal_token.as_deref().unwrap()).await.session();
    let client = Uploader::new(&device, &renewed.access_token, session.user_id, &content);
    assert_eq!(client.numbers(&upload).await, [5]);
}
