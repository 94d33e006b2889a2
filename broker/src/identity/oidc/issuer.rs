//! An issuer as a process knows it: its settings, and whom they let in.

use std::collections::HashSet;

use tidegate_oidc::{Expected, IdTokenFault, UnverifiedIdToken, VerifiedIdToken};
use tidegate_protocol::Sha256;
use tidegate_protocol::oidc::OidcIssuer;
use time::OffsetDateTime;

use super::claim::OidcClaim;
use super::fetch::Fetch;
use super::published::{IssuerKeys, Published};
use super::refusal;
use crate::config::{OidcSettings, ServerIdKey};
use crate::identity::link;
use crate::problem::Problem;

/// Every issuer that is configured.
pub(crate) struct Issuers(Vec<Issuer>);

/// One of them.
pub(crate) struct Issuer {
    settings: OidcSettings,
    keys: IssuerKeys,
    /// Names of the only people that come in, where the operator lists them.
    allowed: Option<HashSet<Sha256>>,
    /// Names of those that do not.
    blocked: HashSet<Sha256>,
}

impl Issuers {
    pub(crate) fn new(settings: &[OidcSettings], key: &ServerIdKey) -> Self {
        // A client reads the system's root certificates: most brokers need none for this.
        if settings.is_empty() {
            return Self(Vec::new());
        }
        let fetch = Fetch::new();
        Self(settings.iter().map(|settings| Issuer::new(settings, fetch.clone(), key)).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The issuer of this address, letter by letter.
    pub(super) fn of(&self, issuer: &str) -> Option<&Issuer> {
        self.0.iter().find(|known| known.settings.issuer == issuer)
    }

    /// What clients are told of them.
    pub(crate) fn described(&self) -> Vec<OidcIssuer> {
        self.0.iter().map(|issuer| issuer.settings.described()).collect()
    }
}

impl Issuer {
    fn new(settings: &OidcSettings, fetch: Fetch, key: &ServerIdKey) -> Self {
        let named = |subjects: &[String]| -> HashSet<Sha256> {
            subjects.iter().map(|subject| link::oidc_identity(key, &settings.issuer, subject)).collect()
        };
        Self {
            allowed: settings.allowed_subjects.as_deref().map(named),
            blocked: named(&settings.blocked_subjects),
            keys: IssuerKeys::new(settings, fetch),
            settings: settings.clone(),
        }
    }

    pub(super) const fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// Believes the token, or says why not. A key that is not known is looked for at the issuer: it may be new.
    pub(super) async fn verify(&self, token: &UnverifiedIdToken<'_>, now: OffsetDateTime) -> Result<VerifiedIdToken, Problem> {
        let published = self.keys.fresh(now).await?;
        match self.verify_by(&published, token, now) {
            Err(IdTokenFault::UnknownKey) => {
                let newer = self.keys.look_again(&published, now).await;
                self.verify_by(&newer, token, now).map_err(refusal::not_believed)
            }
            verdict => verdict.map_err(refusal::not_believed),
        }
    }

    fn verify_by(
        &self,
        published: &Published,
        token: &UnverifiedIdToken<'_>,
        now: OffsetDateTime,
    ) -> Result<VerifiedIdToken, IdTokenFault> {
        let settings = &self.settings;
        let expected = Expected {
            issuer: &settings.issuer,
            audiences: &settings.audiences,
            claims: &settings.claims,
            kind: settings.kind,
            max_age: settings.max_token_age,
            skew: settings.clock_skew,
            now,
        };
        VerifiedIdToken::verify(token, &published.keys, &expected)
    }

    /// Whether the operator's lists let the login in, as they stand now.
    pub(super) fn refuse_unlisted(&self, lnk: Sha256, claim: &OidcClaim) -> Result<(), Problem> {
        if self.blocked.contains(&lnk) {
            return Err(refusal::revoked());
        }
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(&lnk)) {
            return Err(refusal::not_listed());
        }
        self.settings.admission.admits(claim.dom.as_deref(), &claim.grp).map_err(refusal::not_admitted)
    }

    /// When the person has to log in again, whatever was renewed in between: only then the issuer is heard again.
    pub(super) fn session_ends_at(&self, claim: &OidcClaim) -> Result<OffsetDateTime, Problem> {
        let began = OffsetDateTime::from_unix_timestamp(claim.at).map_err(Problem::internal)?;
        Ok(began.saturating_add(self.settings.session_lives))
    }
}
