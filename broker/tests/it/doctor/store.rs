//! Faults of the store, of its keys and of what stands before it.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use tidegate_broker::config::{Config, CredentialSource, StsSettings};
use tidegate_broker::doctor::{Diagnosis, Status, examine};
use tidegate_broker::{Addressing, Probing, StoreCredential};
use tidegate_protocol::capability::Attack;
use time::Duration;
use tokio::net::TcpListener;

use super::personality::{Fault, behind};
use super::{assert_found, diagnose};
use crate::world::{TestClock, World};

async fn with(change: impl FnOnce(&mut Config)) -> (World, Diagnosis) {
    let world = World::new().await;
    let mut config = world.config().clone();
    change(&mut config);
    let diagnosis = diagnose(&config).await;
    (world, diagnosis)
}

async fn spoilt(fault: Fault) -> Diagnosis {
    let world = World::new().await;
    diagnose(&behind(world.config(), fault).await).await
}

/// A server that answers everything so; its address.
async fn that_answers(status: StatusCode, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(move || async move { (status, body) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn where_all_is_well_nothing_is_found_and_nothing_is_left_behind() {
    let world = World::new().await;
    let before = world.keys();
    let diagnosis = diagnose(world.config()).await;
    for check in &diagnosis.checks {
        assert!(matches!(check.status, Status::Ok | Status::Skipped), "{check:?}");
        assert!(check.status == Status::Ok || check.cause.is_some(), "{check:?}");
    }
    let skipped: Vec<_> = diagnosis.checks.iter().filter(|check| check.status == Status::Skipped).map(|check| check.id).collect();
    assert_eq!(skipped, ["public-url-tls", "store-cors", "temporary-credentials"]);
    assert_eq!(world.keys(), before);
}

#[tokio::test]
async fn a_wrong_region_is_found_and_the_right_one_told() {
    let (_world, diagnosis) = with(|config| "eu-elsewhere-1".clone_into(&mut config.store.region)).await;
    assert_found(&diagnosis, "store-region", Status::Failed, "eu-elsewhere-1");
    assert_eq!(diagnosis.check("store-scope").unwrap().status, Status::Skipped);
    let telling = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>";
    let telling = that_answers(StatusCode::BAD_REQUEST, telling).await;
    let (_world, diagnosis) = with(|config| config.store.endpoint_internal = telling).await;
    assert_found(&diagnosis, "store-region", Status::Failed, "it is in eu-central-1");
    assert!(diagnosis.check("store-region").unwrap().fix.as_ref().unwrap().contains("eu-central-1"));
}

#[tokio::test]
async fn virtual_host_where_the_store_wants_path_style_is_found() {
    let (_world, diagnosis) = with(|config| {
        config.store.addressing = Addressing::VirtualHost;
        for endpoint in [&mut config.store.endpoint_internal, &mut config.store.endpoint_public] {
            *endpoint = endpoint.replace("127.0.0.1", "localhost");
        }
    })
    .await;
    assert_found(&diagnosis, "store-addressing", Status::Failed, "virtual-host");
    assert!(diagnosis.check("store-addressing").unwrap().fix.as_ref().unwrap().contains("path"));
}

#[tokio::test]
async fn a_missing_bucket_is_found() {
    let (_world, diagnosis) = with(|config| "elsewhere".clone_into(&mut config.store.bucket)).await;
    assert_found(&diagnosis, "store-bucket", Status::Failed, "elsewhere");
}

#[tokio::test]
async fn keys_that_the_store_does_not_know_or_that_are_over_are_found() {
    let (world, diagnosis) = with(|config| config.store.state = StoreCredential::new("nobody", "secret")).await;
    assert_found(&diagnosis, "store-credentials", Status::Failed, "store.state");
    let mut config = world.config().clone();
    config.store.state = StoreCredential::new(&config.store.state.access_key_id, "mistyped");
    assert_found(&diagnose(&config).await, "store-credentials", Status::Failed, "secret is wrong");
    let mut config = world.config().clone();
    config.store.read = StoreCredential::new("nobody", "secret");
    assert_found(&diagnose(&config).await, "store-credentials", Status::Failed, "store.read");
    let over = that_answers(StatusCode::FORBIDDEN, "<Error><Code>ExpiredToken</Code></Error>").await;
    let mut config = world.config().clone();
    config.store.endpoint_internal = over;
    assert_found(&diagnose(&config).await, "store-credentials", Status::Failed, "is over");
}

#[tokio::test]
async fn one_key_for_everything_is_over_broad() {
    let (_world, diagnosis) = with(|config| {
        config.store.read = config.store.state.clone();
        config.store.write = config.store.state.clone();
    })
    .await;
    assert_found(&diagnosis, "store-rights", Status::Warning, "store.write can read objects");
    assert!(diagnosis.check("store-rights").unwrap().cause.as_ref().unwrap().contains("store.read can delete objects"));
}

#[tokio::test]
async fn a_clock_that_is_off_is_found_before_and_after_the_store_refuses_it() {
    let world = World::new().await;
    for (minutes, status) in [(2, Status::Warning), (10, Status::Failed), (20, Status::Failed), (-20, Status::Failed)] {
        let clock = TestClock::new();
        clock.advance(Duration::minutes(minutes));
        let diagnosis = examine(world.config(), Arc::new(clock)).await;
        assert_found(&diagnosis, "clock", status, "");
    }
}

#[tokio::test]
async fn missing_cors_for_a_configured_origin_is_found() {
    let (_world, diagnosis) = with(|config| config.cors_origins = vec!["https://app.example.org".to_owned()]).await;
    assert_found(&diagnosis, "store-cors", Status::Failed, "https://app.example.org");
}

#[tokio::test]
async fn a_bucket_that_is_open_to_everybody_is_found() {
    let diagnosis = spoilt(Fault::Open).await;
    assert_found(&diagnosis, "store-anonymous", Status::Failed, "anonymous-read");
    assert!(diagnosis.check("store-anonymous").unwrap().cause.as_ref().unwrap().contains("anonymous-write"));
}

#[tokio::test]
async fn what_the_operator_lives_with_is_a_warning_and_nothing_beside_it() {
    let world = World::new().await;
    let mut config = behind(world.config(), Fault::Open).await;
    let mut accepted_risks = vec![Attack::AnonymousRead, Attack::AnonymousList];
    config.store.probing = Some(Probing { accepted_risks: accepted_risks.clone(), ..Probing::default() });
    assert_found(&diagnose(&config).await, "store-anonymous", Status::Failed, "anonymous-write");
    accepted_risks.push(Attack::AnonymousWrite);
    config.store.probing = Some(Probing { accepted_risks, ..Probing::default() });
    assert_found(&diagnose(&config).await, "store-anonymous", Status::Warning, "store.accepted_risks");
}

#[tokio::test]
async fn a_url_of_one_prefix_that_works_on_another_is_found() {
    let diagnosis = spoilt(Fault::ChecksNothing).await;
    assert_found(&diagnosis, "store-scope", Status::Failed, "altered-key");
    assert_found(&diagnosis, "store-sibling-prefix", Status::Failed, "altered-query");
}

#[tokio::test]
async fn ignored_preconditions_are_found_and_stop_subscriptions() {
    let world = World::new().await;
    let config = behind(world.config(), Fault::DropsConditions).await;
    assert_found(&diagnose(&config).await, "store-preconditions", Status::Warning, "ignored");
    let mut profile = tidegate_protocol::capability::StoreProfile::IGNORING;
    let hosted = tidegate_broker::doctor::from_profile(&profile, true, &[], &[]);
    assert_eq!((hosted[0].id, hosted[0].status), ("store-preconditions", Status::Failed));
    profile = tidegate_protocol::capability::StoreProfile::ATOMIC;
    assert_eq!(tidegate_broker::doctor::from_profile(&profile, true, &[], &[])[0].status, Status::Ok);
}

#[tokio::test]
async fn crc32_trailers_that_spoil_bodies_are_found() {
    assert_found(&spoilt(Fault::StoresChunksRaw).await, "store-crc32", Status::Warning, "CRC32");
}

#[tokio::test]
async fn what_answers_and_is_no_store_is_found() {
    let page = that_answers(StatusCode::OK, "<html>welcome</html>").await;
    let (_world, diagnosis) = with(|config| config.store.endpoint_internal = page).await;
    assert_found(&diagnosis, "store-endpoint", Status::Failed, "no S3 store");
    let (_world, diagnosis) = with(|config| "http://127.0.0.1:1".clone_into(&mut config.store.endpoint_internal)).await;
    assert_found(&diagnosis, "store-endpoint", Status::Failed, "127.0.0.1:1");
}

#[tokio::test]
async fn a_token_service_that_cannot_be_used_is_found() {
    let (_world, diagnosis) = with(|config| {
        config.credentials = Some(CredentialSource::Sts(StsSettings {
            endpoint: "http://127.0.0.1:1".parse().unwrap(),
            region: "us-east-1".to_owned(),
            role_arn: None,
            bounds_time: true,
        }));
    })
    .await;
    assert_found(&diagnosis, "temporary-credentials", Status::Failed, "token service");
}
