//! Payloads that Apple signed for this app: the only ones that anything may be decided by.

use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::environment::Environment;
use crate::error::Refusal;
use crate::notification::{NotificationData, NotificationPayload};
use crate::renewal_info::RenewalInfo;
use crate::standing::VerifiedJws;
use crate::transaction::Transaction;
use crate::verifier::is_local;

/// The app that a broker serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppIdentity {
    /// Its bundle ids.
    pub bundle_ids: Vec<String>,
    /// Its number in the App Store; what comes from production must name it.
    pub app_apple_id: Option<i64>,
    /// The environments that are accepted.
    pub environments: Vec<Environment>,
}

impl AppIdentity {
    fn check_bundle(&self, bundle_id: Option<&str>) -> Result<(), Refusal> {
        let is_ours = bundle_id.is_some_and(|bundle_id| self.bundle_ids.iter().any(|ours| ours == bundle_id));
        if is_ours { Ok(()) } else { Err(Refusal::Bundle) }
    }

    /// Accepted here, and signed as that environment is: Apple never signs for Xcode, and nobody else for the others.
    fn check_environment(&self, environment: &Environment, jws: &VerifiedJws) -> Result<(), Refusal> {
        if !self.environments.contains(environment) || is_local(environment) == jws.is_signed {
            return Err(Refusal::Environment { environment: environment.clone() });
        }
        Ok(())
    }

    /// In production the number must be ours; elsewhere Apple leaves it out.
    fn check_app(&self, app_apple_id: Option<i64>, environment: &Environment) -> Result<(), Refusal> {
        let is_required = self.app_apple_id.is_some() && *environment == Environment::Production;
        if (is_required || app_apple_id.is_some()) && self.app_apple_id.is_some() && app_apple_id != self.app_apple_id {
            return Err(Refusal::AppAppleId);
        }
        Ok(())
    }
}

/// A transaction that Apple signed for this app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTransaction(Transaction);

impl VerifiedTransaction {
    /// Reads the payload as a transaction of this app.
    ///
    /// # Errors
    /// If it is something else, or of another app or environment.
    pub fn read(jws: &VerifiedJws, app: &AppIdentity) -> Result<Self, Refusal> {
        let transaction: Transaction = parse(jws, "transaction")?;
        app.check_bundle(Some(&transaction.bundle_id))?;
        app.check_environment(&transaction.environment, jws)?;
        Ok(Self(transaction))
    }
}

impl Deref for VerifiedTransaction {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.0
    }
}

/// Renewal information that Apple signed. It names no app: it counts beside a transaction of the same subscription alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRenewalInfo(RenewalInfo);

impl VerifiedRenewalInfo {
    /// Reads the payload as renewal information.
    ///
    /// # Errors
    /// If it is something else, or of another environment.
    pub fn read(jws: &VerifiedJws, app: &AppIdentity) -> Result<Self, Refusal> {
        /// A transaction has all fields that renewal information must have: this one tells them apart.
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape {
            #[serde(default)]
            transaction_id: Option<serde::de::IgnoredAny>,
        }
        if parse::<Shape>(jws, "renewal information")?.transaction_id.is_some() {
            return Err(Refusal::Payload { expected: "renewal information", reason: "it is a transaction".to_owned() });
        }
        let renewal_info: RenewalInfo = parse(jws, "renewal information")?;
        app.check_environment(&renewal_info.environment, jws)?;
        Ok(Self(renewal_info))
    }
}

impl Deref for VerifiedRenewalInfo {
    type Target = RenewalInfo;

    fn deref(&self) -> &RenewalInfo {
        &self.0
    }
}

/// A notification that Apple signed for this app. What is nested in it is not verified by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNotification {
    payload: NotificationPayload,
    environment: Environment,
}

impl VerifiedNotification {
    /// Reads the payload as a notification about this app.
    ///
    /// # Errors
    /// If it is something else, names no app, or another app or environment.
    pub fn read(jws: &VerifiedJws, app: &AppIdentity) -> Result<Self, Refusal> {
        let payload: NotificationPayload = parse(jws, "notification")?;
        let no_app = || Refusal::Payload { expected: "notification", reason: "it names no app".to_owned() };
        let subject = subject(&payload).ok_or_else(no_app)?;
        let environment = environment(subject).ok_or_else(no_app)?;
        app.check_bundle(subject.bundle_id.as_deref())?;
        app.check_environment(&environment, jws)?;
        app.check_app(subject.app_apple_id, &environment)?;
        Ok(Self { payload, environment })
    }

    /// Where it happened.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Whether the nested payloads, verified on their own, belong to this notification and to one another.
    ///
    /// # Errors
    /// [`Refusal::Nested`] if one is of another environment or subscription.
    pub fn check_nested(
        &self,
        transaction: Option<&VerifiedTransaction>,
        renewal_info: Option<&VerifiedRenewalInfo>,
    ) -> Result<(), Refusal> {
        let environments = [transaction.map(|nested| &nested.environment), renewal_info.map(|nested| &nested.environment)];
        if environments.into_iter().flatten().any(|nested| *nested != self.environment) {
            return Err(Refusal::Nested { reason: "it is of another environment" });
        }
        let bundle_id = subject(&self.payload).and_then(|subject| subject.bundle_id.as_deref());
        if transaction.is_some_and(|transaction| bundle_id != Some(transaction.bundle_id.as_str())) {
            return Err(Refusal::Nested { reason: "it is of another app" });
        }
        if let (Some(transaction), Some(renewal_info)) = (transaction, renewal_info)
            && transaction.original_transaction_id != renewal_info.original_transaction_id
        {
            return Err(Refusal::Nested { reason: "transaction and renewal information are of two subscriptions" });
        }
        Ok(())
    }
}

impl Deref for VerifiedNotification {
    type Target = NotificationPayload;

    fn deref(&self) -> &NotificationPayload {
        &self.payload
    }
}

/// What a notification is about: the first of these that is there, as Apple's own libraries read it.
fn subject(payload: &NotificationPayload) -> Option<&NotificationData> {
    let NotificationPayload { data, summary, external_purchase_token, app_data, .. } = payload;
    [data, summary, external_purchase_token, app_data].into_iter().find_map(Option::as_ref)
}

/// An external purchase says where it happened by the beginning of its id alone.
fn environment(subject: &NotificationData) -> Option<Environment> {
    let by_purchase = subject
        .external_purchase_id
        .as_ref()
        .map(|id| if id.starts_with("SANDBOX") { Environment::Sandbox } else { Environment::Production });
    subject.environment.clone().or(by_purchase)
}

fn parse<T: DeserializeOwned>(jws: &VerifiedJws, expected: &'static str) -> Result<T, Refusal> {
    serde_json::from_slice(&jws.payload).map_err(|error| Refusal::Payload { expected, reason: error.to_string() })
}
