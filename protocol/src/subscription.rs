//! `POST /v1/subscription/session` and `GET /v1/status`: an App Store subscription as the way into an account, and what it stands for.
//!
//! The replies also carry the fields of the first version of the app's backend (PumpSync) under their names there.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::key::UserId;
use crate::problem::ProblemCode;
use crate::session::{AccountProof, SessionReply};
use crate::wire::timestamp;

/// Body of `POST /v1/subscription/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionSessionRequest {
    /// `jwsRepresentation` of a StoreKit 2 transaction.
    pub signed_transaction_info: String,
    /// The app's installation. Read for PumpSync's sake and not used: the device is known by its DPoP key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation_id: Option<String>,
    /// `AppStore.deviceVerificationID`: shows that the transaction was given to this very device. Needed wherever neither the
    /// account's proof nor an `appAccountToken` says whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub device_verification_id: Option<Uuid>,
    /// Proof of the account's key. Without it a linked identity gets scope `bootstrap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountProof>,
}

/// Body of `POST /v1/self-host/session` as PumpSync's client sends it, without a DPoP proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallationRequest {
    /// The app's installation. Read and not used: nothing is opened for it.
    pub installation_id: String,
}

/// Who runs the broker, for the app's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceMode {
    /// The app's maker, for subscribers.
    Hosted,
    /// The user or somebody they know, by invites.
    SelfHosted,
    /// A mode that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What pays for the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BillingMode {
    /// A subscription in the App Store.
    AppStore,
    /// Nothing.
    None,
    /// A mode that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Where pump credentials, or what was fetched with them, are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Retention {
    /// Nowhere but on the device.
    None,
    /// A place that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What a subscription stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EntitlementState {
    /// Paid.
    Active,
    /// The charge failed and access goes on for a while.
    Grace,
    /// The charge failed and Apple tries again; no access.
    BillingRetry,
    /// Ended.
    Expired,
    /// Refunded.
    Refunded,
    /// Taken back: shared with the family no more, or replaced by an upgrade.
    Revoked,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Which subscription opens the session, and what it stands at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntitlementStatus {
    /// The product.
    pub product_id: String,
    /// `Production` or `Sandbox`.
    pub environment: String,
    /// Whether somebody in the customer's family pays.
    pub family_shared: bool,
    /// What it stands at.
    pub state: EntitlementState,
    /// When it gives no access any more, or when it ended; grace included.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<OffsetDateTime>,
    /// Whether it renews itself, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_renews: Option<bool>,
    /// Why it opens no session: the code with which a renewal is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ProblemCode>,
}

/// Reply of `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StatusReply {
    /// Whether a session would be renewed now.
    pub entitlement_active: bool,
    /// Who runs the broker.
    pub service_mode: ServiceMode,
    /// Where the broker keeps pump credentials.
    pub tandem_credential_storage: Retention,
    /// Where the broker keeps pump data.
    pub tandem_data_retention: Retention,
    /// The account; absent on PumpSync's path, which opens none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The subscription; absent where an invite opens the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<EntitlementStatus>,
}

/// Reply of `POST /v1/subscription/session` to a call without a DPoP proof, where the broker is set to serve PumpSync's contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BearerSessionReply {
    /// A token for `GET /v1/status` alone.
    pub access_token: String,
    /// When the token ends.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: OffsetDateTime,
    /// Always true: without an entitlement there is no token.
    pub entitlement_active: bool,
    /// Who runs the broker.
    pub service_mode: ServiceMode,
}

/// Reply to `POST /v1/subscription/session` and `POST /v1/self-host/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum SubscriptionSessionReply {
    /// To a call with a DPoP proof.
    Session(Box<SessionReply>),
    /// To a call without one.
    Bearer(BearerSessionReply),
}
