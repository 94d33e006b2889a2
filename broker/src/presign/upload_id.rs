//! Upload ids as clients have them: the store's own id, bound to a key and a length.
//!
//! A store's upload ids are opaque, and not every store asks whether an id belongs to the key that comes with it. So the broker binds
//! them: `{length}.{mac}.{store's id}`, where the MAC covers key, length and id. Who may write the key may go on with its upload, and no
//! key opens another's. The length tells what every part must be.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidegate_protocol::ObjectKey;
use tidegate_protocol::presign::Refusal;
use tidegate_protocol::problem::ProblemCode;

use super::request::refuse;

const LABEL: &[u8] = b"tidegate/upload-id/v1";
const MAC: usize = 16;
const MAX_STORE_ID: usize = 1_024;

/// Issues and opens upload ids. Every replica takes every other's: the key derives from the server id key.
#[derive(Clone)]
pub struct UploadIds {
    key: hmac::Key,
}

/// An upload that this broker began for this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadId {
    /// Bytes of the whole object.
    pub length: u64,
    /// The store's own id.
    pub store_id: String,
}

impl UploadIds {
    /// Derives the key from the server id key.
    #[must_use]
    pub fn new(server_id_key: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, server_id_key);
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, LABEL).as_ref()) }
    }

    /// Binds a store's id; `None` if it could not stand in JSON and URLs as it is.
    #[must_use]
    pub fn issue(&self, key: &ObjectKey, upload: &UploadId) -> Option<String> {
        let UploadId { length, store_id } = upload;
        let mac = URL_SAFE_NO_PAD.encode(&self.tag(key, upload).as_ref()[..MAC]);
        is_store_id(store_id).then(|| format!("{length}.{mac}.{store_id}"))
    }

    /// The upload behind an id.
    ///
    /// # Errors
    /// `upload-id-invalid` if it was not issued for this key.
    pub fn open(&self, key: &ObjectKey, text: &str) -> Result<UploadId, Refusal> {
        let (upload, mac) = parse(text).ok_or_else(refusal)?;
        let tag = self.tag(key, &upload);
        constant_time::verify_slices_are_equal(&tag.as_ref()[..MAC], &mac).map_err(|_| refusal())?;
        Ok(upload)
    }

    fn tag(&self, key: &ObjectKey, upload: &UploadId) -> hmac::Tag {
        let key = key.to_string();
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(key.len() as u64).to_be_bytes());
        context.update(key.as_bytes());
        context.update(&upload.length.to_be_bytes());
        context.update(upload.store_id.as_bytes());
        context.sign()
    }
}

fn parse(text: &str) -> Option<(UploadId, [u8; MAC])> {
    let (digits, rest) = text.split_once('.')?;
    let (mac, store_id) = rest.split_once('.')?;
    let length: u64 = digits.parse().ok()?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?.try_into().ok()?;
    // One spelling: no sign, no leading zeros.
    let fits = length.to_string() == digits && is_store_id(store_id);
    fits.then(|| (UploadId { length, store_id: store_id.to_owned() }, mac))
}

/// Visible ASCII, so that it can end no header and no line.
fn is_store_id(text: &str) -> bool {
    (1..=MAX_STORE_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn refusal() -> Refusal {
    refuse(ProblemCode::UploadIdInvalid, "this is no upload that the broker began for this key")
}
