//! The end of a process, as clients and a balancer see it.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::device::{Account, send};
use crate::world::World;

/// One client that keeps its connection and signs again and again, until a reply says that the connection ends with it; how often it
/// was answered.
async fn signs_until_asked_to_leave(world: Arc<World>, user: u8) -> u32 {
    let device = world.device().await;
    let invite = world.invite(&format!("user{user}"), 1, time::Duration::days(1)).unwrap();
    let session = device.create_account(&invite.token, &Account::new(user)).await;
    let token = session.access_token.as_str();
    let client = reqwest::Client::builder().pool_max_idle_per_host(1).build().unwrap();
    let body = json!({ "items": [{ "method": "GET", "key": format!("users/{}/genesis.json", session.user_id) }] }).to_string();
    let mut answered = 0;
    loop {
        let proof = device.sign(&device.proof("POST", "/v1/presign", body.as_bytes(), Some(token)));
        let request = client.post(format!("{}/v1/presign", world.broker_url)).body(body.clone());
        let request = request.header("content-type", "application/json").header("dpop", proof);
        let reply = request.header("authorization", format!("DPoP {token}")).send().await.expect("no request fails");
        assert_eq!(reply.status(), 200);
        let leave = reply.headers().get("connection").is_some_and(|value| value == "close");
        assert!(reply.text().await.expect("no reply is cut").contains("signed"));
        answered += 1;
        if leave {
            return answered;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_the_broker_ends_under_load() {
    let world = Arc::new(World::new().await);
    let clients: Vec<_> = (1..=8).map(|user| tokio::spawn(signs_until_asked_to_leave(Arc::clone(&world), user))).collect();
    let ready = format!("{}/readyz", world.admin_url);
    // Until load is there: every client's account is.
    while world.keys().iter().filter(|key| key.ends_with("/genesis.json")).count() < 8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(send(Method::GET, &ready, &[], vec![]).await.status, 204);
    world.announce_end();
    let refused = send(Method::GET, &ready, &[], vec![]).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "draining"));
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    let url = format!("{}/healthz", world.broker_url);
    // Whoever comes late is still served.
    assert_eq!(send(Method::GET, &url, &[], vec![]).await.status, 204);
    let world = Arc::into_inner(world).unwrap();
    world.server.shutdown().await;
    assert!(reqwest::get(&url).await.is_err());
}

#[tokio::test]
async fn a_request_under_way_is_answered_and_an_idle_connection_closed() {
    let world = World::new().await;
    let address: SocketAddr = world.broker_url.rsplit('/').next().unwrap().parse().unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/presign HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 1024];
    let length = slow.read(&mut told).await.unwrap();
    // The handler waits for the body now.
    assert!(told[..length].starts_with(b"HTTP/1.1 100"));
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut told).await.unwrap() > 0);
    let ending = tokio::spawn(world.server.shutdown());
    assert_eq!(idle.read(&mut told).await.unwrap_or(0), 0);
    slow.write_all(b"{}").await.unwrap();
    let mut reply = String::new();
    slow.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 401") && reply.contains("proof-missing"), "{reply}");
    ending.await.unwrap();
}
