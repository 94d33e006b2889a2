//! The access keys of a store, by id.

use std::collections::HashMap;
use std::sync::Arc;

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Result};
use secrecy::ExposeSecret;

use crate::config::AccessKey;

/// The access keys of a store.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Arc<HashMap<String, AccessKey>>);

impl Keys {
    pub(crate) fn new(keys: Vec<AccessKey>) -> Self {
        Self(Arc::new(keys.into_iter().map(|key| (key.id.clone(), key)).collect()))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&AccessKey> {
        self.0.get(id)
    }
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, id: &str) -> S3Result<SecretKey> {
        let unknown = || S3Error::with_message(S3ErrorCode::InvalidAccessKeyId, "there is no such access key");
        self.get(id).map(|key| SecretKey::from(key.secret.expose_secret())).ok_or_else(unknown)
    }
}
