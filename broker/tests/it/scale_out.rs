//! Three replicas behind nginx over one real SeaweedFS: what they share, what each has for itself, and what is noticed when one dies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_protocol::session::SessionReply;

use crate::device::{Account, Device, Reply, send, use_url};
use crate::multipart::seaweedfs::Weed;
use crate::process::{Operator, Serve, free_address};

const REPLICAS: usize = 3;
/// What each replica lets a stranger's address do at once; and in a minute, so that none comes back while the test counts.
const BURST: u32 = 60;
const PATIENCE: Duration = Duration::from_secs(180);

/// nginx before the replicas. It asks another one when one is gone: what a proof allows may be repeated anywhere.
struct Nginx(Child);

impl Nginx {
    fn start(folder: &Path, listen: SocketAddr, replicas: &[SocketAddr]) -> Self {
        let servers: String = replicas.iter().map(|address| format!("server {address} max_fails=1 fail_timeout=1s;\n")).collect();
        let at = folder.display();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log {at}/nginx.log;\nevents {{}}\nhttp {{\n\
             access_log off;\nclient_body_temp_path {at}/b;\nproxy_temp_path {at}/p;\nfastcgi_temp_path {at}/f;\nuwsgi_temp_path {at}/u;\nscgi_temp_path {at}/s;\n\
             upstream brokers {{\n{servers}keepalive 16;\n}}\n\
             server {{\nlisten {listen};\nclient_max_body_size 4m;\nlocation / {{\n\
             proxy_pass http://brokers;\nproxy_http_version 1.1;\nproxy_set_header Connection \"\";\nproxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $remote_addr;\nproxy_connect_timeout 2s;\n\
             proxy_next_upstream error timeout non_idempotent;\n}}\n}}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let program = std::env::var("NGINX_PROGRAM").unwrap_or_else(|_| "nginx".to_owned());
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).arg("-p").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("nginx is installed, or NGINX_PROGRAM names it"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
    let weed = Weed::start().await;
    let (front, addresses) = (free_address(), std::array::from_fn::<_, REPLICAS, _>(|_| free_address()));
    let public = format!("http://{front}");
    let folder = tempfile::tempdir().unwrap();
    let mut operator = Operator::new(folder.path(), &public, &weed.config.store);
    operator.more = format!(
        "trusted_proxies = [\"127.0.0.1/32\"]\n[rates]\naddress_per_minute = 6\naddress_burst = {BURST}\nuser_per_minute = 0\nfailures_per_minute = 0\n\
         [limits]\nshed_milliseconds = 0\n"
    );
    let configs = addresses.map(|address| operator.write(&format!("{}.toml", address.port()), address));
    let mut replicas: Vec<Option<Serve>> = configs.iter().map(|config| Some(Serve::start(config))).collect();
    let nginx = Nginx::start(folder.path(), front, &addresses);
    let began = Instant::now();
    while !reqwest::get(format!("{public}/healthz")).await.is_ok_and(|reply| reply.status() == 204) {
        assert!(began.elapsed() < PATIENCE, "nginx does not serve");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let urls = addresses.map(|address| format!("http://{address}"));

    // One session is good everywhere, and so is one nonce.
    let invite = operator.invite(&configs[0], "anna");
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
        let session = device.create_account(&operator.invite(&configs[0], &format!("user{seed}")), &Account::new(seed)).await;
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
    replicas[1].take().unwrap().kill();
    goes_on(&done, 60).await;
    replicas[1] = Some(Serve::start(&configs[1]));
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
    replicas.into_iter().flatten().for_each(Serve::end);
    drop(nginx);
}
