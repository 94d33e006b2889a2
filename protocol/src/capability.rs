//! `GET /v1/capabilities`: what a broker and its store can do.

mod findings;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::oidc::OidcIssuer;
use crate::subscription::{BillingMode, Retention, ServiceMode};

pub use findings::{Attack, AttackFinding, AttackOutcome, CorsFinding, ExcessRight, ListFindings, StoreFindings, Support};

/// What a store does with a precondition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Precondition {
    /// Decided atomically: of racing writers exactly one wins.
    Atomic,
    /// Looked at, but racing writers may all win.
    NotAtomic,
    /// Accepted and silently ignored.
    Ignored,
    /// Refused with an error.
    Refused,
}

impl Precondition {
    /// Whether sending the condition is worth it: the store neither refuses nor ignores it.
    #[must_use]
    pub const fn is_honoured(&self) -> bool {
        match self {
            Self::Atomic | Self::NotAtomic => true,
            Self::Ignored | Self::Refused => false,
        }
    }
}

/// What the store behind a broker (or a direct transport) can do. The sync protocol is right on all; conditions save work.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoreProfile {
    /// `If-None-Match: *` on PUT.
    pub conditional_create: Precondition,
    /// `If-Match` on PUT.
    pub conditional_replace: Precondition,
    /// What a probe found, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Box<StoreFindings>>,
}

impl StoreProfile {
    /// A store that decides both preconditions atomically (AWS S3, R2, MinIO, SeaweedFS, the embedded store).
    pub const ATOMIC: Self = Self::unprobed(Precondition::Atomic, Precondition::Atomic);
    /// A store that silently ignores both (Garage 2).
    pub const IGNORING: Self = Self::unprobed(Precondition::Ignored, Precondition::Ignored);

    /// A store of which nothing is known but what it does with preconditions on PUT.
    #[must_use]
    pub const fn unprobed(conditional_create: Precondition, conditional_replace: Precondition) -> Self {
        Self { conditional_create, conditional_replace, findings: None }
    }

    /// The same without what the probe found, for replies that are sent often.
    #[must_use]
    pub const fn without_findings(&self) -> Self {
        Self::unprobed(self.conditional_create, self.conditional_replace)
    }
}

/// Ways into an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IdentityKind {
    /// An invite of a self-hosted broker.
    SelfHost,
    /// A subscription in the App Store.
    AppStore,
    /// A login with an OpenID provider.
    Oidc,
    /// A way in that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Reply of `GET /v1/capabilities`, and part of every session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Version of the HTTP API: 1. A broker that serves PumpSync's contract writes it as text, as that had it.
    #[serde(deserialize_with = "number_or_text")]
    pub api_version: u32,
    /// Version of the broker, for people.
    pub broker_version: String,
    /// The URL under which clients reach this broker; DPoP's `htu` and the account proof name it.
    pub public_url: String,
    /// Ways into an account that this broker accepts.
    pub identities: Vec<IdentityKind>,
    /// What the store can do.
    pub store: StoreProfile,
    /// Most items of one presign or delete batch.
    pub max_batch: u32,
    /// Longest life of a presigned URL in seconds.
    pub url_seconds: u32,
    /// Seconds within which a revocation ends the minting of tokens and URLs; URLs already out live up to `url_seconds` more.
    pub revocation_seconds: u32,
    /// Who runs the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_mode: Option<ServiceMode>,
    /// What pays for the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_mode: Option<BillingMode>,
    /// Where the broker keeps pump credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tandem_credential_storage: Option<Retention>,
    /// Where the broker keeps pump data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tandem_data_retention: Option<Retention>,
    /// Whether the broker relays between apps and Tandem's service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tandem_relay: bool,
    /// The issuers whose logins open accounts; only in the reply of `GET /v1/capabilities`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oidc: Vec<OidcIssuer>,
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Version {
        Number(u32),
        Text(String),
    }
    match Version::deserialize(deserializer)? {
        Version::Number(number) => Ok(number),
        Version::Text(text) => text.parse().map_err(de::Error::custom),
    }
}
