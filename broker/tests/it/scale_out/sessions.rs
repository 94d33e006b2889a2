//! Sessions, proofs and limits: what the replicas share, what each has for itself, and what is noticed when one dies.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_protocol::session::SessionReply;

use super::PATIENCE;
use super::fleet::{Fleet, REPLICAS};
use crate::device::{Account, Device, Reply, send, use_url};

/// What each replica lets a stranger's address do at once; and in a minute, so that none comes back while the test counts.
const BURST: u32 = 60;

fn genesis_of(session: &SessionReply) -> Value {
    json!({ "items": [{ "method": "GET", "key": format!("users/{}/genesis.json", session.user_id) }] })
}

/// A call with the session's token. The nonce of any replica serves at any other; a refusal of one that is old gives a fresh one.
async fn call(device: &mut Device, session: &SessionReply) -> Reply {
    loop {
        let reply = device.call("POST", "/v1/presign", &genesis_of(session), Some(&session.access_token)).await;
        if reply.status != 401 || reply.code() != "use-dpop-nonce" {
            return reply;
        }
        device.nonce.clone_from(&reply.headers["dpop-nonce"]);
    }
}

/// What presigning is answered by whoever listens there.
async fn presigns(device: &mut Device, at: &str, session: &SessionReply) -> String {
    at.clone_into(&mut device.reaches);
    call(device, session).await.code()
}

/// Signs and reads until told to stop.
async fn uses(mut device: Device, session: SessionReply, stop: Arc<AtomicBool>, done: Arc<AtomicU32>) {
    while !stop.load(Ordering::Relaxed) {
        let reply = call(&mut device, &session).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        assert_eq!(use_url(&reply.json()["results"][0], Vec::new()).await.status, 200);
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until every one of so many more calls was answered.
async fn goes_on(done: &AtomicU32, calls: u32) {
    let (before, began) = (done.load(Ordering::Relaxed), Instant::now());
    while done.load(Ordering::Relaxed) < before + calls {
        assert!(began.elapsed() < PATIENCE, "nothing is answered any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A stranger's calls from an address of its own, one after the other: how many were answered, how many refused for their number.
async fn floods(url: &str, calls: u32) -> (u32, u32) {
    let client = reqwest::Client::builder().local_address(IpAddr::from(Ipv4Addr::new(127, 0, 0, 2))).build().unwrap();
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..calls {
        match client.get(format!("{url}/v1/capabilities")).send().await.unwrap().status().as_u16() {
            200 => answered += 1,
            429 => refused += 1,
            status => panic!("{status}"),
        }
    }
    (answered, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs SeaweedFS and nginx: just test-scale-out"]
async fn scale_out_behind_nginx_one_replica_dies_and_nobody_notices() {
    let mut fleet = Fleet::start(|_| {
        format!(
            "[rates]\naddress_per_minute = 6\naddress_burst = {BURST}\nuser_per_minute = 0\nfailures_per_minute = 0\n\
             [limits]\nshed_milliseconds = 0\n"
        )
    })
    .await;
    let (public, urls) = (fleet.public.clone(), fleet.urls.clone());
    let invite_of = |fleet: &Fleet, user: &str| fleet.operator.invite(&fleet.configs[0], user);

    // One session is good everywhere, and so is one nonce.
    let invite = invite_of(&fleet, "anna");
    let account = Account::new(1);
    let mut phone = Device::new(&public).await;
    let phones = phone.create_account(&invite, &account).await;
    for url in &urls {
        url.clone_into(&mut phone.reaches);
        assert_eq!(phone.call("POST", "/v1/presign", &genesis_of(&phones), Some(&phones.access_token)).await.code(), "ok");
    }

    // A proof is good once at each replica, and there for the very same request alone.
    let body = serde_json::to_vec(&genesis_of(&phones)).unwrap();
    let proof = phone.sign(&phone.proof("POST", "/v1/presign", &body, Some(&phones.access_token)));
    for url in &urls {
        url.clone_into(&mut phone.reaches);
        let token = Some(phones.access_token.as_str());
        let other = phone.call_with("POST", "/v1/presign", b"{\"items\":[]}".to_vec(), token, &proof).await;
        assert_eq!(other.code(), "proof-invalid");
        assert_eq!(phone.call_with("POST", "/v1/presign", body.clone(), token, &proof).await.code(), "ok");
        assert_eq!(phone.call_with("POST", "/v1/presign", body.clone(), token, &proof).await.code(), "proof-replayed");
    }

    // Under load a session ends at one replica; another is killed and comes back.
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut load = Vec::new();
    for seed in 2..5 {
        let device = Device::new(&public).await;
        let session = device.create_account(&invite_of(&fleet, &format!("user{seed}")), &Account::new(seed)).await;
        load.push(tokio::spawn(uses(device, session, Arc::clone(&stop), Arc::clone(&done))));
    }
    let mut laptop = Device::new(&public).await;
    let laptops = laptop.session(&invite, Some(&account)).await.session();
    urls[0].clone_into(&mut laptop.reaches);
    assert_eq!(laptop.call("POST", "/v1/session/logout", &json!({}), Some(&laptops.access_token)).await.code(), "ok");
    assert_eq!(presigns(&mut laptop, &urls[0], &laptops).await, "session-ended");
    for url in &urls {
        url.clone_into(&mut laptop.reaches);
        assert_eq!(laptop.renew(laptops.renewal_token.as_deref().unwrap()).await.code(), "session-ended", "no mint waits");
    }
    goes_on(&done, 30).await;
    fleet.kill(1);
    goes_on(&done, 60).await;
    fleet.restart(1);
    goes_on(&done, 60).await;
    // It has read what ended while it was dead.
    assert_eq!(presigns(&mut laptop, &urls[1], &laptops).await, "session-ended");

    // Limits of strangers are each replica's own: together they let pass so many times as much, and no more.
    let counted = Instant::now();
    let (answered, refused) = floods(&public, 5 * BURST).await;
    let since = u32::try_from(counted.elapsed().as_secs() / 10).unwrap() + 1;
    let replicas_count = u32::try_from(REPLICAS).unwrap();
    assert!((BURST..=replicas_count * (BURST + since)).contains(&answered), "{answered} answered, {refused} refused");
    assert!(refused > 0);

    // The last replica learns of the ending by itself.
    let began = Instant::now();
    while presigns(&mut laptop, &urls[2], &laptops).await != "session-ended" {
        assert!(began.elapsed() < PATIENCE, "a replica never learns that the session has ended");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let again = laptop.session(&invite, Some(&account)).await.session();
    for url in &urls {
        assert_eq!(presigns(&mut laptop, url, &again).await, "ok");
    }
    stop.store(true, Ordering::Relaxed);
    for user in load {
        user.await.unwrap();
    }
    assert_eq!(send(reqwest::Method::GET, &format!("{public}/readyz"), &[], Vec::new()).await.status, 204);
    println!("{} calls answered, none failed", done.load(Ordering::Relaxed));
    fleet.end();
}
