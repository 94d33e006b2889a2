//! The configuration: every mistake at once, secrets masked, documents true.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tidegate_broker::Probing;
use tidegate_broker::config::{Config, ConfigError, SETTINGS, load, reference_table};
use tidegate_broker::{NewSigningKey, StoreCredential};
use tidegate_protocol::capability::{Precondition, StoreProfile};
use time::OffsetDateTime;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

/// A folder with keys, secrets and a right configuration.
pub(crate) struct Folder {
    pub(crate) dir: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        fs::create_dir(&keys).unwrap();
        let key = NewSigningKey::generate(OffsetDateTime::UNIX_EPOCH);
        fs::write(keys.join(format!("{}.pem", key.kid)), key.pem.as_bytes()).unwrap();
        fs::write(dir.path().join("server-id.key"), "00".repeat(32) + "\n").unwrap();
        for name in ["read", "write", "state"] {
            fs::write(dir.path().join(name), format!("{name}-very-secret-value\n")).unwrap();
        }
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn toml(&self) -> String {
        let at = |name: &str| self.path(name).display().to_string();
        format!(
            r#"
public_url = "https://tidegate.example.org"
server_id_key_file = "{}"
[signing]
keys_dir = "{}"
[store]
endpoint_internal = "http://127.0.0.1:1"
bucket = "tidegate"
[store.read]
access_key_id = "reader"
secret_access_key_file = "{}"
[store.write]
access_key_id = "writer"
secret_access_key_file = "{}"
[store.state]
access_key_id = "stater"
secret_access_key_file = "{}"
"#,
            at("server-id.key"),
            at("keys"),
            at("read"),
            at("write"),
            at("state"),
        )
    }

    pub(crate) fn load(&self, toml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let file = self.path("broker.toml");
        fs::write(&file, toml).unwrap();
        load(&file, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn mistakes(&self, toml: &str, environment: &[(&str, &str)]) -> Vec<String> {
        self.load(toml, environment).unwrap_err().mistakes.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_right_configuration_is_read_with_its_defaults() {
    let folder = Folder::new();
    let config = folder.load(&folder.toml(), &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.store.endpoint_public, config.store.endpoint_internal);
    assert_eq!(config.store.profile, StoreProfile::IGNORING);
    assert_eq!(config.store.probing, Some(Probing::default()), "what the store does is found out");
    assert_eq!((config.tokens.access_seconds, config.tokens.renewal_days), (900, 30));
}

#[test]
fn every_mistake_is_reported_at_once_with_its_setting() {
    let folder = Folder::new();
    let toml = r#"
listen = "nowhere"
public_ulr = "https://tidegate.example.org"
server_id_key_file = "/does/not/exist"
[signing]
keys_dir = "/does/not/exist"
[store]
endpoint_internal = "ftp://store"
addressing = "sideways"
conditional_create = "sometimes"
[store.read]
access_key_id = 7
[store.write]
access_key_id = "writer"
secret_access_key = "a"
secret_access_key_file = "b"
[limits]
daily_bytes = -1
body_bytes = "many"
[tokens]
renewal_days = 1000
[cors]
origins = ["https://app.example.org/path"]
[unknown]
thing = 1
"#;
    let mistakes = folder.mistakes(toml, &[("TIDEGATE_STORE__ENDPOINT_PUBLIC", "nonsense"), ("TIDEGATE_LISEN", "x")]);
    let settings: Vec<_> = mistakes.iter().map(|mistake| mistake.split(": ").next().unwrap()).collect();
    assert_eq!(
        settings,
        [
            "cors.origins",
            "limits.body_bytes",
            "limits.daily_bytes",
            "lisen",
            "listen",
            "public_ulr",
            "public_url",
            "server_id_key_file",
            "signing.keys_dir",
            "store.addressing",
            "store.bucket",
            "store.conditional_create",
            "store.read.access_key_id",
            "store.read.secret_access_key",
            "store.state.access_key_id",
            "store.state.secret_access_key",
            "store.write.secret_access_key",
            "tokens.renewal_days",
            "unknown.thing",
        ],
        "{mistakes:#?}"
    );
    let find = |setting: &str| mistakes.iter().find(|mistake| mistake.starts_with(setting)).unwrap();
    assert!(find("public_ulr").ends_with("did you mean public_url?"));
    assert!(find("lisen:").contains("environment variable TIDEGATE_LISEN") && find("lisen:").ends_with("did you mean listen?"));
    assert!(find("listen:").contains("broker.toml"));
}

#[test]
fn endpoints_are_checked_once_the_bucket_is_known() {
    let folder = Folder::new();
    let mistakes = folder.mistakes(&folder.toml(), &[("TIDEGATE_STORE__ENDPOINT_PUBLIC", "ftp://x")]);
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].starts_with("store.endpoint_public: "), "{mistakes:?}");
}

#[test]
fn the_environment_overrides_the_file() {
    let folder = Folder::new();
    let environment = [
        ("TIDEGATE_LISTEN", "0.0.0.0:80"),
        ("TIDEGATE_STORE__READ__ACCESS_KEY_ID", "1234567"),
        ("TIDEGATE_STORE__REGION", ""),
        ("TIDEGATE_STORE__CONDITIONAL_CREATE", "atomic"),
        ("TIDEGATE_LIMITS__REQUEST_SECONDS", "7"),
        ("TIDEGATE_CORS__ORIGINS", "https://a.example, https://b.example"),
        ("TIDEGATE_HOME", "/somewhere"),
    ];
    let config = folder.load(&folder.toml(), &environment).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.store.read.access_key_id, "1234567");
    assert_eq!(config.store.region, "us-east-1");
    assert_eq!(config.store.profile.conditional_create, Precondition::Atomic);
    assert_eq!(config.limits.request_seconds, 7);
    assert_eq!(config.cors_origins, ["https://a.example", "https://b.example"]);
}

#[test]
fn the_key_that_writes_must_be_its_own() {
    let folder = Folder::new();
    let shared = folder.toml().replace("\"writer\"", "\"stater\"");
    let mistakes = folder.mistakes(&shared, &[]);
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].starts_with("store.write.access_key_id: "));
    let older = folder.load(&shared, &[("TIDEGATE_STORE__ACCEPT_COPY_RISK", "true")]).unwrap();
    let named = folder.load(&shared, &[("TIDEGATE_STORE__ACCEPTED_RISKS", "copy-source, copy-source-part")]).unwrap();
    assert_eq!(older.store.probing, named.store.probing);
    assert!(folder.load(&shared, &[("TIDEGATE_STORE__ACCEPTED_RISKS", "copy-source")]).is_err(), "each risk by its name");
    let unknown = folder.mistakes(&folder.toml(), &[("TIDEGATE_STORE__ACCEPTED_RISKS", "everything")]);
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].contains("\"everything\" is none of copy-source"), "{unknown:?}");
}

#[test]
fn public_urls_are_https_and_bare() {
    let folder = Folder::new();
    let with = |url: &str| folder.load(&folder.toml().replace("https://tidegate.example.org", url), &[]);
    for right in [
        "https://tidegate.example.org",
        "https://t.example:8443/base",
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:1",
    ] {
        assert!(with(right).is_ok(), "{right}");
    }
    for wrong in [
        "http://tidegate.example.org",
        "https://tidegate.example.org/",
        "https://TIDEGATE.example.org",
        "https://t.example:443",
        "https://u@t.example",
        "https://t.example?x",
        "https://t.example#x",
        "ftp://t.example",
        "tidegate",
    ] {
        assert!(with(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn files_that_are_not_there_or_not_toml_are_named() {
    let folder = Folder::new();
    let missing = load(Path::new("/does/not/exist.toml"), []).unwrap_err();
    assert!(missing.to_string().contains("/does/not/exist.toml"));
    assert_eq!(folder.mistakes("public_url = ", &[]).len(), 1);
}

#[test]
fn debug_masks_every_secret() {
    let folder = Folder::new();
    let toml = folder.toml().replace("[store.state]", "[store.state]\nsession_token = \"token-very-secret-value\"");
    let debug = format!("{:?}", folder.load(&toml, &[]).unwrap());
    assert!(debug.contains("stater") && !debug.contains("very-secret-value"), "{debug}");
    assert!(!debug.contains("0, 0, 0, 0") && !debug.contains("PRIVATE KEY"));
    assert!(!format!("{:?}", StoreCredential::new("id", "very-secret-value")).contains("very-secret-value"));
    let key = NewSigningKey::generate(OffsetDateTime::UNIX_EPOCH);
    assert!(!format!("{key:?}").contains("PRIVATE"));
}

#[test]
fn the_example_names_settings_that_exist_and_lacks_nothing() {
    let folder = Folder::new();
    let config = folder.load(&example(&folder, "broker.toml"), &[]).unwrap();
    assert_eq!(config.public_url, "https://tidegate.example.org");
    assert_eq!(config.store.probing, Some(Probing::default()), "the example leaves it to the probe");
    assert!(config.app_store.is_none());
}

#[test]
fn the_example_of_hosted_mode_is_whole() {
    let folder = Folder::new();
    let toml = example(&folder, "hosted.toml");
    let app_store = folder.load(&toml, &[]).unwrap().app_store.unwrap();
    assert_eq!((app_store.app.bundle_ids.len(), app_store.entitlement.products.len()), (1, 2));
    assert!(app_store.entitlement.grace && app_store.entitlement.family_sharing && !app_store.pumpsync_contract);
    assert_eq!(app_store.entitlement.sandbox_lives, time::Duration::days(1));
    assert_eq!(app_store.admission.max_age, time::Duration::days(30));

    let without = |line: &str| toml.lines().filter(|found| !found.starts_with(line)).collect::<Vec<_>>().join("\n");
    let mistakes = folder.load(&without("product_ids"), &[]).unwrap_err().to_string();
    assert!(mistakes.contains("app_store.product_ids"), "{mistakes}");
    let mistakes = folder.load(&toml.replace("grace = \"accept\"", "grace = \"maybe\""), &[]).unwrap_err().to_string();
    assert!(mistakes.contains("accept or refuse"), "{mistakes}");
}

/// An example of docs/, with its files where this folder has them.
fn example(folder: &Folder, name: &str) -> String {
    let example = fs::read_to_string(Path::new(DOCS).join("examples").join(name)).unwrap();
    let at = |name: &str| folder.path(name).display().to_string();
    example
        .replace("/etc/tidegate/server-id.key", &at("server-id.key"))
        .replace("/etc/tidegate/keys", &at("keys"))
        .replace("/run/secrets/tidegate-store-read", &at("read"))
        .replace("/run/secrets/tidegate-store-write", &at("write"))
        .replace("/run/secrets/tidegate-store-state", &at("state"))
}

#[test]
fn the_reference_lists_every_setting() {
    const BEGIN: &str = "<!-- settings: made from broker/src/config/settings.rs -->\n";
    const END: &str = "<!-- end of settings -->\n";
    let path = Path::new(DOCS).join("config.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}{END}{after}", reference_table());
    if std::env::var_os(crate::openapi::REWRITE).is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), expected, "rewrite it with {}=1", crate::openapi::REWRITE);
    assert!(SETTINGS.iter().all(|setting| expected.contains(setting.name)));
}
