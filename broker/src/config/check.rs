//! From loose values to a [`Config`], collecting every mistake on the way.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use tidegate_protocol::capability::{Attack, Precondition, StoreProfile};
use tidegate_sigv4::Endpoint;
use url::Url;

use super::file::merge;
use super::reader::Reader;
use super::{Config, Limits, TlsFiles, TokenLifetimes, secrets};
use crate::audit::AuditSettings;
use crate::limits::{Rate, RateLimits, TrustedProxies};
use crate::relay::RelaySettings;
use crate::serve::tls;
use crate::store::{Addressing, Probing, StoreConfig, StoreCredential};
use crate::traces::TraceSettings;

/// Fewest characters of a secret that somebody thought up.
const MIN_SHARED_SECRET_BYTES: usize = 32;

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The setting, with dots between sections.
    pub setting: String,
    /// What is wrong, and where it was read.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.message)
    }
}

/// Every mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The mistakes, in the order of the settings' names.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.mistakes.len();
        write!(f, "the configuration has {count} mistake{}", if count == 1 { "" } else { "s" })?;
        for mistake in &self.mistakes {
            write!(f, "; {mistake}")?;
        }
        Ok(())
    }
}

/// Reads the file and these environment variables over it, and checks everything.
///
/// # Errors
/// Every mistake at once.
pub fn load(file: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, ConfigError> {
    let mut reader = open(file, environment)?;
    reader.refuse_unknown();
    let config = reader.config();
    let mut mistakes = reader.into_mistakes();
    mistakes.sort_by(|a, b| a.setting.cmp(&b.setting));
    match config {
        Some(config) if mistakes.is_empty() => Ok(config),
        Some(_) | None => Err(ConfigError { mistakes }),
    }
}

/// Where the signing keys lie, be the rest right or not.
pub(crate) fn signing_folder(
    file: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<PathBuf, ConfigError> {
    let mut reader = open(file, environment)?;
    let folder = reader.required("signing.keys_dir").map(PathBuf::from);
    folder.ok_or_else(|| ConfigError { mistakes: reader.into_mistakes() })
}

/// File and environment, read but not looked at yet.
fn open(file: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Result<Reader, ConfigError> {
    let name = file.display().to_string();
    let in_file = |message: String| ConfigError { mistakes: vec![Mistake { setting: name.clone(), message }] };
    let toml = std::fs::read_to_string(file).map_err(|error| in_file(format!("cannot be read: {error}")))?;
    let leaves =
        merge(&name, &toml, environment.into_iter().collect()).map_err(|error| in_file(format!("is not TOML: {error}")))?;
    Ok(Reader::new(leaves))
}

impl Reader {
    /// Reads all settings before it gives up, so that every mistake is found.
    fn config(&mut self) -> Option<Config> {
        let listen = self.address("listen", "127.0.0.1:8080");
        let admin_listen = self.address("admin_listen", "127.0.0.1:8081");
        let trusted_proxies = self.trusted_proxies();
        let tls = self.tls();
        let public_url = self.public_url();
        let server_id_key = self.read_from("server_id_key_file", secrets::read_server_id_key);
        let active = self.text("signing.active");
        let signing_keys = self.read_from("signing.keys_dir", |path| secrets::read_signing_keys(path, active.as_deref()));
        let store = self.store();
        let credentials = self.temporary_credentials(store.as_ref());
        let limits = self.limits();
        let tokens = self.tokens();
        let audit = self.audit();
        let traces = self.traces();
        let cors_origins = self.origins();
        let self_host_pumpsync = self.flag("self_host.pumpsync_contract");
        let log_drain_secret = self.log_drain_secret();
        let relay = self.relay();
        let app_store = self.app_store();
        let oidc = self.oidc();
        if let (Some(Some(_)), Some(probing)) = (&app_store, store.as_ref().and_then(|store| store.probing.as_ref())) {
            self.refuse_unfit_for_hosting(probing);
        }
        Some(Config {
            listen: listen?,
            admin_listen: admin_listen?,
            public_url: public_url?,
            trusted_proxies: trusted_proxies?,
            tls: tls?,
            signing_keys: signing_keys?,
            server_id_key: server_id_key?,
            store: store?,
            credentials: credentials?,
            limits: limits?,
            cors_origins,
            tokens: tokens?,
            audit: audit?,
            traces: traces?,
            self_host_pumpsync,
            log_drain_secret: log_drain_secret?,
            relay: relay?,
            app_store: app_store?,
            oidc: oidc?,
        })
    }

    fn store(&mut self) -> Option<StoreConfig> {
        let bucket = self.required("store.bucket");
        let addressing = match self.text("store.addressing").as_deref() {
            None | Some("path") => Some(Addressing::Path),
            Some("virtual-host") => Some(Addressing::VirtualHost),
            Some(_) => self.mistake("store.addressing", "must be path or virtual-host"),
        };
        let endpoint_internal = self.required("store.endpoint_internal");
        let endpoint_public = self.text("store.endpoint_public").or_else(|| endpoint_internal.clone());
        if let (Some(bucket), Some(addressing)) = (&bucket, addressing) {
            for (name, endpoint) in [("store.endpoint_internal", &endpoint_internal), ("store.endpoint_public", &endpoint_public)]
            {
                let checked = endpoint.as_ref().map(|endpoint| Endpoint::new(endpoint, bucket, addressing.into()));
                if let Some(Err(error)) = checked {
                    self.mistake::<()>(name, &error.to_string());
                }
            }
        }
        let conditional_create = self.precondition("store.conditional_create");
        let conditional_replace = self.precondition("store.conditional_replace");
        let read = self.credential("store.read");
        let write = self.credential("store.write");
        let state = self.credential("store.state");
        let accepted_risks = self.accepted_risks();
        self.refuse_shared(&accepted_risks, read.as_ref(), write.as_ref(), state.as_ref());
        Some(StoreConfig {
            endpoint_internal: endpoint_internal?,
            endpoint_public: endpoint_public?,
            region: self.text("store.region").unwrap_or_else(|| "us-east-1".to_owned()),
            bucket: bucket?,
            addressing: addressing?,
            profile: StoreProfile::unprobed(
                conditional_create?.unwrap_or(Precondition::Ignored),
                conditional_replace?.unwrap_or(Precondition::Ignored),
            ),
            probing: Some(Probing {
                conditional_create: conditional_create?,
                conditional_replace: conditional_replace?,
                accepted_risks,
            }),
            read: read?,
            write: write?,
            state: state?,
        })
    }

    /// What a subscription entitles to changes by compare-and-swap: elsewhere a renewal could write over a refund. What is left to
    /// the probe is judged when it is found out.
    fn refuse_unfit_for_hosting(&mut self, probing: &Probing) {
        for (name, precondition) in
            [("store.conditional_create", probing.conditional_create), ("store.conditional_replace", probing.conditional_replace)]
        {
            if precondition.is_some_and(|precondition| precondition != Precondition::Atomic) {
                let message = "must be probe or atomic where App Store subscriptions open accounts (app_store.bundle_ids): on a store \
                    without conditional writes a refund could be lost";
                self.mistake::<()>(name, message);
            }
        }
    }

    /// Attacks that may succeed on this store, by name. The older `store.accept_copy_risk` stands for the two that copy.
    fn accepted_risks(&mut self) -> Vec<Attack> {
        const NAME: &str = "store.accepted_risks";
        let mut accepted = Vec::new();
        for name in self.list(NAME) {
            match Attack::named(&name) {
                Some(attack) => accepted.push(attack),
                None => {
                    let names: Vec<_> = Attack::ALL.iter().map(|attack| attack.name()).collect();
                    self.mistake::<()>(NAME, &format!("{name:?} is none of {}", names.join(", ")));
                }
            }
        }
        if self.flag("store.accept_copy_risk") {
            accepted.extend([Attack::CopySource, Attack::CopySourcePart]);
        }
        accepted
    }

    /// A key that signs PUTs and can read lets its URLs copy what it can read, on stores that obey unsigned copy headers.
    fn refuse_shared(
        &mut self,
        accepted_risks: &[Attack],
        read: Option<&StoreCredential>,
        write: Option<&StoreCredential>,
        state: Option<&StoreCredential>,
    ) {
        let accepted = [Attack::CopySource, Attack::CopySourcePart].iter().all(|attack| accepted_risks.contains(attack));
        let Some(write) = write else { return };
        let is_shared = [read, state].into_iter().flatten().any(|other| other.access_key_id == write.access_key_id);
        if is_shared && !accepted {
            let message = "must be a key of its own that can only PutObject: on some stores a signed PUT copies whatever its key can \
                read (store.accepted_risks = [\"copy-source\", \"copy-source-part\"] accepts that)";
            self.mistake::<()>("store.write.access_key_id", message);
        }
    }

    fn credential(&mut self, section: &str) -> Option<StoreCredential> {
        let access_key_id = self.required(&format!("{section}.access_key_id"));
        let secret_access_key = self.secret(&format!("{section}.secret_access_key"));
        let session_token = self.text(&format!("{section}.session_token")).map(SecretString::from);
        Some(StoreCredential { access_key_id: access_key_id?, secret_access_key: secret_access_key?, session_token })
    }

    /// A secret that stands there or in the file that `{name}_file` names.
    fn secret(&mut self, name: &str) -> Option<SecretString> {
        let file = format!("{name}_file");
        match (self.text(name), self.text(&file)) {
            (Some(_), Some(_)) => self.mistake(name, &format!("is given twice: here and by {file}")),
            (Some(secret), None) => Some(SecretString::from(secret)),
            (None, Some(path)) => match secrets::read_secret(Path::new(&path)) {
                Ok(secret) => Some(secret),
                Err(message) => self.mistake(&file, &message),
            },
            (None, None) => self.mistake(name, &format!("is missing; set it or {file}")),
        }
    }

    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is left to the probe")]
    fn precondition(&mut self, name: &str) -> Option<Option<Precondition>> {
        match self.text(name).as_deref() {
            None | Some("probe") => Some(None),
            Some("atomic") => Some(Some(Precondition::Atomic)),
            Some("not-atomic") => Some(Some(Precondition::NotAtomic)),
            Some("ignored") => Some(Some(Precondition::Ignored)),
            Some("refused") => Some(Some(Precondition::Refused)),
            Some(_) => self.mistake(name, "must be probe, atomic, not-atomic, ignored or refused"),
        }
    }

    fn limits(&mut self) -> Option<Limits> {
        let limits = Limits::default();
        let daily_bytes = self.number("limits.daily_bytes", limits.daily_bytes);
        let sandbox_daily_bytes = self.number("limits.sandbox_daily_bytes", limits.sandbox_daily_bytes);
        let daily_deletions = self.number("limits.daily_deletions", limits.daily_deletions);
        let rates = self.rates(limits.rates);
        let body_bytes = self.number("limits.body_bytes", limits.body_bytes);
        let body_seconds = self.number("limits.body_seconds", limits.body_seconds);
        let head_bytes = self.number("limits.head_bytes", limits.head_bytes);
        let head_seconds = self.number("limits.head_seconds", limits.head_seconds);
        let url_bytes = self.number("limits.url_bytes", limits.url_bytes);
        let connections = self.number("limits.connections", limits.connections);
        let connections_per_address = self.number("limits.connections_per_address", limits.connections_per_address);
        let concurrent_per_address = self.number("limits.concurrent_per_address", limits.concurrent_per_address);
        let shed_milliseconds = self.number("limits.shed_milliseconds", limits.shed_milliseconds);
        let drain_notice_seconds = self.number("limits.drain_notice_seconds", limits.drain_notice_seconds);
        let concurrent_requests = self.number("limits.concurrent_requests", limits.concurrent_requests);
        let request_seconds = self.number("limits.request_seconds", limits.request_seconds);
        let replay_entries = self.number("limits.replay_entries", limits.replay_entries);
        Some(Limits {
            daily_bytes: daily_bytes?,
            sandbox_daily_bytes: sandbox_daily_bytes?,
            daily_deletions: daily_deletions?,
            rates: rates?,
            body_bytes: body_bytes?,
            body_seconds: body_seconds?,
            head_bytes: head_bytes?,
            head_seconds: head_seconds?,
            url_bytes: url_bytes?,
            connections: connections?,
            connections_per_address: connections_per_address?,
            concurrent_per_address: concurrent_per_address?,
            shed_milliseconds: shed_milliseconds?,
            drain_notice_seconds: drain_notice_seconds?,
            concurrent_requests: concurrent_requests?,
            request_seconds: request_seconds?,
            replay_entries: replay_entries?,
        })
    }

    fn rates(&mut self, rates: RateLimits) -> Option<RateLimits> {
        let address = self.rate("address", rates.address);
        let session = self.rate("session", rates.session);
        let failures = self.rate("failures", rates.failures);
        let user = self.rate("user", rates.user);
        let store = self.rate("store", rates.store);
        Some(RateLimits { address: address?, session: session?, failures: failures?, user: user?, store: store? })
    }

    fn rate(&mut self, name: &str, rate: Rate) -> Option<Rate> {
        let per_minute = self.number(&format!("rates.{name}_per_minute"), rate.per_minute);
        let burst = self.number(&format!("rates.{name}_burst"), rate.burst);
        Some(Rate { per_minute: per_minute?, burst: burst? })
    }

    fn trusted_proxies(&mut self) -> Option<TrustedProxies> {
        const NAME: &str = "trusted_proxies";
        let entries = self.list(NAME);
        match TrustedProxies::parse(entries.iter().map(String::as_str)) {
            Ok(proxies) => Some(proxies),
            Err(invalid) => self.mistake(NAME, &invalid.to_string()),
        }
    }

    /// `None` inside if a proxy speaks TLS, or nobody.
    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is given")]
    fn tls(&mut self) -> Option<Option<TlsFiles>> {
        let [certificate, key] = ["tls.certificate_file", "tls.key_file"];
        let (certificate_file, key_file) = match (self.text(certificate), self.text(key)) {
            (None, None) => return Some(None),
            (Some(certificate_file), Some(key_file)) => (certificate_file.into(), key_file.into()),
            (Some(_), None) => return self.mistake(key, "is missing; certificate and key go together"),
            (None, Some(_)) => return self.mistake(certificate, "is missing; certificate and key go together"),
        };
        let files = TlsFiles { certificate_file, key_file };
        match tls::read(&files) {
            Ok(_) => Some(Some(files)),
            Err(error) => self.mistake(certificate, &error.to_string()),
        }
    }

    fn audit(&mut self) -> Option<AuditSettings> {
        let audit = AuditSettings::default();
        let flush_seconds = self.number("audit.flush_seconds", audit.flush_seconds);
        let stdout = !self.is_given("audit.stdout") || self.flag("audit.stdout");
        let bucket = !self.is_given("audit.bucket") || self.flag("audit.bucket");
        Some(AuditSettings { stdout, bucket, flush_seconds: flush_seconds? })
    }

    /// `None` inside if nothing is traced.
    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is given")]
    fn traces(&mut self) -> Option<Option<TraceSettings>> {
        const NAME: &str = "traces.endpoint";
        let percent = self.number("traces.percent", 100)?;
        let Some(endpoint) = self.text(NAME) else { return Some(None) };
        let url = Url::parse(&endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        match url {
            Some(url) if url.username().is_empty() && url.password().is_none() => Some(Some(TraceSettings { endpoint, percent })),
            Some(_) => self.mistake(NAME, "must hold no name and no password"),
            None => self.mistake(NAME, "must be an http or https address, such as http://127.0.0.1:4318/v1/traces"),
        }
    }

    fn tokens(&mut self) -> Option<TokenLifetimes> {
        let tokens = TokenLifetimes::default();
        let access_seconds = self.number("tokens.access_seconds", tokens.access_seconds);
        let renewal_days = self.number("tokens.renewal_days", tokens.renewal_days);
        Some(TokenLifetimes { access_seconds: access_seconds?, renewal_days: renewal_days? })
    }

    /// `None` inside if no logs are taken.
    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is given")]
    fn log_drain_secret(&mut self) -> Option<Option<SecretString>> {
        const NAME: &str = "log_drain.secret_file";
        if !self.is_given(NAME) {
            return Some(None);
        }
        let secret = self.read_from(NAME, secrets::read_secret)?;
        if secret.expose_secret().len() < MIN_SHARED_SECRET_BYTES {
            return self.mistake(
                NAME,
                &format!("must hold at least {MIN_SHARED_SECRET_BYTES} characters; `openssl rand -hex 32` makes some"),
            );
        }
        Some(Some(secret))
    }

    /// `None` inside if it is off.
    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is on")]
    fn relay(&mut self) -> Option<Option<RelaySettings>> {
        let is_on = self.flag("relay.enabled");
        let settings = RelaySettings::default();
        let per_hour = self.number("relay.per_hour", settings.per_hour)?;
        Some(is_on.then_some(RelaySettings { per_hour, ..settings }))
    }

    fn public_url(&mut self) -> Option<String> {
        const NAME: &str = "public_url";
        let text = self.required(NAME)?;
        let url = self.https_url(NAME, &text)?;
        let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        if !is_bare || text.ends_with('/') || text != url.as_str().trim_end_matches('/') {
            let message = "must be a plain lower-case URL without user, query, fragment, default port or trailing slash";
            return self.mistake(NAME, message);
        }
        Some(text)
    }

    fn origins(&mut self) -> Vec<String> {
        const NAME: &str = "cors.origins";
        let origins = self.list(NAME);
        for origin in &origins {
            let is_origin = Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
            if !is_origin {
                self.mistake::<()>(NAME, &format!("{origin:?} is not an origin such as https://app.example.org"));
            }
        }
        origins
    }
}
