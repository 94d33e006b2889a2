//! Headers of a new object: those that are stored with it, and those that would be ignored and are refused instead.

use s3s::dto::Metadata;
use s3s::{S3ErrorCode, S3Result};

use super::failure::{error, not_implemented};
use crate::index::{Attributes, Checksums};

/// Headers that are stored.
pub(super) struct StoredHeaders {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) metadata: Option<Metadata>,
}

impl StoredHeaders {
    pub(super) fn into_attributes(self) -> S3Result<Attributes> {
        let metadata = self.metadata.unwrap_or_default();
        let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > 2048 {
            return Err(error(S3ErrorCode::MetadataTooLarge, "metadata takes at most 2,048 bytes"));
        }
        Ok(Attributes {
            content_type: self.content_type,
            content_encoding: self.content_encoding.and_then(|encoding| stored_encoding(&encoding)),
            content_language: self.content_language,
            content_disposition: self.content_disposition,
            cache_control: self.cache_control,
            metadata: metadata.into_iter().collect(),
            checksums: Checksums::default(),
        })
    }
}

/// `aws-chunked` is how the body travelled, not what it is.
fn stored_encoding(encoding: &str) -> Option<String> {
    let stored: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "aws-chunked").collect();
    (!stored.is_empty()).then(|| stored.join(","))
}

/// What a request asks for that is not had here.
pub(super) struct Unsupported<'a> {
    pub(super) acl: Option<&'a str>,
    pub(super) storage_class: Option<&'a str>,
    pub(super) grants: bool,
    pub(super) encryption: bool,
    pub(super) object_lock: bool,
    pub(super) tagging: bool,
    pub(super) redirect: bool,
    pub(super) append: bool,
    pub(super) expires: bool,
}

impl Unsupported<'_> {
    /// Nobody shall believe that a header took effect that was ignored.
    pub(super) fn refuse(&self) -> S3Result<()> {
        if self.acl.is_some_and(|acl| acl != "private" && acl != "bucket-owner-full-control") {
            return Err(error(S3ErrorCode::AccessControlListNotSupported, "there are no access control lists here"));
        }
        if self.storage_class.is_some_and(|class| class != "STANDARD") {
            return Err(error(S3ErrorCode::InvalidStorageClass, "there is one storage class: STANDARD"));
        }
        let unsupported = [
            (self.grants, "there are no access control lists here"),
            (self.encryption, "server-side encryption is not supported"),
            (self.object_lock, "object lock is not supported"),
            (self.tagging, "tags are not supported"),
            (self.redirect, "redirects are not supported"),
            (self.append, "appending is not supported"),
            (self.expires, "the Expires header is not supported"),
        ];
        match unsupported.iter().find(|(present, _)| *present) {
            Some((_, what)) => Err(not_implemented(what)),
            None => Ok(()),
        }
    }
}

/// [`StoredHeaders`] of a request's input, which loses them: PutObject's and CreateMultipartUpload's types have the same fields.
macro_rules! stored_headers {
    ($input:expr) => {
        $crate::operation::headers::StoredHeaders {
            content_type: $input.content_type.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            content_disposition: $input.content_disposition.take(),
            cache_control: $input.cache_control.take(),
            metadata: $input.metadata.take(),
        }
    };
}

/// [`Unsupported`] of a request's input: of the same two types; `append` is said by PutObject alone.
macro_rules! unsupported {
    ($input:expr, append: $append:expr) => {
        $crate::operation::headers::Unsupported {
            acl: $input.acl.as_ref().map(|acl| acl.as_str()),
            storage_class: $input.storage_class.as_ref().map(|class| class.as_str()),
            grants: $input.grant_full_control.is_some()
                || $input.grant_read.is_some()
                || $input.grant_read_acp.is_some()
                || $input.grant_write_acp.is_some(),
            encryption: $input.server_side_encryption.is_some()
                || $input.sse_customer_algorithm.is_some()
                || $input.ssekms_key_id.is_some()
                || $input.sse_customer_key.is_some(),
            object_lock: $input.object_lock_mode.is_some()
                || $input.object_lock_legal_hold_status.is_some()
                || $input.object_lock_retain_until_date.is_some(),
            tagging: $input.tagging.is_some(),
            redirect: $input.website_redirect_location.is_some(),
            append: $append,
            expires: $input.expires.is_some(),
        }
    };
}

pub(super) use {stored_headers, unsupported};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transfer_encoding_of_the_sdk_is_not_stored() {
        assert_eq!(stored_encoding("aws-chunked"), None);
        assert_eq!(stored_encoding("aws-chunked, gzip").as_deref(), Some("gzip"));
        assert_eq!(stored_encoding("gzip").as_deref(), Some("gzip"));
    }
}
