//! Faults of the addresses that clients are told.

use axum::Router;
use axum::response::Redirect;
use tidegate_broker::doctor::Status;
use tokio::net::TcpListener;

use super::personality::{Fault, behind};
use super::{assert_found, diagnose};
use crate::world::World;

#[tokio::test]
async fn a_public_url_that_nobody_answers_is_found() {
    let world = World::new().await;
    let mut config = world.config().clone();
    config.public_url = "http://127.0.0.1:1".to_owned();
    assert_found(&diagnose(&config).await, "public-url", Status::Failed, "nothing answers");
    config.public_url = "https://broker.does-not-exist.invalid".to_owned();
    assert_found(&diagnose(&config).await, "public-url", Status::Failed, "nothing answers");
}

#[tokio::test]
async fn a_broker_that_calls_itself_otherwise_than_the_proxy_before_it_is_found() {
    let world = World::new().await;
    let mut config = world.config().clone();
    config.public_url = config.public_url.replace("127.0.0.1", "localhost");
    assert_found(&diagnose(&config).await, "public-url", Status::Failed, "calls itself");
}

#[tokio::test]
async fn another_broker_behind_the_public_url_is_found() {
    let (one, other) = (World::new().await, World::new().await);
    let mut config = one.config().clone();
    config.public_url.clone_from(&other.config().public_url);
    assert_found(&diagnose(&config).await, "public-url", Status::Failed, "signing keys");
}

#[tokio::test]
async fn something_else_behind_the_public_url_and_a_redirect_are_found() {
    let world = World::new().await;
    let mut config = world.config().clone();
    config.public_url.clone_from(&config.store.endpoint_public);
    assert_found(&diagnose(&config).await, "public-url", Status::Failed, "no Tidegate broker");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.public_url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(|| async { Redirect::permanent("https://elsewhere.example.org/") });
    tokio::spawn(async move { axum::serve(listener, router).await });
    assert_found(&diagnose(&config).await, "public-url", Status::Failed, "https://elsewhere.example.org/");
}

#[tokio::test]
async fn https_to_a_port_that_serves_http_is_a_mistake_of_tls() {
    let world = World::new().await;
    let mut config = world.config().clone();
    config.public_url = config.public_url.replace("http://", "https://");
    assert_found(&diagnose(&config).await, "public-url-tls", Status::Failed, "TLS fails");
    let mut config = world.config().clone();
    config.store.endpoint_public = config.store.endpoint_public.replace("http://", "https://");
    assert_found(&diagnose(&config).await, "store-tls", Status::Failed, "TLS fails");
}

#[tokio::test]
async fn urls_that_name_a_host_of_the_inside_are_found_without_asking() {
    let world = World::new().await;
    let mut config = world.config().clone();
    config.public_url = "https://tidegate.does-not-exist.invalid".to_owned();
    assert_found(&diagnose(&config).await, "store-public-endpoint", Status::Failed, "this machine alone");
}

#[tokio::test]
async fn a_public_endpoint_that_does_not_answer_or_changes_the_host_is_found() {
    let world = World::new().await;
    let mut config = world.config().clone();
    config.store.endpoint_public = "http://127.0.0.1:1".to_owned();
    assert_found(&diagnose(&config).await, "store-public-endpoint", Status::Failed, "nothing answers");
    let config = behind(world.config(), Fault::ChangesHost).await;
    assert_found(&diagnose(&config).await, "store-public-endpoint", Status::Failed, "Host header");
}
