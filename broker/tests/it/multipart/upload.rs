//! An upload as a client does it.

use reqwest::Method;
use serde_json::{Value, json};
use tidegate_protocol::multipart::{PART_BYTES, PartHasher, PartHashes};
use tidegate_protocol::{ContentHmac, MemberId, ObjectKey, Sha256, UserId};
use uuid::Uuid;

use crate::device::{Device, Reply, send, use_url};

/// What goes up: four whole parts and a tail of one byte.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) hashes: PartHashes,
}

impl Content {
    /// 64 MiB and a byte; every part is another.
    pub(super) fn new(seed: u8) -> Self {
        let part = usize::try_from(PART_BYTES).unwrap();
        let mut bytes = vec![seed; 4 * part + 1];
        for (number, part) in (0_u8..).zip(bytes.chunks_mut(part)) {
            part[0] = number;
        }
        let mut hasher = PartHasher::new();
        hasher.update(&bytes);
        Self { bytes, hashes: hasher.finish() }
    }

    pub(super) fn part(&self, number: u32) -> &[u8] {
        let part = usize::try_from(PART_BYTES).unwrap();
        self.bytes.chunks(part).nth(usize::try_from(number).unwrap() - 1).unwrap()
    }

    pub(super) fn key(&self, user: UserId) -> ObjectKey {
        let (member, hmac) = (MemberId::new(Uuid::from_u128(1)), ContentHmac::from_bytes([9; 32]));
        ObjectKey::Attachment { user, member, hmac, digest: self.hashes.sha256().digest() }
    }
}

/// Calls that go on with an upload.
pub(super) struct Uploader<'a> {
    pub(super) device: &'a Device,
    pub(super) token: &'a str,
    pub(super) content: &'a Content,
    pub(super) key: ObjectKey,
}

impl<'a> Uploader<'a> {
    pub(super) fn new(device: &'a Device, token: &'a str, user: UserId, content: &'a Content) -> Self {
        Self { device, token, content, key: content.key(user) }
    }

    pub(super) async fn call(&self, verb: &str, body: &Value) -> Reply {
        self.device.call("POST", &format!("/v1/multipart/{verb}"), body, Some(self.token)).await
    }

    pub(super) async fn create(&self) -> String {
        let hashes = &self.content.hashes;
        let body = json!({ "key": self.key.to_string(), "length": hashes.length, "sha256": hashes.sha256() });
        let reply = self.call("create", &body).await;
        assert_eq!(reply.code(), "ok");
        assert_eq!((reply.json()["partBytes"].as_u64(), reply.json()["partCount"].as_u64()), (Some(PART_BYTES), Some(5)));
        reply.json()["uploadId"].as_str().unwrap().to_owned()
    }

    /// The item of a presign batch for a part with these bytes.
    pub(super) fn item(&self, upload: &str, number: u32, bytes: &[u8]) -> Value {
        json!({
            "method": "PUT", "key": self.key.to_string(), "uploadId": upload, "partNumber": number,
            "length": bytes.len(), "sha256": Sha256::of(bytes),
        })
    }

    pub(super) async fn sign(&self, upload: &str, number: u32) -> Value {
        let signed = self.device.presign(self.token, self.item(upload, number, self.content.part(number))).await;
        assert_eq!(signed["outcome"], "signed", "{signed}");
        signed
    }

    pub(super) async fn put_part(&self, upload: &str, number: u32) {
        let signed = self.sign(upload, number).await;
        let reply = use_url(&signed, self.content.part(number).to_vec()).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    }

    pub(super) async fn put_all(&self, upload: &str) {
        for number in 1..=5 {
            self.put_part(upload, number).await;
        }
    }

    pub(super) async fn parts(&self, upload: &str) -> Reply {
        self.call("parts", &json!({ "key": self.key.to_string(), "uploadId": upload })).await
    }

    /// The numbers of the parts that the store has.
    pub(super) async fn numbers(&self, upload: &str) -> Vec<u64> {
        let reply = self.parts(upload).await.json();
        assert_eq!(reply["outcome"], "open", "{reply}");
        reply["parts"].as_array().unwrap().iter().map(|part| part["number"].as_u64().unwrap()).collect()
    }

    pub(super) async fn complete(&self, upload: &str) -> Reply {
        self.call("complete", &json!({ "key": self.key.to_string(), "uploadId": upload, "parts": self.content.hashes.parts }))
            .await
    }

    pub(super) async fn abort(&self, upload: &str) -> Reply {
        self.call("abort", &json!({ "key": self.key.to_string(), "uploadId": upload })).await
    }

    /// Reads the object through a signed GET.
    pub(super) async fn read(&self, range: Option<&str>) -> Reply {
        let signed = self.device.presign(self.token, json!({ "method": "GET", "key": self.key.to_string() })).await;
        let headers: Vec<(&str, &str)> = range.map(|range| ("range", range)).into_iter().collect();
        send(Method::GET, signed["url"].as_str().unwrap(), &headers, Vec::new()).await
    }

    /// Whether the object is there, whole and as its key says.
    pub(super) async fn assert_stored(&self) {
        let reply = self.read(None).await;
        assert_eq!(reply.status, 200);
        assert!(reply.body == self.content.bytes, "other bytes");
        let edge = PART_BYTES;
        let reply = self.read(Some(&format!("bytes={}-{}", edge - 2, edge + 1))).await;
        let at = usize::try_from(edge).unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (206, &self.content.bytes[at - 2..at + 2]));
    }
}

/// The same URL for a request that sends its own length in place of the signed one.
pub(super) fn of_actual_length(signed: &Value) -> Value {
    let mut signed = signed.clone();
    signed["headers"].as_object_mut().unwrap().remove("content-length");
    signed
}

/// The outcome of a call.
pub(super) fn outcome(reply: &Reply) -> String {
    let code = reply.code();
    if code != "ok" {
        return code;
    }
    reply.json()["outcome"].as_str().unwrap_or("ok").to_owned()
}
