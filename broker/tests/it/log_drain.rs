//! The log drain over HTTP; what it reads and takes out is tested beside it.

use aws_lc_rs::hmac;
use reqwest::Method;
use secrecy::SecretString;

use crate::device::{Reply, send};
use crate::world::World;

const SECRET: &str = "thirty-two characters or more it is";

fn signature(body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, body)))
}

async fn drain(world: &World, body: &[u8], signature: &str) -> Reply {
    let url = format!("{}/v1/ops/log-drain", world.broker_url);
    let headers = [("content-type", "application/json"), ("x-log-drain-signature", signature)];
    send(Method::POST, &url, &headers, body.to_vec()).await
}

#[tokio::test]
async fn signed_entries_are_accepted_and_all_else_is_named() {
    let world = World::with(|options| options.log_drain_secret = Some(SecretString::from(SECRET))).await;
    let body = br#"[{"level":"info","message":"hello"}]"#;
    assert_eq!(drain(&world, body, &signature(body)).await.status, 202);
    let forged = drain(&world, body, &signature(b"{}")).await;
    assert_eq!((forged.status, forged.code().as_str()), (403, "log-drain-signature-invalid"));
    assert_eq!(drain(&world, b"text", &signature(b"text")).await.code(), "invalid-json");
    let large = vec![b' '; (128 << 10) + 1];
    assert_eq!(drain(&world, &large, &signature(&large)).await.code(), "body-too-large");
}

#[tokio::test]
async fn a_broker_without_the_secret_takes_no_logs() {
    let world = World::new().await;
    assert_eq!(drain(&world, b"{}", &signature(b"{}")).await.code(), "not-found");
}
