//! What strangers and users may cost, tried from outside.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tidegate_broker::dev::DevOptions;
use tidegate_broker::{Rate, RateLimits, TrustedProxies};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::device::{Account, Device, Reply, send};
use crate::world::World;

const FORWARDED_FOR: &str = "x-forwarded-for";

const fn burst(burst: u32) -> Rate {
    Rate { per_minute: 60, burst }
}

async fn with_rates(rates: RateLimits) -> World {
    World::with(|options: &mut DevOptions| options.limits.rates = rates).await
}

async fn behind_proxy(rates: RateLimits) -> World {
    World::with(|options: &mut DevOptions| {
        options.limits.rates = rates;
        options.trusted_proxies = TrustedProxies::parse(["loopback"]).unwrap();
    })
    .await
}

async fn capabilities(world: &World, headers: &[(&str, &str)]) -> Reply {
    send(Method::GET, &format!("{}/v1/capabilities", world.broker_url), headers, vec![]).await
}

async fn presign(device: &Device, token: &str) -> Reply {
    device.call("POST", "/v1/presign", &json!({ "items": [{ "method": "GET", "key": "users/x" }] }), Some(token)).await
}

/// Asks until it is refused; how often it was answered.
async fn use_up(world: &World, headers: &[(&str, &str)]) -> u32 {
    let mut answered = 0;
    while capabilities(world, headers).await.status == 200 {
        answered += 1;
        assert!(answered < 1_000, "there is no limit");
    }
    answered
}

#[tokio::test]
async fn a_stranger_who_comes_too_often_is_told_when_to_come_back() {
    let world = with_rates(RateLimits { address: burst(2), ..RateLimits::OFF }).await;
    let first = capabilities(&world, &[]).await;
    assert_eq!(first.headers["ratelimit-policy"], r#""address";q=2;w=2"#);
    assert_eq!(first.headers["ratelimit"], r#""address";r=1;t=1"#);
    capabilities(&world, &[]).await;
    let refused = capabilities(&world, &[]).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate-limited"));
    assert_eq!((refused.headers["retry-after"].as_str(), refused.headers["ratelimit"].as_str()), ("1", r#""address";r=0;t=1"#));
    assert_eq!(refused.headers["x-content-type-options"], "nosniff");
    let health = send(Method::GET, &format!("{}/healthz", world.broker_url), &[], vec![]).await;
    assert_eq!(health.status, 204);
    world.clock.advance(time::Duration::seconds(1));
    assert_eq!(capabilities(&world, &[]).await.status, 200);
    assert_eq!(capabilities(&world, &[]).await.status, 429);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_limited_like_any_other() {
    let world = with_rates(RateLimits { address: burst(3), ..RateLimits::OFF }).await;
    let mut codes = Vec::new();
    for path in ["/a", "/b", "/c", "/d"] {
        codes.push(send(Method::GET, &format!("{}{path}", world.broker_url), &[], vec![]).await.code());
    }
    assert_eq!(codes, ["not-found", "not-found", "not-found", "rate-limited"]);
}

#[tokio::test]
async fn a_neighbour_behind_the_same_address_does_not_shut_out_who_is_signed_in() {
    let world = with_rates(RateLimits { address: burst(30), failures: burst(3), ..RateLimits::OFF }).await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    // The first call with a new token is a stranger's: nobody has verified it yet.
    assert_eq!(presign(&device, token).await.status, 200);
    use_up(&world, &[]).await;
    for _ in 0..20 {
        assert_eq!(presign(&device, token).await.status, 200);
    }
    assert_eq!(capabilities(&world, &[]).await.code(), "rate-limited");
}

#[tokio::test]
async fn an_address_that_nobody_trusted_vouches_for_is_not_believed() {
    let world = with_rates(RateLimits { address: burst(5), ..RateLimits::OFF }).await;
    let mut answered = 0;
    for last in 0..20 {
        let spoofed = format!("198.51.100.{last}");
        if capabilities(&world, &[(FORWARDED_FOR, spoofed.as_str())]).await.status == 200 {
            answered += 1;
        }
    }
    assert_eq!(answered, 5);
}

#[tokio::test]
async fn behind_a_trusted_proxy_everybody_has_a_limit_of_their_own() {
    let world = behind_proxy(RateLimits { address: burst(5), ..RateLimits::OFF }).await;
    assert_eq!(use_up(&world, &[(FORWARDED_FOR, "198.51.100.1")]).await, 5);
    assert_eq!(use_up(&world, &[(FORWARDED_FOR, "198.51.100.2")]).await, 5);
    // What a client writes before the proxy's own entry is not looked at.
    assert_eq!(use_up(&world, &[(FORWARDED_FOR, "203.0.113.9, 198.51.100.1")]).await, 0);
    assert_eq!(use_up(&world, &[(FORWARDED_FOR, "203.0.113.9"), (FORWARDED_FOR, "198.51.100.2")]).await, 0);
    // One customer has a whole /64.
    assert_eq!(use_up(&world, &[(FORWARDED_FOR, "2001:db8:1:2::1")]).await, 5);
    assert_eq!(use_up(&world, &[(FORWARDED_FOR, "2001:db8:1:2:abcd:ef01:2345:6789")]).await, 0);
    assert_eq!(use_up(&world, &[(FORWARDED_FOR, "2001:db8:1:3::1")]).await, 5);
}

#[tokio::test]
async fn guesses_at_tokens_are_not_listened_to_for_long() {
    let world = behind_proxy(RateLimits { failures: burst(3), ..RateLimits::OFF }).await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let guess = async |from: &str| {
        let forged = format!("{token}x");
        let proof = device.sign(&device.proof("POST", "/v1/presign", b"{}", Some(&forged)));
        let authorization = format!("DPoP {forged}");
        let headers = [("dpop", proof.as_str()), ("authorization", &authorization), (FORWARDED_FOR, from)];
        send(Method::POST, &format!("{}/v1/presign", world.broker_url), &headers, b"{}".to_vec()).await
    };
    for _ in 0..4 {
        assert_eq!(guess("198.51.100.1").await.code(), "token-invalid");
    }
    let refused = guess("198.51.100.1").await;
    assert_eq!((refused.code().as_str(), refused.headers["retry-after"].as_str()), ("rate-limited", "60"));
    assert_eq!(capabilities(&world, &[(FORWARDED_FOR, "198.51.100.1")]).await.code(), "rate-limited");
    assert_eq!(guess("198.51.100.2").await.code(), "token-invalid");
    assert_eq!(presign(&device, token).await.status, 200);
    world.clock.advance(time::Duration::seconds(61));
    assert_eq!(guess("198.51.100.1").await.code(), "token-invalid");
}

#[tokio::test]
async fn a_thief_of_a_token_shuts_nobody_out_but_itself() {
    let rates = RateLimits { failures: burst(3), user: burst(5), ..RateLimits::OFF };
    let world = behind_proxy(rates).await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    assert_eq!(presign(&device, token).await.status, 200);
    let thief = world.device().await;
    let steal = async || {
        let proof = thief.sign(&thief.proof("POST", "/v1/presign", b"{}", Some(token)));
        let authorization = format!("DPoP {token}");
        let headers = [("dpop", proof.as_str()), ("authorization", &authorization), (FORWARDED_FOR, "198.51.100.1")];
        send(Method::POST, &format!("{}/v1/presign", world.broker_url), &headers, b"{}".to_vec()).await.code()
    };
    for _ in 0..4 {
        assert_eq!(steal().await, "token-invalid");
    }
    for _ in 0..10 {
        assert_eq!(steal().await, "rate-limited");
    }
    // None of that was counted on the owner, who is refused for their own calls alone.
    let user = presign(&device, token).await;
    assert_eq!(user.headers["ratelimit-policy"], r#""user";q=5;w=5"#);
    assert_eq!(user.status, 200);
}

#[tokio::test]
async fn a_token_without_a_proof_is_no_way_past_the_limits() {
    let world = behind_proxy(RateLimits { address: burst(40), ..RateLimits::OFF }).await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    assert_eq!(presign(&device, token).await.status, 200);
    let authorization = format!("DPoP {token}");
    let headers = [("authorization", authorization.as_str()), (FORWARDED_FOR, "198.51.100.1")];
    let mut codes = Vec::new();
    for _ in 0..60 {
        codes.push(send(Method::POST, &format!("{}/v1/presign", world.broker_url), &headers, vec![]).await.code());
    }
    assert_eq!((codes[0].as_str(), codes[59].as_str()), ("proof-missing", "rate-limited"));
    assert_eq!(presign(&device, token).await.status, 200);
}

#[tokio::test]
async fn a_user_has_one_limit_with_all_devices_and_another_user_another() {
    let world = with_rates(RateLimits { user: burst(6), ..RateLimits::OFF }).await;
    let (device, session) = world.enrolled().await;
    let (other_device, other) = {
        let device = world.device().await;
        let invite = world.invite("berta", 1, time::Duration::days(7)).unwrap();
        let session = device.create_account(&invite.token, &Account::new(2)).await;
        (device, session)
    };
    let mut last = presign(&device, &session.access_token).await;
    for _ in 0..6 {
        last = presign(&device, &session.access_token).await;
    }
    assert_eq!((last.status, last.code().as_str()), (429, "rate-limited"));
    assert_eq!((last.headers["retry-after"].as_str(), last.headers["ratelimit"].as_str()), ("1", r#""user";r=0;t=1"#));
    assert_eq!(presign(&other_device, &other.access_token).await.status, 200);
    world.clock.advance(time::Duration::seconds(1));
    assert_eq!(presign(&device, &session.access_token).await.status, 200);
}

fn address(world: &World) -> SocketAddr {
    world.broker_url.rsplit('/').next().unwrap().parse().unwrap()
}

/// Sends bytes as they are, and what comes back until the connection ends.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(world)).await.unwrap();
    // The broker may close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut reply = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(300), stream.read_to_end(&mut reply)).await.expect("the connection was kept");
    String::from_utf8(reply).unwrap()
}

#[tokio::test]
async fn heads_that_never_end_end_their_connection() {
    let world = World::with(|options: &mut DevOptions| options.limits.head_seconds = 1).await;
    for begun in ["", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        assert_eq!(raw(&world, begun.as_bytes()).await, "", "{begun:?}");
    }
    // One after a whole request, dripping: the deadline is not put off by more bytes.
    let mut stream = TcpStream::connect(address(&world)).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut reply = [0; 1024];
    assert!(stream.read(&mut reply).await.unwrap() > 0);
    let dripping = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), dripping).await.expect("the connection was kept");
}

#[tokio::test]
async fn a_body_that_trickles_gives_its_place_back() {
    let world = World::with(|options: &mut DevOptions| options.limits.body_seconds = 1).await;
    for path in ["/v1/presign", "/v1/ops/log-drain"] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{{");
        let reply = raw(&world, head.as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 503") && reply.contains("\"code\":\"timeout\""), "{reply}");
    }
}

#[tokio::test]
async fn slow_bodies_of_one_address_leave_room_for_others() {
    let world = World::with(|options: &mut DevOptions| {
        options.limits.concurrent_per_address = 2;
        options.limits.body_seconds = 600;
        options.trusted_proxies = TrustedProxies::parse(["loopback"]).unwrap();
    })
    .await;
    let (device, session) = world.enrolled().await;
    assert_eq!(presign(&device, &session.access_token).await.status, 200);
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address(&world)).await.unwrap();
        let head = "POST /v1/presign HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 198.51.100.1\r\ncontent-length: 100\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    while capabilities(&world, &[(FORWARDED_FOR, "198.51.100.1")]).await.status == 200 {}
    assert_eq!(capabilities(&world, &[(FORWARDED_FOR, "198.51.100.1")]).await.code(), "overloaded");
    assert_eq!(capabilities(&world, &[(FORWARDED_FOR, "198.51.100.2")]).await.status, 200);
    assert_eq!(presign(&device, &session.access_token).await.status, 200);
    drop(held);
    while capabilities(&world, &[(FORWARDED_FOR, "198.51.100.1")]).await.status != 200 {}
}

#[tokio::test]
async fn floods_of_headers_and_endless_urls_are_refused() {
    let world = World::new().await;
    let request = |headers: &str| format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    let many: String = (0..100).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(40 << 10));
    for flood in [many, long] {
        let reply = raw(&world, request(&flood).as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 431"), "{reply}");
    }
    let endless = format!("{}/v1/presigned-url/{}", world.broker_url, "a".repeat(5_000));
    assert_eq!(send(Method::GET, &endless, &[], vec![]).await.code(), "url-too-long");
    assert_eq!(capabilities(&world, &[]).await.status, 200);
}

#[tokio::test]
async fn one_address_does_not_hold_all_connections() {
    let world = World::with(|options: &mut DevOptions| options.limits.connections_per_address = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address(&world)).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        held.push(stream);
    }
    assert_eq!(raw(&world, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await, "");
    drop(held);
    while raw(&world, b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.is_empty() {}
}
