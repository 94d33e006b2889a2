//! Signing keys that change, and secrets that are read again, while a real process serves.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::tempdir;
use tidegate_protocol::session::SessionReply;

use crate::cli::run;
use crate::device::{Account, Device, send, use_url};
use crate::process::{Operator, Serve, free_address, text};
use crate::world::World;

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn published(broker: &str) -> Vec<String> {
    let reply = send(Method::GET, &format!("{broker}/.well-known/jwks.json"), &[], Vec::new()).await.json();
    reply["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn genesis_of(session: &SessionReply) -> Value {
    json!({ "method": "GET", "key": format!("users/{}/genesis.json", session.user_id) })
}

/// Signs and reads again and again until told to stop; every single call is answered.
async fn uses(device: Arc<Device>, session: SessionReply, stop: Arc<AtomicBool>, done: Arc<AtomicU32>) {
    while !stop.load(Ordering::Relaxed) {
        let signed = device.presign(&session.access_token, genesis_of(&session)).await;
        assert_eq!(signed["outcome"], "signed", "{signed}");
        assert_eq!(use_url(&signed, Vec::new()).await.status, 200);
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_and_credentials_change_without_a_failed_request_and_mistakes_change_nothing() {
    let (world, folder, listen) = (World::new().await, tempdir().unwrap(), free_address());
    let broker = format!("http://{listen}");
    let mut operator = Operator::new(folder.path(), &broker, &world.config().store);
    operator.more = "[rates]\nuser_per_minute = 0\naddress_per_minute = 0\nfailures_per_minute = 0\n".to_owned();
    let config = operator.write("broker.toml", listen);
    let serve = Serve::start(&config);
    let device = Arc::new(Device::new(&broker).await);
    let session = device.create_account(&operator.invite(&config, "anna"), &Account::new(1)).await;
    let renewal = session.renewal_token.clone().unwrap();
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let load = tokio::spawn(uses(Arc::clone(&device), session.clone(), Arc::clone(&stop), Arc::clone(&done)));

    // A key on its way is published and does not sign yet; a second one would leave replicas apart.
    let old = kid(&session.access_token);
    let (status, next) = run(&["keys", "rotate", "--config", text(&config), "--in", "1h"]);
    assert_eq!(status, 0, "{next}");
    let next = next["kid"].as_str().unwrap().to_owned();
    let (status, refused) = run(&["keys", "rotate", "--config", text(&config)]);
    assert_eq!((status, &refused["error"]["code"]), (10, &Value::from("rotation-under-way")));
    assert_eq!(published(&broker).await, [old.as_str()]);
    serve.signal("HUP");
    serve.told("the secrets were read again");
    assert_eq!(published(&broker).await, [old.clone(), next.clone()]);
    assert_eq!(kid(&device.renew(&renewal).await.session().access_token), old);

    // What is wrong with new secrets is told, and the old ones go on.
    let right = fs::read_to_string(&config).unwrap();
    let wrong = right.replace(&format!("{:?}", operator.store.state.access_key_id), "\"nobody\"");
    for (toml, complaint) in [
        ("this is no TOML".to_owned(), "the configuration cannot be read again"),
        (wrong, "the new secrets cannot be used"),
        (right.replace(&broker, "http://127.0.0.1:9"), "the new secrets cannot be used"),
    ] {
        fs::write(&config, toml).unwrap();
        serve.signal("HUP");
        serve.told(complaint);
    }
    let id = folder.path().join("server-id.key");
    let real = fs::read(&id).unwrap();
    fs::write(&id, "11".repeat(32)).unwrap();
    fs::write(&config, &right).unwrap();
    serve.signal("HUP");
    assert!(serve.told("the new secrets cannot be used").contains("server id key"));
    fs::write(&id, real).unwrap();

    // Another access key of the store signs from now on.
    operator.store.read = operator.store.state.clone();
    operator.write("broker.toml", listen);
    serve.signal("HUP");
    serve.told("the secrets were read again");
    let signed = device.presign(&session.access_token, genesis_of(&session)).await;
    assert!(signed["url"].as_str().unwrap().contains(&operator.store.state.access_key_id), "{signed}");
    assert_eq!(use_url(&signed, Vec::new()).await.status, 200);

    // The key's time comes: it is as if its file had said so from the beginning.
    let file = operator.keys().join(format!("{next}.pem"));
    let dated = fs::read_to_string(&file).unwrap();
    let dated: Vec<&str> = dated.lines().filter(|line| !line.starts_with("signs-from")).collect();
    fs::write(&file, format!("signs-from: 2026-01-01T00:00:00Z\n{}\n", dated.join("\n"))).unwrap();
    serve.signal("HUP");
    serve.told("the secrets were read again");
    let renewed = device.renew(&renewal).await.session();
    assert_eq!(kid(&renewed.access_token), next);
    assert_eq!(
        device.presign(&session.access_token, genesis_of(&session)).await["outcome"],
        "signed",
        "the old one still counts"
    );
    let before = done.load(Ordering::Relaxed);
    while done.load(Ordering::Relaxed) < before + 3 {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    load.await.unwrap();

    // A key that has leaked goes at once, and with it every token that it signed, known ones too.
    assert_eq!(run(&["keys", "rotate", "--config", text(&config), "--in", "0s", "--keep", "0s"]).0, 0);
    serve.signal("HUP");
    serve.told("the secrets were read again");
    let body = json!({ "items": [genesis_of(&session)] });
    for token in [&session.access_token, &renewed.access_token] {
        assert_eq!(device.call("POST", "/v1/presign", &body, Some(token)).await.code(), "token-invalid");
    }
    assert_eq!(device.renew(&renewal).await.code(), "token-invalid");
    let (_, dropping) = run(&["keys", "rotate", "--config", text(&config), "--in", "1h"]);
    let mut dropped: Vec<_> = dropping["dropped"].as_array().unwrap().iter().map(|kid| kid.as_str().unwrap()).collect();
    dropped.sort_unstable();
    let mut expected = [old.as_str(), next.as_str()];
    expected.sort_unstable();
    assert_eq!(dropped, expected);
    assert!(!operator.keys().join(format!("{old}.pem")).exists());
    serve.end();
}
