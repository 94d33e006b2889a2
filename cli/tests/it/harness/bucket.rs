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

    fn request(&self, method: Method, key: &str, query: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
        let hash = PayloadHash::of(body.unwrap_or_default());
        let signed = self.signer.at(OffsetDateTime::now_utc()).sign_headers(method, key, query, &[], hash).unwrap();
        let verb = reqwest::Method::from_bytes(method.as_str().as_bytes()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut request = reqwest::Client::new().request(verb, &signed.url);
            for (name, value) in &signed.headers {
                request = request.header(name, value);
            }
            let answer = request.body(body.unwrap_or_default().to_vec()).send().await.unwrap();
            let (status, bytes) = (answer.status(), answer.bytes().await.unwrap());
            assert!(status.is_success(), "{} {key}: {status} {}", method.as_str(), String::from_utf8_lossy(&bytes));
            bytes.to_vec()
        })
    }
}
