//! What the App Store Server API answers, as far as it is used. Nothing of it is believed but the JWS inside, which are verified like
//! any other.

use serde::{Deserialize, Serialize};

/// Get All Subscription Statuses.
#[derive(Debug, Deserialize)]
pub(super) struct StatusReply {
    #[serde(default)]
    pub(super) data: Vec<SubscriptionGroup>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscriptionGroup {
    #[serde(default)]
    pub(super) last_transactions: Vec<LastTransaction>,
}

/// The last transaction of one subscription.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LastTransaction {
    pub(crate) signed_transaction_info: String,
    #[serde(default)]
    pub(crate) signed_renewal_info: Option<String>,
}

/// Get Notification History: the question.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryRequest {
    /// Milliseconds since 1970.
    pub(crate) start_date: i64,
    /// Milliseconds since 1970.
    pub(crate) end_date: i64,
}

/// Get Notification History: one page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryPage {
    #[serde(default)]
    pub(crate) notification_history: Vec<HistoryItem>,
    #[serde(default)]
    pub(crate) has_more: bool,
    #[serde(default)]
    pub(crate) pagination_token: Option<String>,
}

/// One notification of a page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryItem {
    pub(crate) signed_payload: String,
}

/// A refusal.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorReply {
    pub(super) error_code: i64,
    #[serde(default)]
    pub(super) error_message: String,
}
