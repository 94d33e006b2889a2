//! The list of all settings: what is read, what is suggested for a misspelt one, and what docs/config.md says.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number within these bounds.
    Number {
        /// Least.
        least: u64,
        /// Most.
        most: u64,
    },
    /// `true` or `false`.
    Flag,
    /// A list of texts; in the environment separated by commas.
    List,
    /// A path, relative to the working directory.
    Path,
    /// Text that does not belong into a file others can read.
    Secret,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name, with dots between sections.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it is if it is not given; `None` if it has to be given.
    pub default: Option<&'static str>,
    /// What it is for.
    pub help: &'static str,
}

const fn text(name: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { name, kind: Kind::Text, default, help }
}

const fn number(name: &'static str, least: u64, most: u64, default: &'static str, help: &'static str) -> Setting {
    Setting { name, kind: Kind::Number { least, most }, default: Some(default), help }
}

/// How many requests of a rate may come at once.
const fn burst(name: &'static str, default: &'static str) -> Setting {
    number(name, 1, 1 << 30, default, "how many of them at once after a rest")
}

const fn list(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { name, kind: Kind::List, default: Some(default), help }
}

const fn path(name: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { name, kind: Kind::Path, default, help }
}

const fn secret(name: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { name, kind: Kind::Secret, default, help }
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    text("listen", Some("127.0.0.1:8080"), "address and port on which clients are served"),
    text(
        "admin_listen",
        Some("127.0.0.1:8081"),
        "address and port of `/healthz`, `/readyz` and `/metrics` for the operator; nobody else may reach it",
    ),
    text(
        "public_url",
        None,
        "address under which clients reach the broker; https, except on loopback. Tokens and invites name it, so changing it ends them all",
    ),
    list(
        "trusted_proxies",
        "none",
        "proxies in front of the broker, whose `X-Forwarded-For` is believed: addresses, networks such as `10.0.0.0/8`, `loopback`, `private`; name exactly those that append to the header, or anybody chooses their own address",
    ),
    path(
        "tls.certificate_file",
        Some("none"),
        "PEM file with the certificate chain under which the broker speaks TLS itself; read again when it changes. Without it a proxy does, or the broker serves loopback alone",
    ),
    path("tls.key_file", Some("none"), "PEM file with its key"),
    path(
        "server_id_key_file",
        None,
        "file with 64 hex digits (or 32 raw bytes) that names identities in the bucket; it must never change or get lost",
    ),
    path("signing.keys_dir", None, "folder of ES256 keys, `{kid}.pem` in PKCS#8 form, as `keys generate` writes them"),
    text(
        "signing.active",
        Some("by the times in the keys' files"),
        "kid of the key that signs, whatever their times say; the others only verify",
    ),
    text("store.endpoint_internal", None, "address under which the broker reaches the store"),
    text(
        "store.endpoint_public",
        Some("store.endpoint_internal"),
        "address under which clients reach the store; presigned URLs name it",
    ),
    text("store.region", Some("us-east-1"), "region that signatures name (R2: `auto`)"),
    text("store.bucket", None, "name of the bucket; it must exist"),
    text("store.addressing", Some("path"), "`path` (`https://host/bucket/key`) or `virtual-host` (`https://bucket.host/key`)"),
    text(
        "store.conditional_create",
        Some("probe"),
        "what the store does with `If-None-Match: *` on PUT: `probe` finds out; `atomic`, `not-atomic`, `ignored` or `refused` is taken instead where it promises no more than was found",
    ),
    text("store.conditional_replace", Some("probe"), "the same with `If-Match` on PUT"),
    list(
        "store.accepted_risks",
        "none",
        "names of attacks that may succeed on this store (docs/store-probe.md lists them); any other that succeeds keeps `serve` from starting",
    ),
    Setting {
        name: "store.accept_copy_risk",
        kind: Kind::Flag,
        default: Some("false"),
        help: "the same as `copy-source` and `copy-source-part` in `store.accepted_risks`: `store.write` can read, so that on some stores an unsigned copy header on a presigned PUT copies other users' (sealed) objects; for stores without write-only keys",
    },
    text("store.read.access_key_id", None, "key that signs GET, HEAD and LIST: GetObject and ListBucket on `users/*`"),
    secret("store.read.secret_access_key", Some("from the file"), "its secret; rather use the file or the environment"),
    path("store.read.secret_access_key_file", Some("none"), "file with its secret"),
    secret("store.read.session_token", Some("none"), "session token of a temporary key"),
    text("store.write.access_key_id", None, "key that signs PUT: PutObject on `users/*` and nothing else"),
    secret("store.write.secret_access_key", Some("from the file"), "its secret; rather use the file or the environment"),
    path("store.write.secret_access_key_file", Some("none"), "file with its secret"),
    secret("store.write.session_token", Some("none"), "session token of a temporary key"),
    text(
        "store.state.access_key_id",
        None,
        "key that the broker itself uses: GetObject, PutObject, DeleteObject and ListBucket on the whole bucket, and listing and aborting uploads in parts",
    ),
    secret("store.state.secret_access_key", Some("from the file"), "its secret; rather use the file or the environment"),
    path("store.state.secret_access_key_file", Some("none"), "file with its secret"),
    secret("store.state.session_token", Some("none"), "session token of a temporary key"),
    text(
        "store.temporary_credentials",
        Some("none"),
        "who makes the credentials of `POST /v1/credentials`, which only read: `sts` (the store's token service: AWS, MinIO, SeaweedFS), `r2` (the broker itself, from `store.read`) or `none`",
    ),
    text(
        "store.sts_endpoint",
        Some("store.endpoint_internal"),
        "address of the token service; its answers hold secrets, so https beyond one machine or network",
    ),
    text("store.sts_region", Some("store.region"), "region that signatures of AssumeRole name"),
    text(
        "store.sts_role_arn",
        Some("none"),
        "role that `store.read` assumes; it may read `users/*` and nothing else. MinIO takes none: there the credentials are those of `store.read`, narrowed",
    ),
    Setting {
        name: "store.sts_bounds_time",
        kind: Kind::Flag,
        default: Some("true"),
        help: "whether the store knows `aws:CurrentTime` in policies (AWS and MinIO do, SeaweedFS does not), so that credentials end with the session; without it they live for 15 minutes, as they say",
    },
    number(
        "limits.daily_bytes",
        1 << 20,
        1 << 50,
        "21474836480",
        "bytes that an account may have signed for upload in a day (UTC), for each replica",
    ),
    number(
        "limits.sandbox_daily_bytes",
        1 << 20,
        1 << 50,
        "1073741824",
        "the same for an account of the App Store's sandbox, whose purchases cost nothing; never more than `limits.daily_bytes`",
    ),
    number("limits.daily_deletions", 1, 1 << 30, "100000", "objects that an account may delete in a day (UTC), for each replica"),
    number("limits.body_bytes", 64 << 10, 64 << 20, "2097152", "largest request body in bytes"),
    number("limits.body_seconds", 1, 600, "20", "seconds within which a body has to be there"),
    number("limits.head_bytes", 8 << 10, 1 << 20, "32768", "largest head of a request, its line and headers, in bytes"),
    number(
        "limits.head_seconds",
        1,
        600,
        "10",
        "seconds within which a head has to be there: from its first byte, or from the beginning of its connection",
    ),
    number("limits.url_bytes", 512, 1 << 16, "4096", "longest path and query in bytes"),
    number("limits.connections", 1, 1 << 20, "10000", "connections at once; more wait unaccepted"),
    number(
        "limits.connections_per_address",
        1,
        1 << 20,
        "256",
        "connections of one address (of IPv6: one /64) at once; more are closed. Trusted proxies have no such bound",
    ),
    number("limits.concurrent_requests", 1, 1 << 20, "1024", "requests under way at once; more are refused with 503"),
    number(
        "limits.concurrent_per_address",
        1,
        1 << 20,
        "64",
        "requests under way at once from one address without a session; strangers together have half of `limits.concurrent_requests`",
    ),
    number(
        "limits.shed_milliseconds",
        0,
        60_000,
        "500",
        "delay of the process from which on requests without a session are turned away with 503, and at four times the delay all; 0: never",
    ),
    number(
        "limits.drain_notice_seconds",
        0,
        600,
        "5",
        "seconds between the signal to end and the last connection that is taken, in which `/readyz` says 503 so that a balancer turns elsewhere",
    ),
    number("limits.request_seconds", 1, 600, "30", "longest life of a request in seconds"),
    number(
        "limits.replay_entries",
        1_000,
        100_000_000,
        "1000000",
        "DPoP proofs remembered in 330 seconds, 40 bytes each; beyond that calls are refused with 503",
    ),
    number(
        "rates.address_per_minute",
        0,
        1 << 30,
        "600",
        "requests of one address (of IPv6: one /64) without a session; 0: no limit",
    ),
    burst("rates.address_burst", "300"),
    number("rates.session_per_minute", 0, 1 << 30, "300", "requests of one address that open or renew sessions; 0: no limit"),
    burst("rates.session_burst", "150"),
    number(
        "rates.failures_per_minute",
        0,
        1 << 30,
        "30",
        "proofs, tokens and signatures of one address that do not hold; beyond, it is not listened to for a minute; 0: no limit",
    ),
    burst("rates.failures_burst", "30"),
    number("rates.user_per_minute", 0, 1 << 30, "1200", "requests of one user's devices with a session; 0: no limit"),
    burst("rates.user_burst", "600"),
    number(
        "rates.store_per_minute",
        0,
        1 << 30,
        "600",
        "those of them for which the broker calls the store: deletions, uploads in parts, credentials; 0: no limit",
    ),
    burst("rates.store_burst", "300"),
    Setting {
        name: "cors.origins",
        kind: Kind::List,
        default: Some("none"),
        help: "web origins that may call the broker, such as `https://app.example.org`",
    },
    number("tokens.access_seconds", 120, 3600, "900", "life of an access token in seconds"),
    number("tokens.renewal_days", 1, 90, "30", "life of a renewal token in days"),
    Setting {
        name: "audit.stdout",
        kind: Kind::Flag,
        default: Some("true"),
        help: "write who got which kinds of URL, sessions and credentials to standard output, one JSON object a line",
    },
    Setting {
        name: "audit.bucket",
        kind: Kind::Flag,
        default: Some("true"),
        help: "keep the same in the bucket, below `_tidegate/audit/{user}/`, in batches",
    },
    number(
        "audit.flush_seconds",
        1,
        86_400,
        "900",
        "seconds between batches; a process that is killed loses the last one, which standard output has",
    ),
    text(
        "traces.endpoint",
        Some("none"),
        "where an OpenTelemetry collector takes traces by OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`; none: nothing is traced",
    ),
    number("traces.percent", 1, 100, "100", "of a hundred requests, how many are traced"),
    Setting {
        name: "self_host.pumpsync_contract",
        kind: Kind::Flag,
        default: Some("false"),
        help: "answer `POST /v1/self-host/session` without invite and DPoP proof, as PumpSync's client calls it, with a token for `GET /v1/status` and, where it is on, the relay, and nothing else; anybody who reaches the broker gets one",
    },
    path(
        "log_drain.secret_file",
        Some("none"),
        "file with the secret under which `POST /v1/ops/log-drain` takes log entries of the app's other parts; none: it takes nothing",
    ),
    Setting {
        name: "relay.enabled",
        kind: Kind::Flag,
        default: Some("false"),
        help: "relay between apps and Tandem's service: `POST /v1/tandem/credentials/validate`, `POST /v1/sync/tandem`. Tandem credentials and samples then pass through the broker's memory, and are kept nowhere",
    },
    number(
        "relay.per_hour",
        1,
        1000,
        "12",
        "syncs that a user and a Tandem account may ask for in an hour, for each replica; as many validations",
    ),
    list(
        "app_store.bundle_ids",
        "none",
        "bundle ids of the app whose App Store subscriptions open accounts; none: hosted mode is off",
    ),
    number(
        "app_store.app_apple_id",
        0,
        i64::MAX.cast_unsigned(),
        "0",
        "the app's number in the App Store (App Store Connect: Apple ID); needed where production is accepted",
    ),
    list(
        "app_store.environments",
        "production, sandbox",
        "which of Apple's environments are accepted; App Review buys in the sandbox",
    ),
    list(
        "app_store.root_certificates",
        "Apple Root CA - G3",
        "PEM files of the only roots that Apple's chains may lead to, in place of the one that is built in",
    ),
    list("app_store.product_ids", "none", "products whose purchase opens a session; needed in hosted mode"),
    text(
        "app_store.family_sharing",
        Some("accept"),
        "whether family members are let in on what one of them pays: `accept` or `refuse`",
    ),
    text(
        "app_store.grace",
        Some("accept"),
        "whether access goes on in Apple's grace period while a failed charge is tried again: `accept` or `refuse`",
    ),
    number(
        "app_store.max_jws_age_hours",
        1,
        8_784,
        "720",
        "how long ago Apple may have signed the transaction that opens a session, in hours; renewals go by notifications",
    ),
    number("app_store.sandbox_hours", 1, 24, "24", "how long a purchase in the sandbox opens sessions, in hours"),
    Setting {
        name: "app_store.pumpsync_contract",
        kind: Kind::Flag,
        default: Some("false"),
        help: "answer `POST /v1/subscription/session` without a DPoP proof, as PumpSync's client calls it, with a token for `GET /v1/status` and, where it is on, the relay, and nothing else; anybody who has the transaction gets one",
    },
    number(
        "app_store.clock_skew_seconds",
        0,
        300,
        "60",
        "what the broker's clock may be wrong by against certificates' dates, in seconds",
    ),
    text(
        "app_store.ocsp",
        Some("require"),
        "what happens without an answer about revocation of Apple's certificates: `require` (nothing is accepted), `prefer` (it goes on) or `off` (nobody is asked)",
    ),
    list(
        "app_store.ocsp_hosts",
        "ocsp.apple.com",
        "the only hosts that are asked about revocation, whatever a certificate names; with a port where it is not the scheme's",
    ),
    text(
        "app_store.server_api.issuer_id",
        Some("none"),
        "issuer id of App Store Connect (Users and Access, Integrations, In-App Purchase); with key and key id the App Store is asked about subscriptions of which nothing was heard for 72 hours, and `app-store recover` works",
    ),
    text("app_store.server_api.key_id", Some("none"), "id of the In-App Purchase key"),
    path("app_store.server_api.private_key_file", Some("none"), "the key's `.p8` file"),
    text("app_store.server_api.production_url", Some("https://api.storekit.itunes.apple.com"), "where production is asked about"),
    text(
        "app_store.server_api.sandbox_url",
        Some("https://api.storekit-sandbox.itunes.apple.com"),
        "where the sandbox is asked about",
    ),
    Setting {
        name: "app_store.allow_unsigned_environments",
        kind: Kind::Flag,
        default: Some("false"),
        help: "accept what Xcode and StoreKitTest sign, which anybody can make: `serve` refuses it; `tidegate-broker dev --xcode-app BUNDLE_ID --xcode-product PRODUCT_ID` does so on one machine",
    },
    text(
        "oidc.NAME.preset",
        Some("none"),
        "provider whose ways are known: `supabase`, `auth0` or `keycloak`. It says how the issuer is written, where its keys are, and what its tokens look like (docs/oidc.md). NAME is yours; there may be several",
    ),
    text(
        "oidc.NAME.issuer",
        Some("required with the section"),
        "address of the OpenID provider, letter by letter as its tokens have it; https, except on loopback",
    ),
    text(
        "oidc.NAME.client_id",
        Some("required but for supabase"),
        "public client with which people log in: device code, or a browser with PKCE. The broker tells it to clients",
    ),
    list(
        "oidc.NAME.audiences",
        "client_id; supabase: authenticated",
        "clients whose ID tokens count, such as those of your apps",
    ),
    list("oidc.NAME.scopes", "openid, and email where domains are listed", "scopes that clients ask for when people log in"),
    text("oidc.NAME.jwks_url", Some("as the issuer's description says"), "where the issuer's keys are"),
    text(
        "oidc.NAME.nonce",
        Some("required; supabase: first-use"),
        "what ties a login to its device: `required` (the ID token's nonce, which names the device's key) or `first-use` (without a nonce the first device that presents a token has it)",
    ),
    text(
        "oidc.NAME.subject_claim",
        Some("sub"),
        "claim with the person's lasting name; one that passes to somebody else would pass the account's door on. A name that begins with `/` is a path, such as `/realm_access/roles`",
    ),
    text("oidc.NAME.email_claim", Some("email"), "claim with the e-mail address"),
    text("oidc.NAME.email_verified_claim", Some("email_verified"), "claim that says that it is verified"),
    text("oidc.NAME.groups_claim", Some("groups"), "claim with the person's groups"),
    list(
        "oidc.NAME.allowed_email_domains",
        "none",
        "domains of verified e-mail addresses that are let in; of several lists each must name the person",
    ),
    list("oidc.NAME.allowed_groups", "none", "groups of which a person must have one"),
    list("oidc.NAME.allowed_subjects", "none", "the only people that are let in"),
    list("oidc.NAME.blocked_subjects", "none", "people that are not let in and whose sessions are not renewed"),
    Setting {
        name: "oidc.NAME.allow_everyone",
        kind: Kind::Flag,
        default: Some("false"),
        help: "let in everybody whom the issuer knows; needed where there is no list",
    },
    number(
        "oidc.NAME.session_days",
        1,
        365,
        "30",
        "days after which a person has to log in again, however often the session was renewed: only then the issuer is heard again",
    ),
    number(
        "oidc.NAME.max_token_age_seconds",
        60,
        86_400,
        "600",
        "how long ago an ID token may have been issued, in seconds; with `supabase` 3600",
    ),
    number(
        "oidc.NAME.clock_skew_seconds",
        0,
        300,
        "60",
        "by how much the issuer's clock and the broker's may differ, in seconds",
    ),
    number(
        "oidc.NAME.keys_max_age_seconds",
        60,
        86_400,
        "600",
        "how long the issuer's keys count after they were fetched, in seconds: so long a key that it withdrew may still be believed",
    ),
];

/// The name of the environment variable that sets it.
#[must_use]
pub(super) fn variable_of(name: &str) -> String {
    format!("{}{}", super::environment::PREFIX, name.replace('.', "__").to_ascii_uppercase())
}

pub(super) fn find(name: &str) -> Option<&'static Setting> {
    let name = general(name);
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// `oidc.work.issuer` is described as `oidc.NAME.issuer`: there are as many such sections as the operator names.
fn general(name: &str) -> Cow<'_, str> {
    match name.strip_prefix("oidc.").and_then(|rest| rest.split_once('.')) {
        Some((_, setting)) => format!("oidc.NAME.{setting}").into(),
        None => name.into(),
    }
}

/// The setting that somebody who wrote `name` most likely meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let name = general(name);
    let distances = SETTINGS.iter().map(|setting| (distance(&name, setting.name), setting.name));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.len() / 4).then_some(nearest)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The table of docs/config.md.
#[must_use]
pub fn reference_table() -> String {
    let mut table = String::from("| setting | environment | default | what it is |\n|---|---|---|---|\n");
    for Setting { name, kind, default, help } in SETTINGS {
        let default = default.map_or("**required**".to_owned(), |default| format!("`{default}`"));
        let bounds = match kind {
            Kind::Number { least, most } => format!(" ({least} to {most})"),
            Kind::Text | Kind::Flag | Kind::List | Kind::Path | Kind::Secret => String::new(),
        };
        writeln!(table, "| `{name}` | `{}` | {default} | {help}{bounds} |", variable_of(name)).expect("a string takes any text");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_has_a_suggestion() {
        assert_eq!(nearest("public_ulr"), Some("public_url"));
        assert_eq!(nearest("store.regoin"), Some("store.region"));
        assert_eq!(nearest("completely_else"), None);
    }

    #[test]
    fn variables_nest_by_two_underscores() {
        assert_eq!(variable_of("store.read.access_key_id"), "TIDEGATE_STORE__READ__ACCESS_KEY_ID");
    }
}
