//! TLS in the process itself.

use tidegate_broker::config::TlsFiles;
use tidegate_broker::dev::DevOptions;

use crate::world::World;

#[tokio::test]
async fn the_broker_speaks_tls_by_its_own_certificate_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let files = TlsFiles { certificate_file: folder.path().join("tls.pem"), key_file: folder.path().join("tls.key") };
    std::fs::write(&files.certificate_file, made.cert.pem()).unwrap();
    std::fs::write(&files.key_file, made.signing_key.serialize_pem()).unwrap();
    let world = World::with(|options: &mut DevOptions| options.tls = Some(files)).await;
    let url = format!("{}/healthz", world.broker_url);
    assert!(url.starts_with("https://127.0.0.1:"));
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let trusting = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
    let reply = trusting.get(&url).send().await.unwrap();
    assert_eq!(reply.status(), 204);
    assert_eq!(reply.headers()["strict-transport-security"], "max-age=31536000");
    assert!(reqwest::get(&url).await.is_err(), "nobody else's root signed it");
    assert!(reqwest::get(url.replacen("https", "http", 1)).await.is_err(), "plain HTTP is not answered");
    // The operator's own network has no certificate.
    assert_eq!(reqwest::get(format!("{}/healthz", world.admin_url)).await.unwrap().status(), 204);
}
