//! The bucket behind the devices' backs: what a store's owner, a backup or a fault can do to it.

use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner};
use time::OffsetDateTime;

/// A bucket, and a key that may do anything in it.
pub(crate) struct Bucket {
    signer: Presigner,
}

impl Bucket {
    pub(crate) fn new(store: &str, bucket: &str, access_key: &str, secret_key: &str) -> Self {
        let endpoint = Endpoint::new(store, bucket, AddressingStyle::Path).unwrap();
        Self { signer: Presigner::new(Credentials::new(access_key, secret_key, None), "us-east-1", endpoint) }
    }

    /// The keys with all of these texts in them, in order.
    pub(crate) fn keys(&self, parts: &[&str]) -> Vec<String> {
        let listed = self.request(Method::Get, "", &[("list-type", "2"), ("max-keys", "1000")], None);
        let listed = String::from_utf8(listed).unwrap();
        assert!(listed.contains("<IsTruncated>false</IsTruncated>"), "more objects than a test has");
        let keys = listed.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned());
        keys.filter(|key| parts.iter().all(|part| key.contains(part))).collect()
    }

    /// The one key with all of these texts in it.
    pub(crate) fn key(&self, parts: &[&str]) -> String {
        let keys = self.keys(parts);
        assert_eq!(keys.len(), 1, "{parts:?}: {keys:?}");
        keys.into_iter().next().unwrap()
    }

    pub(crate) fn get(&self, key: &str) -> Vec<u8> {
        self.request(Method::Get, key, &[], None)
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        self.request(Method::Put, key, &[], Some(bytes));
    }

    /// Takes an object away, and gives what it held.
    pub(crate) fn take(&self, key: &str) -> Vec<u8> {
        let bytes = self.get(key);
        self.request(Method::Delete, key, &[], None);
        bytes
    }

    /// Changes the last byte of an object, and gives what it held.
    pub(crate) fn spoil(&self, key: &str) -> Vec<u8> {
        let sound = self.get(key);
        let mut spoilt = sound.clone();
        *spoilt.last_mut().unwrap() ^= 1;
        self.put(key, &spoilt);
        sound
    }

    /// All that is in it.
    pub(crate) fn backup(&self) -> Vec<(String, Vec<u8>)> {
        self.keys(&[]).into_iter().map(|key| (key.clone(), self.get(&key))).collect()
    }

    /// Makes it what it was.
    pub(crate) fn restore(&self, backup: &[(String, Vec<u8>)]) {
        for key in self.keys(&[]) {
            if !backup.iter().any(|(kept, _)| *kept == key) {
                self.take(&key);
            }
        }
        backup.iter().for_each(|(key, bytes)| self.put(key, bytes));
    }

    /// The status that a request signed in its headers gets.
    pub(crate) fn status(&self, method: Method, key: &str, query: &[(&str, &str)], body: &[u8]) -> u16 {
        self.answer(method, key, query, body).0
    }

    /// The same with headers that are signed too.
    pub(crate) fn status_with(&self, method: Method, key: &str, headers: &[(&str, &str)], body: &[u8]) -> u16 {
        let hash = PayloadHash::of(body);
        let signed = self.signer.at(OffsetDateTime::now_utc()).sign_headers(method, key, &[], headers, hash).unwrap();
        let own = signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        send(method, &signed.url, &headers.iter().copied().chain(own).collect::<Vec<_>>(), body).0
    }

    /// The status that a GET gets by a URL that lives so long; where our signer refuses, its signature is not good.
    pub(crate) fn presigned_with_expiry(&self, key: &str, seconds: u32) -> u16 {
        let signer = self.signer.at(OffsetDateTime::now_utc());
        let url = signer.presign(Method::Get, key, &[], &[], seconds).or_else(|_| {
            let url = signer.presign(Method::Get, key, &[], &[], 604_800)?;
            Ok::<_, tidegate_sigv4::SignError>(url.replace("X-Amz-Expires=604800", &format!("X-Amz-Expires={seconds}")))
        });
        send(Method::Get, &url.unwrap(), &[], b"").0
    }

    /// The status that a presigned URL gets with these headers, which it does not sign.
    pub(crate) fn presigned_status(&self, method: Method, key: &str, unsigned: &[(&str, &str)]) -> u16 {
        let url = self.signer.at(OffsetDateTime::now_utc()).presign(method, key, &[], &[], 300).unwrap();
        send(method, &url, unsigned, b"").0
    }

    /// The status that anybody gets.
    pub(crate) fn anonymous_status(&self, key: &str) -> u16 {
        send(Method::Get, &self.signer.endpoint().object_url(key), &[], b"").0
    }

    fn request(&self, method: Method, key: &str, query: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
        let (status, bytes) = self.answer(method, key, query, body.unwrap_or_default());
        let says = String::from_utf8_lossy(&bytes);
        assert!((200..300).contains(&status), "{} {key}: {status} {says}", method.as_str());
        bytes
    }

    fn answer(&self, method: Method, key: &str, query: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
        let hash = PayloadHash::of(body);
        let signed = self.signer.at(OffsetDateTime::now_utc()).sign_headers(method, key, query, &[], hash).unwrap();
        let headers: Vec<(&str, &str)> = signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        send(method, &signed.url, &headers, body)
    }
}

/// Status and body of what answers.
fn send(method: Method, url: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
    let verb = reqwest::Method::from_bytes(method.as_str().as_bytes()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request = reqwest::Client::new().request(verb, url);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.body(body.to_vec()).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    })
}
