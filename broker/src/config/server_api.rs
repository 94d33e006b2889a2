//! Settings of Apple's App Store Server API: who asks, and where.

use std::fmt;
use std::path::Path;

use jsonwebtoken::EncodingKey;
use url::Url;

use super::reader::Reader;
use super::secrets;

const PRODUCTION: &str = "https://api.storekit.itunes.apple.com";
const SANDBOX: &str = "https://api.storekit-sandbox.itunes.apple.com";

/// How the broker asks the App Store about subscriptions and notifications.
#[derive(Debug, Clone)]
pub struct ServerApiSettings {
    /// The issuer id of App Store Connect.
    pub issuer_id: String,
    /// The id of the In-App Purchase key.
    pub key_id: String,
    /// The key.
    pub private_key: ServerApiKey,
    /// Where production is asked about.
    pub production_url: Url,
    /// Where the sandbox is asked about.
    pub sandbox_url: Url,
}

impl ServerApiSettings {
    /// This key at Apple's own addresses.
    #[must_use]
    pub fn new(issuer_id: impl Into<String>, key_id: impl Into<String>, private_key: ServerApiKey) -> Self {
        Self {
            issuer_id: issuer_id.into(),
            key_id: key_id.into(),
            private_key,
            production_url: Url::parse(PRODUCTION).expect("a fixed URL"),
            sandbox_url: Url::parse(SANDBOX).expect("a fixed URL"),
        }
    }
}

/// The private key that signs requests.
#[derive(Clone)]
pub struct ServerApiKey(EncodingKey);

impl ServerApiKey {
    /// Reads the `.p8` file's text: a P-256 key as PKCS#8 PEM.
    #[must_use]
    pub fn from_pem(pem: &str) -> Option<Self> {
        EncodingKey::from_ec_pem(pem.as_bytes()).ok().map(Self)
    }

    pub(crate) const fn encoding_key(&self) -> &EncodingKey {
        &self.0
    }
}

impl fmt::Debug for ServerApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerApiKey(masked)")
    }
}

impl Reader {
    /// `None` inside if the API is not to be asked: none of its settings is given.
    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is on")]
    pub(super) fn server_api(&mut self) -> Option<Option<ServerApiSettings>> {
        const ISSUER: &str = "app_store.server_api.issuer_id";
        const KEY_ID: &str = "app_store.server_api.key_id";
        const KEY_FILE: &str = "app_store.server_api.private_key_file";
        let production_url = self.api_url("app_store.server_api.production_url", PRODUCTION);
        let sandbox_url = self.api_url("app_store.server_api.sandbox_url", SANDBOX);
        if [ISSUER, KEY_ID, KEY_FILE].iter().all(|name| !self.is_given(name)) {
            return production_url.and(sandbox_url).map(|_| None);
        }
        let issuer_id = self.required(ISSUER);
        let key_id = self.required(KEY_ID);
        let private_key = self.read_from(KEY_FILE, read_key);
        Some(Some(ServerApiSettings {
            issuer_id: issuer_id?,
            key_id: key_id?,
            private_key: private_key?,
            production_url: production_url?,
            sandbox_url: sandbox_url?,
        }))
    }

    fn api_url(&mut self, name: &str, default: &str) -> Option<Url> {
        let text = self.text(name).unwrap_or_else(|| default.to_owned());
        self.https_url(name, &text)
    }
}

fn read_key(path: &Path) -> Result<ServerApiKey, String> {
    let pem = secrets::read(path)?;
    let not_a_key =
        || format!("the file {} is not a P-256 private key in PKCS#8 PEM form, as App Store Connect gives it", path.display());
    ServerApiKey::from_pem(&pem).ok_or_else(not_a_key)
}
