//! Logins against a real OpenID provider, npm's `oidc-provider`: the command line, a broker, and somebody who logs in.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;
use tidegate_broker::clock::Clock;
use tidegate_broker::config::{NoncePolicy, OidcSettings};
use tidegate_broker::dev::{DevOptions, DevServer, start};
use time::{Duration, OffsetDateTime};

use crate::harness::Cli;

/// The provider's process. It ends with its standard input.
struct Provider {
    issuer: String,
    folder: PathBuf,
    node: String,
    process: Child,
    input: Option<ChildStdin>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.process.wait());
    }
}

impl Provider {
    fn start() -> Self {
        let folder = PathBuf::from(std::env::var("OIDC_PROVIDER").expect("OIDC_PROVIDER names the provider's folder"));
        let node = std::env::var("NODE_PROGRAM").unwrap_or_else(|_| "node".to_owned());
        let mut command = Command::new(&node);
        command.arg(folder.join("provider.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        // It goes on talking, and would end if nobody listened.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let ready: Value = serde_json::from_str(&line).expect("the provider says where it is");
        let input = process.stdin.take();
        Self { issuer: ready["issuer"].as_str().unwrap().to_owned(), folder, node, process, input }
    }

    /// Somebody opens the address, logs in under this name and agrees, or declines; what the last page said.
    fn visit(&self, address: &str, name: &str, declines: bool) -> String {
        let mut command = Command::new(&self.node);
        command.arg(self.folder.join("person.mjs")).args([address, name]).args(declines.then_some("abort"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// An ID token for somebody, by device code without the command line.
    fn token_of(&self, name: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let post = |path: &str, form: String| -> Value {
            let request = reqwest::Client::new().post(format!("{}{path}", self.issuer));
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
            let body = runtime.block_on(async { request.send().await.unwrap().bytes().await.unwrap() });
            serde_json::from_slice(&body).unwrap()
        };
        let begun = post("/device/auth", "client_id=tidegate-cli&scope=openid%20email".to_owned());
        self.visit(begun["verification_uri_complete"].as_str().unwrap(), name, false);
        let code = begun["device_code"].as_str().unwrap();
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
        let reply = post("/token", format!("client_id=tidegate-cli&grant_type={grant}&device_code={code}"));
        reply["id_token"].as_str().unwrap().to_owned()
    }

    /// From now on tokens are signed by a new key of this algorithm; the old ones stay published or not.
    fn change_keys(&self, alg: &str, keeps_old: bool) {
        let url = format!("{}/of-the-test/change-keys?alg={alg}&keep={keeps_old}", self.issuer);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert!(runtime.block_on(reqwest::get(url)).unwrap().status().is_success());
    }
}

/// The system's clock, ahead by what the test says: keys grow old without a wait.
struct AheadClock(Mutex<Duration>);

impl AheadClock {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for AheadClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + *self.0.lock().unwrap()
    }
}

/// Runs a command that asks a person to log in, lets the person do so, and gives exit code and document.
fn log_in(cli: &Cli, arguments: &[&str], person: impl FnOnce(&Value)) -> (i32, Value) {
    let mut child = cli.command(arguments).arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let Ok(question) = serde_json::from_str(&line) else {
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        panic!("{arguments:?} asks nothing: {line} {out}");
    };
    person(&question);
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

fn server_for(issuer: &str, folder: &std::path::Path, clock: &std::sync::Arc<AheadClock>) -> DevServer {
    let mut home = OidcSettings::new("home", issuer, "tidegate-cli");
    home.scopes.push("email".to_owned());
    home.admission.domains = Some(["example.org".to_owned()].into());
    home.nonce = NoncePolicy::FirstUse;
    home.blocked_subjects = vec!["mallory".to_owned()];
    home.max_token_age = Duration::hours(1);
    let mut options = DevOptions::new(folder);
    options.oidc = vec![home];
    options.clock = std::sync::Arc::clone(clock) as std::sync::Arc<dyn Clock>;
    tokio::runtime::Handle::current().block_on(start(options)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm's oidc-provider: just test-oidc"]
async fn a_real_openid_provider_lets_people_in_by_code_and_browser_while_its_keys_change() {
    let clock = std::sync::Arc::new(AheadClock(Mutex::new(Duration::ZERO)));
    let passed = tokio::task::spawn_blocking(move || {
        let provider = Provider::start();
        let folder = tempfile::tempdir().unwrap();
        let server = server_for(&provider.issuer, &folder.path().join("broker"), &clock);
        let broker = server.broker_url.clone();
        let at = |name: &str| folder.path().join(name);
        let recovery = at("recovery.txt");
        let recovery = recovery.to_str().unwrap();
        let by_code = |question: &Value, name: &str, declines: bool| {
            assert_eq!(question["login"], "device");
            provider.visit(question["verification_uri_complete"].as_str().unwrap(), name, declines)
        };
        let by_browser = |question: &Value, name: &str| {
            assert_eq!(question["login"], "browser");
            let page = provider.visit(question["authorization_uri"].as_str().unwrap(), name, false);
            assert!(page.contains("You are logged in"), "{page}");
        };
        let init = ["init", "--broker", &broker, "--oidc", "--recovery-file", recovery];
        let a = Cli::new(&at("a"));

        // Somebody who declines, then somebody who may not come in.
        let (status, declined) = log_in(&a, &init, |question| drop(by_code(question, "ada", true)));
        assert_eq!((status, &declined["error"]["code"]), (11, &"login-declined".into()), "{declined}");
        let (status, blocked) = log_in(&a, &init, |question| drop(by_code(question, "mallory", false)));
        assert_eq!((status, &blocked["error"]["code"]), (11, &"identity-revoked".into()), "{blocked}");

        // RS256 by device code, whose tokens have no nonce at this provider; ES256 and EdDSA by a browser, whose tokens do.
        let (status, created) = log_in(&a, &init, |question| drop(by_code(question, "ada", false)));
        assert_eq!(status, 0, "{created}");
        a.json(&["member", "add", "Ada"]);
        let note = at("note.md");
        std::fs::write(&note, "# Hazelnut\n").unwrap();
        a.json(&["put", note.to_str().unwrap(), "--member", "Ada"]);
        a.json(&["sync"]);
        for (alg, keeps_old) in [("ES256", true), ("EdDSA", false)] {
            provider.change_keys(alg, keeps_old);
            clock.advance(Duration::seconds(61));
            let b = Cli::new(&at(alg));
            let join = ["join", "--broker", &broker, "--oidc", "--login", "browser", "--recovery-file", recovery];
            let (status, joined) = log_in(&b, &join, |question| by_browser(question, "ada"));
            assert_eq!(status, 0, "{alg}: {joined}");
            assert_eq!(joined["user_id"], created["user_id"]);
            b.json(&["sync"]);
            assert_eq!(b.json(&["list"])["records"].as_array().unwrap().len(), 1);
        }
        // A token by a key that the provider has withdrawn since counts as long as the keys do, and no longer.
        let write = |name: &str, token: &str| {
            std::fs::write(at(name), token).unwrap();
            at(name).to_str().unwrap().to_owned()
        };
        let early = write("early", &provider.token_of("ada"));
        let late = write("late", &provider.token_of("ada"));
        provider.change_keys("RS256", false);
        let w = Cli::new(&at("w"));
        let ways = ["join", "--broker", &broker, "--oidc", "--recovery-file", recovery, "--id-token-file"];
        w.json(&[&ways[..], &[&early]].concat());
        clock.advance(Duration::seconds(601));
        let x = Cli::new(&at("x"));
        x.fails(&[&ways[..], &[&late]].concat(), 11, "id-token-key");

        // Another person of the same provider is another account.
        let c = Cli::new(&at("c"));
        let browser = ["join", "--broker", &broker, "--oidc", "--login", "browser", "--recovery-file", recovery];
        let (status, other) = log_in(&c, &browser, |question| by_browser(question, "eve"));
        assert_eq!((status, &other["error"]["code"]), (11, &"account-not-found".into()), "{other}");

        // Under `required` a login by device code at this provider is refused, and the browser is what the command line takes.
        tokio::runtime::Handle::current().block_on(server.shutdown());
        let settings = OidcSettings::new("home", &provider.issuer, "tidegate-cli");
        let mut options = DevOptions::new(at("strict"));
        options.oidc = vec![settings];
        let strict = tokio::runtime::Handle::current().block_on(start(options)).unwrap();
        let d = Cli::new(&at("d"));
        let code = ["init", "--broker", &strict.broker_url, "--oidc", "--login", "device"];
        let (status, refused) = log_in(&d, &code, |question| drop(by_code(question, "ada", false)));
        assert_eq!((status, &refused["error"]["code"]), (11, &"id-token-nonce".into()), "{refused}");
        let (status, opened) =
            log_in(&d, &["init", "--broker", &strict.broker_url, "--oidc"], |question| by_browser(question, "ada"));
        assert_eq!(status, 0, "{opened}");
        tokio::runtime::Handle::current().block_on(strict.shutdown());
    });
    passed.await.unwrap();
}
