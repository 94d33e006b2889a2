//! Settings of hosted mode: which app's purchases open accounts, and how strictly they are verified.

use tidegate_app_store::{AdmissionPolicy, AppIdentity, EntitlementPolicy, Environment, Roots};
use time::Duration;

use super::reader::Reader;
use super::server_api::ServerApiSettings;

/// What happens where nobody answers whether Apple's certificates were revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcspPolicy {
    /// Nothing is accepted until somebody answers.
    Require,
    /// It goes on without an answer; a certificate that is known to be revoked is still refused.
    Prefer,
    /// Nobody is asked.
    Off,
}

/// The app that a hosted broker serves.
#[derive(Debug, Clone)]
pub struct AppStoreSettings {
    /// Bundle ids, number and environments.
    pub app: AppIdentity,
    /// What chains must lead to.
    pub roots: Roots,
    /// What the broker's clock may be wrong by.
    pub clock_skew: Duration,
    /// What happens without an answer about revocation.
    pub ocsp: OcspPolicy,
    /// The only hosts that are asked about revocation, whatever a certificate names; with a port where it is not 80.
    pub ocsp_hosts: Vec<String>,
    /// Whether what Xcode signs is taken at its word: for `dev` alone.
    pub accepts_unsigned: bool,
    /// Which transactions may speak.
    pub admission: AdmissionPolicy,
    /// Which subscriptions open sessions, and for how long.
    pub entitlement: EntitlementPolicy,
    /// Whether calls of PumpSync's client, which have no device key, get a token for `GET /v1/status`.
    pub pumpsync_contract: bool,
    /// How the App Store Server API is asked, where it is.
    pub server_api: Option<ServerApiSettings>,
}

impl AppStoreSettings {
    /// One app in both of Apple's environments, under Apple's root. It accepts no product until some are named.
    #[must_use]
    pub fn new(bundle_id: impl Into<String>, app_apple_id: i64) -> Self {
        Self {
            app: AppIdentity {
                bundle_ids: vec![bundle_id.into()],
                app_apple_id: Some(app_apple_id),
                environments: vec![Environment::Production, Environment::Sandbox],
            },
            roots: Roots::apple(),
            clock_skew: Duration::seconds(60),
            ocsp: OcspPolicy::Require,
            ocsp_hosts: vec![APPLE_OCSP_HOST.to_owned()],
            accepts_unsigned: false,
            admission: AdmissionPolicy { max_age: DEFAULT_MAX_AGE, clock_skew: Duration::seconds(60) },
            entitlement: EntitlementPolicy::new::<String>([]),
            pumpsync_contract: false,
            server_api: None,
        }
    }

    /// What StoreKit testing in Xcode signs for these products of an app, taken at its word. Anybody can make that: for development
    /// on one machine alone.
    #[must_use]
    pub fn of_xcode<P: Into<String>>(bundle_id: impl Into<String>, products: impl IntoIterator<Item = P>) -> Self {
        Self {
            app: AppIdentity {
                bundle_ids: vec![bundle_id.into()],
                app_apple_id: None,
                environments: vec![Environment::Xcode, Environment::LocalTesting],
            },
            ocsp: OcspPolicy::Off,
            accepts_unsigned: true,
            entitlement: EntitlementPolicy::new(products),
            ..Self::new(String::new(), 0)
        }
    }
}

/// StoreKit signs a transaction anew when it renews, and at the latest when the app asks the App Store.
const DEFAULT_MAX_AGE: Duration = Duration::days(30);

/// Apple's OCSP responder.
const APPLE_OCSP_HOST: &str = "ocsp.apple.com";

impl Reader {
    /// `None` inside if hosted mode is off.
    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is on")]
    pub(super) fn app_store(&mut self) -> Option<Option<AppStoreSettings>> {
        let bundle_ids = self.list("app_store.bundle_ids");
        let environments = self.environments();
        let app_apple_id = self.app_apple_id();
        let roots = self.roots();
        let clock_skew = self.number("app_store.clock_skew_seconds", 60);
        let ocsp = self.ocsp_policy();
        let ocsp_hosts = self.ocsp_hosts();
        let entitlement = self.entitlement_policy();
        let max_age = self.number("app_store.max_jws_age_hours", DEFAULT_MAX_AGE.whole_hours());
        let pumpsync_contract = self.flag("app_store.pumpsync_contract");
        let server_api = self.server_api();
        self.refuse_unsigned();
        if bundle_ids.is_empty() {
            return Some(None);
        }
        let (environments, app_apple_id) = (environments?, app_apple_id?);
        if app_apple_id.is_none() && environments.contains(&Environment::Production) {
            let message = "is missing: it is what tells Apple's production notifications for this app from others'";
            return self.mistake("app_store.app_apple_id", message);
        }
        let (clock_skew, entitlement) = (Duration::seconds(clock_skew?), entitlement?);
        if entitlement.products.is_empty() {
            return self.mistake("app_store.product_ids", "is missing: the products whose purchase opens a session");
        }
        Some(Some(AppStoreSettings {
            app: AppIdentity { bundle_ids, app_apple_id, environments },
            roots: roots?,
            clock_skew,
            ocsp: ocsp?,
            ocsp_hosts,
            accepts_unsigned: false,
            admission: AdmissionPolicy { max_age: Duration::hours(max_age?), clock_skew },
            entitlement,
            pumpsync_contract,
            server_api: server_api?,
        }))
    }

    fn entitlement_policy(&mut self) -> Option<EntitlementPolicy> {
        let products = self.list("app_store.product_ids");
        let grace = self.accepts("app_store.grace");
        let family_sharing = self.accepts("app_store.family_sharing");
        let sandbox_lives = self.number("app_store.sandbox_hours", 24);
        Some(EntitlementPolicy {
            products: products.into_iter().collect(),
            grace: grace?,
            family_sharing: family_sharing?,
            sandbox_lives: Duration::hours(sandbox_lives?),
        })
    }

    fn accepts(&mut self, name: &str) -> Option<bool> {
        match self.text(name).as_deref() {
            None | Some("accept") => Some(true),
            Some("refuse") => Some(false),
            Some(_) => self.mistake(name, "must be accept or refuse"),
        }
    }

    fn environments(&mut self) -> Option<Vec<Environment>> {
        const NAME: &str = "app_store.environments";
        let names = self.list(NAME);
        if names.is_empty() {
            return Some(vec![Environment::Production, Environment::Sandbox]);
        }
        let mut environments = Vec::new();
        for name in names {
            environments.push(match name.as_str() {
                "production" => Environment::Production,
                "sandbox" => Environment::Sandbox,
                _ => return self.mistake(NAME, "must be production, sandbox or both"),
            });
        }
        Some(environments)
    }

    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is given")]
    fn app_apple_id(&mut self) -> Option<Option<i64>> {
        const NONE: u32 = 0;
        let id: i64 = self.number("app_store.app_apple_id", i64::from(NONE))?;
        Some((id != i64::from(NONE)).then_some(id))
    }

    fn roots(&mut self) -> Option<Roots> {
        const NAME: &str = "app_store.root_certificates";
        let paths = self.list(NAME);
        if paths.is_empty() {
            return Some(Roots::apple());
        }
        let mut documents = Vec::new();
        for path in &paths {
            match std::fs::read(path) {
                Ok(document) => documents.push(document),
                Err(error) => return self.mistake(NAME, &format!("{path} cannot be read: {error}")),
            }
        }
        match Roots::from_pem(documents.iter().map(Vec::as_slice)) {
            Ok(roots) => Some(roots),
            Err(error) => self.mistake(NAME, &format!("cannot be trusted: {error}")),
        }
    }

    fn ocsp_policy(&mut self) -> Option<OcspPolicy> {
        match self.text("app_store.ocsp").as_deref() {
            None | Some("require") => Some(OcspPolicy::Require),
            Some("prefer") => Some(OcspPolicy::Prefer),
            Some("off") => Some(OcspPolicy::Off),
            Some(_) => self.mistake("app_store.ocsp", "must be require, prefer or off"),
        }
    }

    fn ocsp_hosts(&mut self) -> Vec<String> {
        let hosts = self.list("app_store.ocsp_hosts");
        if hosts.is_empty() { vec![APPLE_OCSP_HOST.to_owned()] } else { hosts }
    }

    /// Whoever has Xcode can sign such transactions: a broker that others reach would give sessions away.
    fn refuse_unsigned(&mut self) {
        const NAME: &str = "app_store.allow_unsigned_environments";
        if self.flag(NAME) {
            self.mistake::<()>(NAME, "is for tidegate-broker dev alone: anybody can make what Xcode signs");
        }
    }
}
