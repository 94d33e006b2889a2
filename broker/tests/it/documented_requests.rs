//! docs/requests.md is what happens: each request in it is sent to a live broker or its store, each reply compared.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use serde_json::Value;
use tidegate_broker::clock::Clock as _;
use tidegate_broker::config::OidcSettings;
use tidegate_protocol::Sha256;
use tidegate_protocol::account::{ProofPurpose, account_proof_message};
use tidegate_protocol::oidc::nonce;
use tidegate_testkit::oidc::{SigningKey, StandInIssuer};

use crate::device::{Account, Device, MASTER_KEY, Reply, master_key, send};
use crate::world::World;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/requests.md"));
const FENCE: &str = "```http\n";
const CLIENT: &str = "tidegate-app";

/// What stands in double braces, by name.
type Values = BTreeMap<String, String>;

struct Example {
    first_line: String,
    headers: Vec<(String, String)>,
    body: String,
}

#[tokio::test]
async fn every_request_of_the_page_is_answered_as_it_says() {
    let key = SigningKey::es256("first");
    let issuer = StandInIssuer::start(std::slice::from_ref(&key)).await;
    let world = World::with(|options| options.oidc = vec![OidcSettings::new("home", &issuer.url, CLIENT)]).await;
    let (device, account) = (world.device().await, Account::new(1));
    let mut values = known(&world, &device, &account);
    values.extend(log_in(&world, &device, &issuer, &key));
    let blocks: Vec<&str> = PAGE.split(FENCE).skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let pairs = blocks.chunks_exact(2);
    assert!(pairs.remainder().is_empty() && pairs.len() > 15);
    for pair in pairs {
        let request = read(&fill(pair[0], &values));
        let reply = ask(&device, &account, &request, &values).await;
        let expected = read(pair[1]);
        assert_eq!(expected.first_line, format!("HTTP/1.1 {}", reply.status), "{} {reply:?}", request.first_line);
        if !expected.body.is_empty() {
            let expected = serde_json::from_str(&expected.body).unwrap_or_else(|error| panic!("{}: {error}", expected.body));
            compare(&expected, &reply.json(), &mut values, &request.first_line);
        }
    }
}

/// What an app knows before its first call.
fn known(world: &World, device: &Device, account: &Account) -> Values {
    let (genesis, key) = (account.genesis.as_slice(), master_key(account.user()));
    let signature = |purpose| {
        let message = account_proof_message(purpose, &world.broker_url, account.user(), &device.thumbprint(), &device.nonce);
        URL_SAFE_NO_PAD.encode(account.key.sign(&message).to_bytes())
    };
    let checksum = |bytes: &[u8]| STANDARD.encode(Sha256::of(bytes).as_bytes());
    [
        ("broker", world.broker_url.clone()),
        ("invite", world.invite_for(1)),
        ("genesis", URL_SAFE_NO_PAD.encode(genesis)),
        ("account_signature", signature(ProofPurpose::Session)),
        ("deletion_signature", signature(ProofPurpose::DeleteAccount)),
        ("genesis_length", genesis.len().to_string()),
        ("genesis_sha256", Sha256::of(genesis).to_string()),
        ("genesis_checksum", checksum(genesis)),
        ("master_key", key.to_string()),
        ("master_key_length", MASTER_KEY.len().to_string()),
        ("master_key_sha256", Sha256::of(MASTER_KEY).to_string()),
        ("master_key_checksum", checksum(MASTER_KEY)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What a login with the issuer gives.
fn log_in(world: &World, device: &Device, issuer: &StandInIssuer, key: &SigningKey) -> Values {
    let salt = [7; 16];
    let nonce = nonce(&world.broker_url, &device.thumbprint(), &salt);
    let id_token = key.token(&issuer.claims(CLIENT, "ada", Some(&nonce), world.clock.now().unix_timestamp()));
    [("issuer", issuer.url.clone()), ("id_token", id_token), ("nonce_salt", URL_SAFE_NO_PAD.encode(salt))]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// With the values that are known; a proof and bytes are made when the request is sent.
fn fill(text: &str, values: &Values) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

fn read(block: &str) -> Example {
    let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
    let mut lines = head.lines();
    let first_line = lines.next().unwrap().to_owned();
    let headers = lines.map(|line| line.split_once(": ").unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Example { first_line, headers: headers.collect(), body: body.trim().to_owned() }
}

async fn ask(device: &Device, account: &Account, request: &Example, values: &Values) -> Reply {
    let (method, target) = request.first_line.split_once(' ').unwrap();
    let body = match request.body.as_str() {
        "{{genesis_bytes}}" => account.genesis.clone(),
        "{{master_key_bytes}}" => MASTER_KEY.to_vec(),
        body => body.as_bytes().to_vec(),
    };
    let mut headers = request.headers.clone();
    let authorization = request.headers.iter().find(|(name, _)| name == "Authorization");
    let token = authorization.map(|(_, value)| value.strip_prefix("DPoP ").unwrap());
    for (_, value) in request.headers.iter().filter(|(name, _)| name == "DPoP") {
        let token = if value == "{{renewal_proof}}" { Some(values["renewal_token"].as_str()) } else { token };
        let proof = device.sign(&device.proof(method, target, &body, token));
        headers.iter_mut().find(|(name, _)| name == "DPoP").unwrap().1 = proof;
    }
    let url = if target.starts_with("http") { target.to_owned() } else { format!("{}{target}", device.broker) };
    assert!(!url.contains("{{"), "nothing has told {url}");
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    send(method.parse().unwrap(), &url, &headers, body).await
}

/// Everything that is documented is there; a name in braces that is new takes its value, a known one must have it. Times and tokens are new each time.
fn compare(expected: &Value, found: &Value, values: &mut Values, place: &str) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected {
                let found = found.get(name).unwrap_or_else(|| panic!("{place}: no {name} in {found:?}"));
                compare(value, found, values, &format!("{place} {name}"));
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            assert_eq!(expected.len(), found.len(), "{place}");
            for (value, found) in expected.iter().zip(found) {
                compare(value, found, values, place);
            }
        }
        (Value::String(expected), Value::String(found)) if expected.starts_with("{{") => {
            let name = expected.trim_matches(['{', '}']);
            let is_new_each_time = ["time", "request_id"].contains(&name) || name.ends_with("_token") || name.ends_with("_url");
            let known = values.insert(name.to_owned(), found.clone());
            assert!(is_new_each_time || known.is_none_or(|known| known == *found), "{place}: {found}");
        }
        (expected, found) => assert_eq!(expected, found, "{place}"),
    }
}
