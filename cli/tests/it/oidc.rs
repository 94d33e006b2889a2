//! `--oidc`: a login opens an account where an invite does elsewhere, by device code and by a browser.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_broker::config::{NoncePolicy, OidcSettings};
use tidegate_broker::dev::{DevOptions, DevServer, start};
use tidegate_testkit::oidc::{SigningKey, StandInIssuer};
use time::OffsetDateTime;

use crate::harness::Cli;

const CLIENT: &str = "tidegate-cli";

/// An issuer, a broker that trusts it, and a folder for the broker's data and the test's files.
async fn trusted(change: impl FnOnce(&mut OidcSettings)) -> (StandInIssuer, SigningKey, DevServer, TempDir) {
    let (key, folder) = (SigningKey::es256("first"), tempfile::tempdir().unwrap());
    let issuer = StandInIssuer::start(std::slice::from_ref(&key)).await;
    issuer.log_in_as(json!({ "sub": "ada" }));
    let mut settings = OidcSettings::new("home", &issuer.url, CLIENT);
    change(&mut settings);
    let mut options = DevOptions::new(folder.path().join("broker"));
    options.oidc = vec![settings];
    (issuer, key, start(options).await.unwrap(), folder)
}

/// Runs a command that asks a person to do something: the question, and the process that waits for it.
fn ask(cli: &Cli, arguments: &[&str]) -> (Value, Child, BufReader<std::process::ChildStderr>) {
    let mut child = cli.command(arguments).arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let question = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no question: {line}"));
    (question, child, stderr)
}

/// What it says in the end.
fn answer(child: Child) -> (i32, Value) {
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A browser: follows where it is sent.
fn open_in_browser(url: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = reqwest::get(url).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_device_code_opens_an_account_and_one_in_a_browser_joins_it() {
    let (issuer, _, server, folder) = trusted(|settings| settings.nonce = NoncePolicy::FirstUse).await;
    issuer.set_pending(1);
    let broker = server.broker_url.clone();
    tokio::task::spawn_blocking(move || {
        let at = |name: &str| folder.path().join(name);
        let (a, b) = (Cli::new(&at("a")), Cli::new(&at("b")));
        let recovery = at("recovery.txt");
        let recovery = recovery.to_str().unwrap();
        let (question, waiting, _stderr) = ask(&a, &["init", "--broker", &broker, "--oidc", "--recovery-file", recovery]);
        assert_eq!(question["login"], "device");
        assert_eq!(question["user_code"], "WDJB-MJHT");
        assert!(question["verification_uri"].as_str().unwrap().starts_with(&issuer.url));
        let (status, created) = answer(waiting);
        assert_eq!(status, 0, "{created}");
        a.json(&["member", "add", "Ada"]);
        let note = write(folder.path(), "note.md", "# Hazelnut\n");
        a.json(&["put", &note, "--member", "Ada"]);
        a.json(&["sync"]);

        let join = ["join", "--broker", &broker, "--oidc", "--login", "browser", "--recovery-file", recovery];
        let (question, waiting, _stderr) = ask(&b, &join);
        assert_eq!(question["login"], "browser");
        let address = question["authorization_uri"].as_str().unwrap();
        // What any other page on this machine might try changes nothing.
        let callback = url::Url::parse(address).unwrap();
        let callback = callback.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
        for forged in [callback.clone(), format!("{callback}?code=x&state=y"), format!("{callback}?error=access_denied&state=y")]
        {
            assert_eq!(open_in_browser(&forged).0, 404);
        }
        let (status, page) = open_in_browser(address);
        assert!(status == 200 && page.contains("You are logged in"), "{page}");
        let (status, joined) = answer(waiting);
        assert_eq!(status, 0, "{joined}");
        assert_eq!(joined["user_id"], created["user_id"]);
        b.json(&["sync"]);
        assert_eq!(b.json(&["list"])["records"].as_array().unwrap().len(), 1);

        // Signing in again needs no recovery code; somebody else of the same issuer is not let into this account.
        let again = ["join", "--broker", &broker, "--oidc"];
        assert_eq!(answer(ask(&a, &again).1).1["user_id"], created["user_id"]);
        issuer.log_in_as(json!({ "sub": "eve" }));
        let c = Cli::new(&at("c"));
        let (status, refused) = answer(ask(&c, &["join", "--broker", &broker, "--oidc", "--recovery-file", recovery]).1);
        assert_eq!((status, &refused["error"]["code"]), (11, &"account-not-found".into()));
    })
    .await
    .unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_got_elsewhere_comes_in_a_file() {
    let (issuer, key, server, folder) = trusted(|settings| settings.nonce = NoncePolicy::FirstUse).await;
    let broker = server.broker_url.clone();
    tokio::task::spawn_blocking(move || {
        let (a, b) = (Cli::new(&folder.path().join("a")), Cli::new(&folder.path().join("b")));
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let file = write(folder.path(), "token", &key.token(&issuer.claims(CLIENT, "ada", None, now)));
        let recovery = folder.path().join("recovery.txt");
        let ways = ["--broker", &broker, "--oidc", "--id-token-file", &file, "--recovery-file", recovery.to_str().unwrap()];
        a.json(&[&["init"], ways.as_slice()].concat());
        b.fails(&[&["join"], ways.as_slice()].concat(), 11, "id-token-replayed");
        let nonsense = write(folder.path(), "nonsense", "not a token");
        b.fails(&["init", "--broker", &broker, "--oidc", "--id-token-file", &nonsense], 10, "id-token-malformed");
        let forged = write(folder.path(), "forged", &SigningKey::es256("first").token(&issuer.claims(CLIENT, "ada", None, now)));
        b.fails(&["init", "--broker", &broker, "--oidc", "--id-token-file", &forged], 11, "id-token-signature");
    })
    .await
    .unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broker_or_its_issuer_does_not_offer_is_said() {
    let (issuer, _, server, folder) = trusted(|_| {}).await;
    let without = start(DevOptions::new(folder.path().join("without"))).await.unwrap();
    let (broker, other) = (server.broker_url.clone(), without.broker_url.clone());
    tokio::task::spawn_blocking(move || {
        let cli = |name: &str| Cli::new(&folder.path().join(name));
        cli("a").fails(&["init", "--broker", &other, "--oidc"], 10, "login-not-offered");
        let unknown = cli("b").fails(&["init", "--broker", &broker, "--oidc", "--issuer", "work"], 10, "login-issuer-unknown");
        assert!(unknown["message"].as_str().unwrap().contains("home"), "{unknown}");
        issuer.offer_device_code(false);
        cli("c").fails(&["init", "--broker", &broker, "--oidc", "--login", "device"], 10, "login-flow-missing");
        let (question, mut child, _stderr) = ask(&cli("d"), &["init", "--broker", &broker, "--oidc"]);
        assert_eq!(question["login"], "browser");
        child.kill().unwrap();
        child.wait().unwrap();
        cli("e").fails(&["init", "--broker", &broker, "--oidc", "--invite", "x"], 2, "wrong-usage");
        drop(issuer);
    })
    .await
    .unwrap();
    server.shutdown().await;
    without.shutdown().await;
}
