//! Where the store is, who signs for it, and what it does with preconditions.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use tidegate_protocol::capability::{Attack, Precondition, StoreProfile};
use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, EndpointError, Presigner};

/// How URLs name the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    VirtualHost,
}

impl From<Addressing> for AddressingStyle {
    fn from(addressing: Addressing) -> Self {
        match addressing {
            Addressing::Path => Self::Path,
            Addressing::VirtualHost => Self::VirtualHost,
        }
    }
}

/// An access key of the store.
#[derive(Clone)]
pub struct StoreCredential {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: SecretString,
    /// Session token of a temporary key.
    pub session_token: Option<SecretString>,
}

impl StoreCredential {
    /// A lasting access key.
    #[must_use]
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        let secret_access_key = SecretString::from(secret_access_key.into());
        Self { access_key_id: access_key_id.into(), secret_access_key, session_token: None }
    }

    /// As signers take it.
    #[must_use]
    pub fn for_signing(&self) -> Credentials {
        let session_token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        Credentials::new(self.access_key_id.as_str(), self.secret_access_key.expose_secret(), session_token)
    }
}

impl fmt::Debug for StoreCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreCredential").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// How the store is probed, and what the operator decides in place of what is found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probing {
    /// `If-None-Match: *` is taken for no better than this.
    pub conditional_create: Option<Precondition>,
    /// `If-Match` is taken for no better than this.
    pub conditional_replace: Option<Precondition>,
    /// Attacks that may succeed.
    pub accepted_risks: Vec<Attack>,
}

/// The store behind the broker.
///
/// Three credentials, because a presigned PUT lends its signer's rights to whoever holds it: on MinIO an unsigned
/// `x-amz-copy-source` header makes it copy any object that the signer can read, so the key that signs PUTs must read nothing.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// How the broker reaches the store.
    pub endpoint_internal: String,
    /// How clients reach the store; presigned URLs name it.
    pub endpoint_public: String,
    /// Region that signatures name.
    pub region: String,
    /// Name of the bucket.
    pub bucket: String,
    /// How URLs name the bucket.
    pub addressing: Addressing,
    /// What the store does with preconditions: known beforehand, or, where it is probed, as far as settings say.
    pub profile: StoreProfile,
    /// How the store is probed at the start; `None` where `profile` is known beforehand.
    pub probing: Option<Probing>,
    /// Signs GET, HEAD and LIST: GetObject and ListBucket on `users/*`.
    pub read: StoreCredential,
    /// Signs PUT: PutObject on `users/*` and nothing else.
    pub write: StoreCredential,
    /// Used by the broker itself, never for URLs.
    pub state: StoreCredential,
}

impl StoreConfig {
    /// The signer of GET, HEAD and LIST at the public endpoint.
    pub(crate) fn read_presigner(&self) -> Result<Presigner, EndpointError> {
        self.presigner(&self.read)
    }

    /// The signer of PUT at the public endpoint.
    pub(crate) fn write_presigner(&self) -> Result<Presigner, EndpointError> {
        self.presigner(&self.write)
    }

    fn presigner(&self, credential: &StoreCredential) -> Result<Presigner, EndpointError> {
        let endpoint = Endpoint::new(&self.endpoint_public, &self.bucket, self.addressing.into())?;
        Ok(Presigner::new(credential.for_signing(), self.region.as_str(), endpoint))
    }
}
