//! Nothing secret leaves a broker but to whom it belongs: a real process under load, as talkative as it gets, with secrets planted
//! wherever they come in.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use tidegate_broker::clock::{Clock as _, SystemClock};
use tidegate_testkit::oidc::{SigningKey, StandInIssuer};

use crate::config::Folder;
use crate::device::{Account, Device, hash, send, use_url};
use crate::process::free_address;
use crate::traces::Collector;

const DRAIN_SECRET: &str = "planted-log-drain-secret-of-32-bytes";
const PASSWORD: &str = "planted-tandem-password";
const USERNAME: &str = "planted-person@example.org";

/// A process, with everything that it says.
pub(crate) struct Running {
    process: Child,
    pub(crate) ready: Value,
    said: Vec<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-broker"));
        command.args(arguments).arg("--json").env_remove("TIDEGATE_CONFIG").env("TIDEGATE_LOG", "trace");
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = process.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let ready = serde_json::from_str(&first).unwrap_or_else(|_| panic!("not ready: {first}"));
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        Self { process, ready, said: vec![stdout, stderr] }
    }

    /// Ends it, and gives what it said after it was ready.
    pub(crate) fn end(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
        std::mem::take(&mut self.said).into_iter().map(|stream| stream.join().unwrap()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of a test that failed; one that has ended is not there any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The folder's configuration over this store, with addresses of this machine, and with everything on that takes secrets.
pub(crate) fn configuration(folder: &Folder, store: &str, issuer: &str) -> String {
    let (listen, admin) = (free_address(), free_address());
    let secret = folder.path("drain");
    fs::write(&secret, DRAIN_SECRET).unwrap();
    let base = folder.toml().replace("http://127.0.0.1:1", store);
    let base = base.replace("https://tidegate.example.org", &format!("http://{listen}"));
    format!(
        "listen = \"{listen}\"\nadmin_listen = \"{admin}\"\n{base}\n[log_drain]\nsecret_file = \"{}\"\n[relay]\nenabled = true\n[audit]\nstdout = true\nbucket = true\n\
         [oidc.home]\nissuer = \"{issuer}\"\nclient_id = \"tidegate\"\nallow_everyone = true\n",
        text(&secret)
    )
}

/// The embedded store, with the keys of the folder's configuration.
pub(crate) fn store(folder: &Folder) -> Running {
    let rules = [
        ("reader", "read", "allow = [{ actions = [\"GetObject\", \"ListBucket\"], prefix = \"users/\" }]"),
        ("writer", "write", "allow = [{ actions = [\"PutObject\"], prefix = \"users/\" }]"),
        ("stater", "state", "administrator = true"),
    ];
    let keys: Vec<String> =
        rules.iter().map(|(id, file, rights)| format!("[[key]]\nid = \"{id}\"\nsecret_file = \"{file}\"\n{rights}\n")).collect();
    let file = folder.path("store-keys.toml");
    fs::write(&file, keys.concat()).unwrap();
    let data = folder.path("store-data");
    Running::start(&[
        "store",
        "serve",
        "--data",
        text(&data),
        "--listen",
        "127.0.0.1:0",
        "--bucket",
        "tidegate",
        "--keys-file",
        text(&file),
    ])
}

/// Every text that nobody else may read, with what it is.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn add(&mut self, what: &'static str, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(secret.len() >= 12, "{what} is too short to be looked for: {secret}");
        self.0.push((what, secret));
    }

    /// A JWT, whole, and its signature and claims alone.
    fn add_jwt(&mut self, what: &'static str, token: &str) {
        self.add(what, token);
        for part in token.split('.').skip(1) {
            self.add(what, part);
        }
    }

    fn assert_absent_from(&self, place: &str, said: &str) {
        for (what, secret) in &self.0 {
            assert!(!said.contains(secret.as_str()), "{what} stands in {place}: {secret:.60}");
        }
    }
}

/// What the operator keeps: the files that the configuration names.
fn planted(folder: &Folder) -> Secrets {
    let mut secrets = Secrets::default();
    for file in ["read", "write", "state"] {
        secrets.add("a store secret", fs::read_to_string(folder.path(file)).unwrap().trim());
    }
    secrets.add("the log drain's secret", DRAIN_SECRET);
    let id = fs::read_to_string(folder.path("server-id.key")).unwrap();
    secrets.add("the server id key", id.trim());
    let bytes = hex::decode(id.trim()).unwrap();
    secrets.add("the server id key, as bytes are shown", format!("{bytes:?}"));
    for file in fs::read_dir(folder.path("keys")).unwrap() {
        let pem = fs::read_to_string(file.unwrap().path()).unwrap();
        for line in pem.lines().filter(|line| !line.starts_with("-----")) {
            secrets.add("a signing key", line);
        }
    }
    secrets.add("the password", PASSWORD);
    secrets.add("the name", USERNAME);
    secrets
}

#[cfg(unix)]
// The collector of traces answers while the test waits for a process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_under_load_says_no_secret_however_much_it_says() {
    let folder = Folder::new();
    fs::write(folder.path("server-id.key"), "5e".repeat(32)).unwrap();
    let store = store(&folder);
    let collector = Collector::start().await;
    let file = folder.path("broker.toml");
    let issuer_key = SigningKey::es256("first");
    let issuer = StandInIssuer::start(std::slice::from_ref(&issuer_key)).await;
    let configuration = configuration(&folder, store.ready["store"].as_str().unwrap(), &issuer.url);
    fs::write(&file, format!("{configuration}\n[traces]\nendpoint = \"{}\"\n", collector.endpoint)).unwrap();
    let broker = Running::start(&["serve", "--config", text(&file)]);
    let (url, admin) = (broker.ready["broker"].as_str().unwrap().to_owned(), broker.ready["admin"].as_str().unwrap().to_owned());
    let mut secrets = planted(&folder);
    let (exit, invite) =
        crate::cli::run(&["invite", "create", "--config", text(&file), "--user", "anna", "--devices", "3", "--expires", "12h"]);
    assert_eq!(exit, 0, "{invite}");
    let invite = invite["invite"].as_str().unwrap().to_owned();
    secrets.add_jwt("an invite", &invite);

    let device = Device::new(&url).await;
    secrets.add("a nonce", &device.nonce);
    let account = Account::new(9);
    let session = device.create_account(&invite, &account).await;
    let access = session.access_token.as_str();
    let renewal = session.renewal_token.as_deref().unwrap();
    secrets.add_jwt("an access token", access);
    secrets.add_jwt("a renewal token", renewal);
    assert_eq!(device.renew(renewal).await.code(), "ok");

    // Under load: many at once, right and wrong.
    let items: Vec<Value> =
        (0..100).map(|_| json!({ "method": "GET", "key": format!("users/{}/genesis.json", session.user_id) })).collect();
    let batch = json!({ "items": items });
    let calls = (0..20).map(|_| device.call("POST", "/v1/presign", &batch, Some(access)));
    for reply in futures_util::future::join_all(calls).await {
        let signed = reply.json()["results"][0].clone();
        let link = signed["url"].as_str().unwrap().to_owned();
        let (_, signature) = link.split_once("X-Amz-Signature=").unwrap();
        secrets.add("a signed URL", &link);
        secrets.add("the signature of a URL", signature.split('&').next().unwrap());
        assert_eq!(use_url(&signed, Vec::new()).await.status, 200);
        // A client that mistakes the broker for the store sends it the whole URL, and the token in places where it does not belong.
        let (_, query) = link.split_once('?').unwrap();
        for path in [
            format!("/users/{}/genesis.json?{query}", session.user_id),
            format!("/{access}"),
            format!("/v1/status?access_token={access}"),
        ] {
            assert!(send(Method::GET, &format!("{url}{path}"), &[], Vec::new()).await.status >= 400);
        }
    }
    drain_logs(&url, access).await;
    log_in(&url, &issuer, &issuer_key, &mut secrets).await;
    let relayed = json!({ "tandem": { "username": USERNAME, "password": PASSWORD, "region": "nowhere" } });
    for path in ["/v1/tandem/credentials/validate", "/v1/sync/tandem"] {
        assert_ne!(device.call("POST", path, &relayed, Some(access)).await.code(), "ok");
    }
    // Last: who fails often is not listened to for a while.
    wrong_calls(&device, &url, access, &mut secrets).await;
    let metrics = send(Method::GET, &format!("{admin}/metrics"), &[], Vec::new()).await;
    secrets.assert_absent_from("the metrics", &String::from_utf8(metrics.body).unwrap());

    let said = broker.end();
    assert!(said.lines().count() > 100 && said.contains("\"request_id\""), "it was to say much: {said}");
    secrets.assert_absent_from("what the broker said", &said);
    let traced = collector.bytes();
    assert!(traced.contains("POST /v1/presign"), "it was to trace much");
    secrets.assert_absent_from("the traces", &traced);
    // The store sees its own secrets and the URLs that it answers; what the broker keeps there is no secret of anybody.
    let stored = store.end();
    secrets.assert_absent_from("what the store said", &stored);
}

/// Logins with an OpenID provider, one that holds and others that do not.
async fn log_in(url: &str, issuer: &StandInIssuer, key: &SigningKey, secrets: &mut Secrets) {
    const PERSON: &str = "planted-subject-of-a-person";
    const ADDRESS: &str = "planted-address@example.org";
    let device = Device::new(url).await;
    let salt = [7; 16];
    let nonce = tidegate_protocol::oidc::nonce(url, &device.thumbprint(), &salt);
    let mut claims = issuer.claims("tidegate", PERSON, Some(&nonce), SystemClock.now().unix_timestamp());
    claims["email"] = ADDRESS.into();
    claims["email_verified"] = true.into();
    let right = key.token(&claims);
    let (signed, _) = right.rsplit_once('.').unwrap();
    claims["aud"] = "another".into();
    let tokens = [
        (right.clone(), "account-not-found"),
        (key.token(&claims), "id-token-audience"),
        (format!("{signed}.planted-signature-of-nobody-"), "id-token-signature"),
        (format!("{right}.planted-segment-too-many"), "id-token-malformed"),
        ("planted-id-token-that-is-none".to_owned(), "id-token-malformed"),
    ];
    secrets.add("a person's name with the issuer", PERSON);
    secrets.add("a person's address", ADDRESS);
    secrets.add("a login's nonce", nonce);
    for (token, code) in tokens {
        let body = json!({ "idToken": token, "nonceSalt": URL_SAFE_NO_PAD.encode(salt) });
        let reply = device.call("POST", "/v1/oidc/session", &body, None).await;
        assert_eq!(reply.code(), code);
        secrets.add_jwt("an ID token", &token);
        secrets.assert_absent_from("a refusal", &String::from_utf8_lossy(&reply.body));
    }
}

/// Proofs, tokens and bodies that are refused: a refusal must not repeat them.
async fn wrong_calls(device: &Device, url: &str, access: &str, secrets: &mut Secrets) {
    let right = device.proof("POST", "/v1/presign", b"{}", Some(access));
    let mut wrong = Vec::new();
    for (member, value) in [
        ("htm", json!("GET")),
        ("htu", json!("https://elsewhere.example")),
        ("bh", json!(hash(b"other"))),
        ("nonce", json!("planted-nonce-of-nobody")),
    ] {
        let mut proof = right.clone();
        proof.claims[member] = value;
        wrong.push(device.sign(&proof));
    }
    wrong.push("planted-proof-that-is-none.planted-claims.planted-signature".to_owned());
    for proof in wrong {
        secrets.add_jwt("a proof", &proof);
        let reply = device.call_with("POST", "/v1/presign", b"{}".to_vec(), Some(access), &proof).await;
        assert!(reply.status >= 400);
        secrets.assert_absent_from("a refusal", &String::from_utf8_lossy(&reply.body));
    }
    let forged = format!("{}.planted-signature-of-nobody", access.rsplit_once('.').unwrap().0);
    for token in [forged.as_str(), "planted-token-that-is-none"] {
        secrets.add("a token", token);
        let reply = device.call("POST", "/v1/presign", &json!({ "items": [] }), Some(token)).await;
        assert!(reply.status >= 400);
    }
    for invite in ["planted-invite-that-is-none", forged.as_str()] {
        secrets.add("an invite", invite);
        assert_ne!(device.session(invite, None).await.code(), "ok");
    }
    let body = format!("{{\"invite\": \"planted-invite-in-torn-json {access}");
    let headers = [
        ("content-type", "application/json"),
        ("authorization", "Basic cGxhbnRlZC1iYXNpYy1hdXRo"),
        ("cookie", "planted-cookie-of-somebody"),
    ];
    secrets.add("a header", "cGxhbnRlZC1iYXNpYy1hdXRo");
    secrets.add("a header", "planted-cookie-of-somebody");
    secrets.add("a torn body", "planted-invite-in-torn-json");
    let reply = send(Method::POST, &format!("{url}/v1/self-host/session"), &headers, body.into_bytes()).await;
    assert!(reply.status >= 400);
}

/// Entries of the app's other parts, secrets among them, signed as they should be and not.
async fn drain_logs(url: &str, access: &str) {
    let entry = json!([{ "message": format!("Authorization: DPoP {access}"), "password": PASSWORD, "token": access }]);
    let body = serde_json::to_vec(&entry).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, DRAIN_SECRET.as_bytes());
    let signature = format!("sha256={}", hex::encode(hmac::sign(&key, &body)));
    for (signature, status) in [(signature.as_str(), 202), (DRAIN_SECRET, 403)] {
        let headers = [("content-type", "application/json"), ("x-log-drain-signature", signature)];
        assert_eq!(send(Method::POST, &format!("{url}/v1/ops/log-drain"), &headers, body.clone()).await.status, status);
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused_without_its_secrets() {
    let folder = Folder::new();
    let file = folder.path("broker.toml");
    for line in [
        "secret_access_key = \"planted-secret",
        "secret_access_key = planted-secret",
        "secret_access_key \"planted-secret\"",
        "session_token = [\"planted-secret\"]",
        "sesion_token = \"planted-secret\"",
    ] {
        fs::write(&file, folder.toml().replace("[store.read]", &format!("[store.read]\n{line}"))).unwrap();
        for command in ["serve", "config"] {
            let arguments = if command == "serve" { vec!["serve"] } else { vec!["config", "check"] };
            let (exit, said) = crate::cli::run(&[arguments.as_slice(), &["--config", text(&file)]].concat());
            assert_eq!(exit, 10, "{line}: {said}");
            assert!(!said.to_string().contains("planted-secret"), "{line}: {said}");
        }
    }
}

/// The files of the crates that hold secrets of others.
fn sources() -> Vec<(String, String)> {
    let mut folders: Vec<_> =
        ["broker", "sync-client", "sync-core", "embedded-s3", "app-store", "tandem", "sigv4", "store-probe", "cli"]
            .iter()
            .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"))
            .collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let code = fs::read_to_string(&path).unwrap();
                let code = code.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
                files.push((text(&path).to_owned(), code));
            }
        }
    }
    files
}

/// `==` leaves off at the first byte that differs, and the time of a refusal then tells how much of a guess was right. What is secret, or
/// a MAC, is compared by `subtle` or by aws-lc's `constant_time` and `hmac::verify`.
#[test]
fn no_secret_and_no_mac_is_compared_by_an_operator_that_leaves_off_early() {
    // Both are ours: nobody sends either.
    let known = ["kept.expose_secret() == token.expose_secret()"];
    // The MAC of a content is its name and stands in keys for everybody: `content_hmac` is none of these.
    let signs = ["expose_secret()", ".mac(", "hmac::sign", "tag.as_ref()", "finalize()"];
    let is_secret = |side: &str| {
        let side = side.trim().trim_end_matches(['{', ')', ';', ',', ' ']);
        let word = side.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '(' | ')' | '.' | '*' | ':')));
        let word = word.into_iter().next().unwrap_or_default();
        signs.iter().any(|sign| word.contains(sign))
            || word.starts_with("mac(")
            || word.ends_with(".mac")
            || ["mac", "*mac", "tag", "secret", "password", "signature"].contains(&word)
    };
    let mut found = Vec::new();
    for (file, code) in sources() {
        for line in
            code.lines().map(str::trim).filter(|line| !line.starts_with("//") && !known.iter().any(|known| line.contains(known)))
        {
            for operator in [" == ", " != "] {
                let Some((left, right)) = line.split_once(operator) else { continue };
                let right: String = right.chars().take_while(|c| !matches!(c, '&' | '|' | '{')).collect();
                if is_secret(left) || is_secret(&right) {
                    found.push(format!("{file}: {line}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
