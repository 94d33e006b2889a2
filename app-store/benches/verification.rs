//! What verifying costs: cold beside rustls-webpki and aws-lc-rs called by hand, with a remembered chain beside one bare ES256
//! verification, and both beside Apple's own libraries where `--apple FOLDER` has them (`just bench-app-store`).
//!
//! The contestants take turns in small batches, so that a busy machine slows all of them alike; medians are compared.

#![expect(clippy::unwrap_used, reason = "a benchmark is no library, and fails loudly")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::{Value, json};
use tidegate_app_store::{
    AppIdentity, ChainStanding, Environment, NoOcsp, Roots, UnverifiedJws, VerifiedTransaction, Verifier, VerifierOptions,
};
use tidegate_testkit::apple::{BUNDLE_ID, TestCa, transaction};
use time::OffsetDateTime;
use time::macros::datetime;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs as algorithms};

const NOW: OffsetDateTime = datetime!(2026-06-15 13:00 UTC);
const APP_ID: i64 = 6_400_000_001;
const ROUNDS: usize = 300;
const BATCH: u32 = 10;
/// A remembered chain is forgotten after 15 minutes: stepping further makes every verification a cold one.
const STEP: time::Duration = time::Duration::minutes(16);

fn main() {
    let apple = std::env::args().skip_while(|argument| argument != "--apple").nth(1);
    let is_checked = std::env::args().any(|argument| argument == "--check");
    let ca = TestCa::new();
    let jws = ca.sign(&transaction(json!({})));
    let options = VerifierOptions::default();
    let verifier = Verifier::new(Roots::from_der([ca.root_der()]).unwrap(), options);
    let app = AppIdentity {
        bundle_ids: vec![BUNDLE_ID.to_owned()],
        app_apple_id: Some(APP_ID),
        environments: vec![Environment::Production],
    };
    let mut at = NOW;
    let mut cold = || {
        at += STEP;
        verify(&verifier, &app, &jws, at);
    };
    let root = ca.root_der();
    let mut by_hand = || verify_by_hand(&root, &jws);
    let warm_verifier = Verifier::new(Roots::from_der([ca.root_der()]).unwrap(), options);
    verify(&warm_verifier, &app, &jws, NOW);
    let mut cached = || verify(&warm_verifier, &app, &jws, NOW);
    let (point, signed, signature) = taken_apart(&ca, &jws);
    let mut bare = || UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).verify(signed.as_bytes(), &signature).unwrap();
    let [cold, by_hand, cached, bare] = medians([&mut cold, &mut by_hand, &mut cached, &mut bare]);
    let (cold_ratio, cached_ratio) = (ratio(cold, by_hand), ratio(cached, bare));

    println!("| what | time | |\n|---|---|---|");
    println!("| cold: form, signature, Apple's rules, path, payload | {} | {cold_ratio:.3} x by hand |", micros(cold));
    println!("| rustls-webpki and aws-lc-rs by hand | {} | |", micros(by_hand));
    println!("| with a remembered chain | {} | {cached_ratio:.3} x bare |", micros(cached));
    println!("| one bare ES256 verification | {} | |", micros(bare));
    let mut is_within = cold_ratio <= 1.05 && cached_ratio <= 1.15;
    for (name, theirs) in apple.iter().flat_map(|folder| apples_own(Path::new(folder), &ca, &jws)) {
        let times = ratio(theirs, cold);
        is_within &= times >= 4.0;
        println!("| {name}, cold | {} | {times:.1} x ours |", micros(theirs));
    }
    assert!(is_within || !is_checked, "slower than it may be");
}

fn verify(verifier: &Verifier, app: &AppIdentity, jws: &str, now: OffsetDateTime) {
    let signed = verifier.verify(UnverifiedJws::parse(jws).unwrap(), now).unwrap();
    let standing = ChainStanding::by_policy(signed.chain(), NoOcsp::Off);
    black_box(VerifiedTransaction::read(&signed.accept(standing).unwrap(), app).unwrap());
}

/// The least that somebody would write: no strictness, no Apple rules, no dates but webpki's.
fn verify_by_hand(root: &[u8], jws: &str) {
    let root = CertificateDer::from(root);
    let anchors = [anchor_from_trusted_cert(&root).unwrap()];
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let der = |index: usize| STANDARD.decode(header["x5c"][index].as_str().unwrap()).unwrap();
    let (leaf, intermediates) = (CertificateDer::from(der(0)), [CertificateDer::from(der(1))]);
    let leaf = EndEntityCert::try_from(&leaf).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(NOW.unix_timestamp()).unwrap()));
    let path_algorithms = [algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P256_SHA256];
    leaf.verify_for_usage(&path_algorithms, &anchors, &intermediates, now, KeyUsage::client_auth(), None, None).unwrap();
    let key = leaf.subject_public_key_info();
    let point = &key[key.len() - 65..];
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed.as_bytes(), &signature).unwrap();
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap();
    black_box(serde_json::from_slice::<tidegate_app_store::Transaction>(&payload).unwrap());
}

/// The leaf's point, what is signed, and the signature.
fn taken_apart<'a>(ca: &TestCa, jws: &'a str) -> (Vec<u8>, &'a str, Vec<u8>) {
    let leaf = CertificateDer::from(ca.chain_der()[0].clone());
    let key = EndEntityCert::try_from(&leaf).unwrap().subject_public_key_info();
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    (key[key.len() - 65..].to_vec(), signed, URL_SAFE_NO_PAD.decode(signature).unwrap())
}

/// The median time of one call of each.
fn medians<const N: usize>(mut contestants: [&mut dyn FnMut(); N]) -> [Duration; N] {
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            for _ in 0..BATCH {
                contestant();
            }
            times.push(begun.elapsed() / BATCH);
        }
    }
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    })
}

/// Apple's libraries of the same run: each prints the median nanoseconds of one verification by a new verifier.
fn apples_own(folder: &Path, ca: &TestCa, jws: &str) -> Vec<(&'static str, Duration)> {
    let input = json!({ "root": STANDARD.encode(ca.root_der()), "jws": jws, "bundleId": BUNDLE_ID, "appAppleId": APP_ID });
    let file = folder.join("input.json");
    std::fs::write(&file, input.to_string()).unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/apple");
    std::fs::copy(scripts.join("verify.mjs"), folder.join("verify.mjs")).unwrap();
    let mut node = Command::new("node");
    node.arg(folder.join("verify.mjs")).arg(&file);
    let mut python = Command::new(folder.join("python/bin/python"));
    python.arg(scripts.join("verify.py")).arg(&file);
    [("@apple/app-store-server-library (npm)", node), ("app-store-server-library (PyPI)", python)]
        .into_iter()
        .map(|(name, mut command)| {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            let nanos: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
            (name, Duration::from_nanos(nanos))
        })
        .collect()
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
