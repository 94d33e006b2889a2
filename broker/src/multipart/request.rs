//! From the bodies of the routes to requests whose every field has been checked.

use tidegate_protocol::multipart::{
    AbortUploadRequest, CompleteUploadRequest, CreateUploadRequest, MAX_PARTS, UploadPartsRequest,
};
use tidegate_protocol::presign::Refusal;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, Sha256};

use crate::presign::request::{parse_key, parse_sha256, refuse};
use crate::presign::upload_id::{UploadId, UploadIds};

/// What is asked of an upload in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadRequest {
    /// Begin one.
    Create {
        /// The object.
        key: ObjectKey,
        /// Bytes of the whole object.
        length: u64,
        /// The hash over the hashes of its parts.
        sha256: Sha256,
    },
    /// List the parts that the store has.
    Parts {
        /// The object.
        key: ObjectKey,
        /// Its upload.
        upload: UploadId,
        /// Only those above this number.
        after: u32,
    },
    /// Let the key name the parts.
    Complete {
        /// The object.
        key: ObjectKey,
        /// Its upload.
        upload: UploadId,
        /// The hash of each part, in order.
        parts: Vec<Sha256>,
    },
    /// Forget the upload and its parts.
    Abort {
        /// The object.
        key: ObjectKey,
        /// Its upload.
        upload: UploadId,
    },
}

impl UploadRequest {
    /// Reads a request to begin an upload.
    ///
    /// # Errors
    /// A refusal that says which field is wrong.
    pub fn create(body: &CreateUploadRequest) -> Result<Self, Refusal> {
        Ok(Self::Create { key: parse_key(&body.key)?, length: body.length, sha256: parse_sha256(&body.sha256)? })
    }

    /// Reads a request to list parts.
    ///
    /// # Errors
    /// A refusal that says which field is wrong.
    pub fn parts(body: &UploadPartsRequest, uploads: &UploadIds) -> Result<Self, Refusal> {
        let (key, upload) = parse_place(&body.key, &body.upload_id, uploads)?;
        let after = body.after.unwrap_or(0);
        if after > MAX_PARTS {
            return Err(refuse(ProblemCode::PartNumberInvalid, format!("after is a part's number, at most {MAX_PARTS}")));
        }
        Ok(Self::Parts { key, upload, after })
    }

    /// Reads a request to complete an upload.
    ///
    /// # Errors
    /// A refusal that says which field is wrong.
    pub fn complete(body: &CompleteUploadRequest, uploads: &UploadIds) -> Result<Self, Refusal> {
        let (key, upload) = parse_place(&body.key, &body.upload_id, uploads)?;
        let parts = body.parts.iter().map(|sha256| parse_sha256(sha256)).collect::<Result<_, _>>()?;
        Ok(Self::Complete { key, upload, parts })
    }

    /// Reads a request to abort an upload.
    ///
    /// # Errors
    /// A refusal that says which field is wrong.
    pub fn abort(body: &AbortUploadRequest, uploads: &UploadIds) -> Result<Self, Refusal> {
        let (key, upload) = parse_place(&body.key, &body.upload_id, uploads)?;
        Ok(Self::Abort { key, upload })
    }
}

fn parse_place(key: &str, upload: &str, uploads: &UploadIds) -> Result<(ObjectKey, UploadId), Refusal> {
    let key = parse_key(key)?;
    let upload = uploads.open(&key, upload)?;
    Ok((key, upload))
}
