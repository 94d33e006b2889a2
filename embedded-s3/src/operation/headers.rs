//! Headers of a new object: those that are stored with it, and those that would be ignored and are refused instead.

use s3s::dto::Metadata;
use s3s::{S3ErrorCode, S3Result};

use super::failure::{error, not_implemented};
use crate::index::Attributes;

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
