//! Mistakes of certificates over real TLS. The doctor runs as a program that trusts an authority of the tests' own.

use std::fs;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::apple::pem_of;
use crate::cli::run_with;
use crate::config::Folder;

/// DER of a certificate, and its key.
type Certificate = (Vec<u8>, KeyPair);

fn authority() -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    (Issuer::new(params, key), pem_of(&der))
}

fn params(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).unwrap()
}

fn issued(by: &Issuer<'static, KeyPair>, params: &CertificateParams) -> Certificate {
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, by).unwrap().der().to_vec(), key)
}

/// Answers everything with 404, over TLS by this certificate; its port.
async fn serve((der, key): Certificate) -> u16 {
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = config.with_no_client_auth().with_single_cert(vec![der.into()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.read(&mut [0; 16 << 10]).await;
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

/// What the doctor says of a broker and a store at `https://localhost` with this certificate, trusting the authority in this PEM alone.
async fn doctor(trusted: &str, certificate: Certificate) -> (i32, Value) {
    let url = format!("https://localhost:{}", serve(certificate).await);
    let folder = Folder::new();
    let (file, authority) = (folder.path("broker.toml"), folder.path("authority.pem"));
    let toml = folder.toml().replace("https://tidegate.example.org", &url).replace("http://127.0.0.1:1", &url);
    fs::write(&file, toml).unwrap();
    fs::write(&authority, trusted).unwrap();
    let run = move || run_with(&["doctor", "--config", file.to_str().unwrap()], &[("SSL_CERT_FILE", &authority)]);
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn check<'a>(json: &'a Value, id: &str) -> &'a Value {
    json["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}

#[track_caller]
fn assert_found((code, json): &(i32, Value), cause: &str, fix: &str) {
    assert_eq!(*code, 10, "{json}");
    for id in ["public-url-tls", "store-tls"] {
        let check = check(json, id);
        assert_eq!(check["status"], "failed", "{check}");
        assert!(check["cause"].as_str().unwrap().contains(cause), "{check}");
        assert!(check["fix"].as_str().unwrap().contains(fix), "{check}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_right_is_no_matter_of_tls() {
    let (authority, pem) = authority();
    let (code, json) = doctor(&pem, issued(&authority, &params("localhost"))).await;
    assert_eq!(check(&json, "public-url-tls")["status"], "ok", "{json}");
    assert_eq!(check(&json, "store-tls")["status"], "skipped", "what answers is no store: {json}");
    assert_eq!(code, 12, "{json}");
    assert!(check(&json, "public-url")["cause"].as_str().unwrap().contains("no Tidegate broker"), "{json}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_certificate_is_found() {
    let (authority, pem) = authority();
    let mut expired = params("localhost");
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 2, 1));
    assert_found(&doctor(&pem, issued(&authority, &expired)).await, "expired", "renew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_the_future_is_found() {
    let (authority, pem) = authority();
    let mut early = params("localhost");
    (early.not_before, early.not_after) = (date_time_ymd(2120, 1, 1), date_time_ymd(2121, 1, 1));
    assert_found(&doctor(&pem, issued(&authority, &early)).await, "not valid yet", "clock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_for_another_host_is_found() {
    let (authority, pem) = authority();
    let other = issued(&authority, &params("other.example.org"));
    assert_found(&doctor(&pem, other).await, "other.example.org", "names this host");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_signs_itself_is_found() {
    let (_, pem) = authority();
    let key = KeyPair::generate().unwrap();
    let der = params("localhost").self_signed(&key).unwrap().der().to_vec();
    assert_found(&doctor(&pem, (der, key)).await, "UnknownIssuer", "whole chain");
}
