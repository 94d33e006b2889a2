//! From the text of a JWS to a payload that Apple signed for this app: the only way to one.

use std::sync::Arc;

use tidegate_app_store::{
    AppIdentity, UnverifiedJws, VerifiedJws, VerifiedNotification, VerifiedRenewalInfo, VerifiedTransaction, Verifier,
    VerifierOptions,
};
use time::OffsetDateTime;

use super::revocation::Revocation;
use crate::config::AppStoreSettings;
use crate::metrics::Metrics;
use crate::problem::Problem;

/// Verifies what Apple signed; remembers chains and answers about their revocation. One for a process.
pub(crate) struct AppStoreVerifier {
    verifier: Verifier,
    accepts_unsigned: bool,
    revocation: Revocation,
    app: AppIdentity,
}

impl AppStoreVerifier {
    pub(crate) fn new(settings: &AppStoreSettings, metrics: &Arc<Metrics>) -> Self {
        let options = VerifierOptions { clock_skew: settings.clock_skew, accepts_unsigned: settings.accepts_unsigned };
        Self {
            verifier: Verifier::new(settings.roots.clone(), options),
            accepts_unsigned: settings.accepts_unsigned,
            revocation: Revocation::new(settings, metrics),
            app: settings.app.clone(),
        }
    }

    /// A signed transaction of this app.
    pub(crate) async fn transaction(&self, jws: &str, now: OffsetDateTime) -> Result<VerifiedTransaction, Problem> {
        Ok(VerifiedTransaction::read(&self.verified(jws, now).await?, &self.app)?)
    }

    /// Signed renewal information; it names no app, so it counts beside a transaction of the same subscription alone.
    pub(crate) async fn renewal_info(&self, jws: &str, now: OffsetDateTime) -> Result<VerifiedRenewalInfo, Problem> {
        Ok(VerifiedRenewalInfo::read(&self.verified(jws, now).await?, &self.app)?)
    }

    /// A notification and what is nested in it, each verified on its own, and all of them about the same.
    pub(crate) async fn notification(
        &self,
        signed_payload: &str,
        now: OffsetDateTime,
    ) -> Result<(VerifiedNotification, Option<VerifiedTransaction>, Option<VerifiedRenewalInfo>), Problem> {
        let notification = VerifiedNotification::read(&self.verified(signed_payload, now).await?, &self.app)?;
        let data = notification.data.as_ref();
        let transaction = match data.and_then(|data| data.signed_transaction_info.as_deref()) {
            Some(jws) => Some(self.transaction(jws, now).await?),
            None => None,
        };
        let renewal_info = match data.and_then(|data| data.signed_renewal_info.as_deref()) {
            Some(jws) => Some(self.renewal_info(jws, now).await?),
            None => None,
        };
        notification.check_nested(transaction.as_ref(), renewal_info.as_ref())?;
        Ok((notification, transaction, renewal_info))
    }

    async fn verified(&self, jws: &str, now: OffsetDateTime) -> Result<VerifiedJws, Problem> {
        if self.accepts_unsigned
            && let Ok(unsigned) = self.verifier.accept_unsigned(UnverifiedJws::parse(jws)?)
        {
            return Ok(unsigned);
        }
        let signed = self.verifier.verify(UnverifiedJws::parse(jws)?, now)?;
        let standing = self.revocation.standing(signed.chain(), now).await?;
        Ok(signed.accept(standing)?)
    }
}
