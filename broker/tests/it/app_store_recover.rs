//! Walking Apple's history of notifications, against a stand-in for the App Store Server API.

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_app_store::{Closed, EntitlementPolicy, Standing};
use tidegate_broker::app_store::{Recovered, WalkError, recover};
use tidegate_broker::clock::SystemClock;
use tidegate_broker::config::{AppStoreSettings, Config, ServerApiKey, ServerApiSettings};
use tidegate_testkit::apple::{BUNDLE_ID, Fault, ISSUER_ID, KEY_ID, PRODUCT_ID, ServerApi, TestCa};
use time::{Duration, OffsetDateTime};

use crate::apple::{Apple, pem_of, processed};
use crate::store_proxy::{StoreProxy, Trouble};
use crate::world::World;

struct Stand {
    apple: Apple,
    api: ServerApi,
    world: World,
}

impl Stand {
    async fn new() -> Self {
        let (apple, api) = (Apple::new(), ServerApi::start(BUNDLE_ID).await);
        let settings = AppStoreSettings { server_api: Some(settings(&api)), ..apple.settings() };
        let world = World::with(|options| options.app_store = Some(settings)).await;
        Self { apple, api, world }
    }

    fn config(&self) -> Config {
        self.world.config().clone()
    }

    async fn recover(&self, since: Option<Duration>) -> Result<Vec<Recovered>, WalkError> {
        let since = since.map(|since| OffsetDateTime::now_utc() - since);
        recover(&self.config(), Arc::new(SystemClock), since).await
    }

    /// So many notifications about subscriptions of their own, one for each day up to yesterday.
    fn missed(&self, count: i64) -> Vec<String> {
        let told = (1..=count).map(|n| {
            let id = format!("30000000000000{n:02}");
            let bought = self.apple.transaction(json!({ "transactionId": id, "originalTransactionId": id }));
            let told = self.apple.notification("SUBSCRIBED", Some("INITIAL_BUY"), &bought);
            self.api.push_notification(self.apple.day(n - count - 1), &told);
            told
        });
        told.collect()
    }
}

fn settings(api: &ServerApi) -> ServerApiSettings {
    let key = ServerApiKey::from_pem(api.private_key_pem()).unwrap();
    ServerApiSettings {
        production_url: api.url.parse().unwrap(),
        sandbox_url: api.url.parse().unwrap(),
        ..ServerApiSettings::new(ISSUER_ID, KEY_ID, key)
    }
}

fn counts(walks: &[Recovered]) -> Vec<(&str, u64, u64, u64)> {
    walks.iter().map(|walk| (walk.environment, walk.pages, walk.new, walk.known)).collect()
}

#[tokio::test]
async fn what_was_never_heard_is_found_page_by_page_and_only_once() {
    let stand = Stand::new().await;
    stand.api.set_page_size(2);
    let missed = stand.missed(5);
    processed(&stand.world.broker_url, &missed[1]).await;
    let walks = stand.recover(None).await.unwrap();
    // Both environments have the same history here: in the second everything is known.
    assert_eq!(counts(&walks), [("production", 3, 4, 1), ("sandbox", 3, 0, 5)]);
    assert_eq!((stand.world.state_keys("entitlements").len(), stand.world.state_keys("notifications").len()), (5, 5));
    assert!(stand.api.refused_tokens().is_empty());
    assert_eq!((walks[0].until - walks[0].from).whole_days(), 179);
    assert_eq!((walks[1].until - walks[1].from).whole_days(), 29);

    // The next walk begins a day before the end of this one: the newest notification lies there.
    let again = stand.recover(None).await.unwrap();
    assert_eq!(again[0].new + again[1].new, 0);
    assert!((again[0].until - again[0].from) < Duration::hours(25));
    assert_eq!(stand.recover(Some(Duration::days(3))).await.unwrap()[0].known, 2);
}

#[tokio::test]
async fn a_refund_that_was_missed_counts_after_the_walk() {
    let stand = Stand::new().await;
    let bought = stand.apple.transaction(json!({}));
    processed(&stand.world.broker_url, &stand.apple.notification("SUBSCRIBED", Some("INITIAL_BUY"), &bought)).await;
    let refunded = stand.apple.transaction(json!({ "revocationDate": stand.apple.day(-1) }));
    stand.api.push_notification(stand.apple.day(-1), stand.apple.notification("REFUND", None, &refunded));
    stand.recover(None).await.unwrap();
    let standing = stand.world.entitlement().await.standing(stand.apple.now, &EntitlementPolicy::new([PRODUCT_ID]));
    assert!(matches!(standing, Standing::Closed(Closed::Refunded { .. })), "{standing:?}");
}

#[tokio::test]
async fn a_walk_that_is_cut_short_goes_on_where_it_stopped() {
    let stand = Stand::new().await;
    stand.api.set_page_size(2);
    stand.missed(6);
    let proxy = StoreProxy::start(&stand.config().store.endpoint_internal).await;
    let mut config = stand.config();
    config.store.endpoint_internal.clone_from(&proxy.url);
    // The first page is heard, and its place cannot be written down.
    proxy.set(Some(Trouble::RefusesPut("_tidegate/recoveries/")));
    let cut = recover(&config, Arc::new(SystemClock), None).await;
    assert!(matches!(cut, Err(WalkError::Interrupted(_))), "{cut:?}");
    assert_eq!(stand.world.state_keys("notifications").len(), 2);
    // Apple fails at the second page for good.
    proxy.set(None);
    stand.api.fail_next([Fault::Pass, Fault::Refuse { status: 400, code: 4_000_012 }]);
    let cut = stand.recover(None).await;
    assert!(matches!(cut, Err(WalkError::Interrupted(_))), "{cut:?}");
    assert_eq!(stand.world.state_keys("notifications").len(), 2);
    // The next one begins with the second page.
    let walks = stand.recover(None).await.unwrap();
    assert_eq!(stand.world.state_keys("notifications").len(), 6);
    assert_eq!((walks[0].resumed, walks[0].new, walks[0].known), (true, 4, 0));
}

#[tokio::test]
async fn the_place_of_an_unfinished_walk_is_used_and_a_lost_one_given_up() {
    let stand = Stand::new().await;
    stand.api.set_page_size(2);
    stand.missed(4);
    let day = |days: i64| tidegate_protocol::wire::timestamp::format(stand.apple.now + Duration::days(days)).unwrap();
    let place = |page: &str| {
        let unfinished = json!({ "from": day(-100), "until": day(0), "page": page });
        json!({ "format": "tidegate/recovery/v1", "apps": { BUNDLE_ID: { "unfinished": unfinished } } }).to_string()
    };
    stand.world.plant("_tidegate/recoveries/production.json", place("page-2").leak().as_bytes()).await;
    stand.world.plant("_tidegate/recoveries/sandbox.json", place("no-such-page").leak().as_bytes()).await;
    let walks = stand.recover(None).await.unwrap();
    assert_eq!(counts(&walks), [("production", 1, 2, 0), ("sandbox", 2, 2, 2)]);
    assert!(walks.iter().all(|walk| walk.resumed));
    let left: Value = serde_json::from_slice(&stand.world.stored("_tidegate/recoveries/production.json").await).unwrap();
    assert!(left["apps"][BUNDLE_ID]["unfinished"].is_null(), "{left}");
    assert!(stand.api.requests().iter().any(|request| request.ends_with("page-2")));
}

#[tokio::test]
async fn what_apple_did_not_sign_is_told_and_passed_over() {
    let stand = Stand::new().await;
    let bought = stand.apple.transaction(json!({}));
    let payload = stand.apple.payload("SUBSCRIBED", None, &bought);
    stand.api.push_notification(stand.apple.day(-2), TestCa::new().sign(&payload));
    stand.api.push_notification(stand.apple.day(-2), "garbage");
    stand.missed(1);
    let walks = stand.recover(None).await.unwrap();
    assert_eq!(walks[0].new, 1);
    let expected = [("app-store-jws-malformed", 1), ("app-store-root-untrusted", 1)];
    assert_eq!(walks[0].refused, expected.map(|(code, count)| (code.to_owned(), count)).into());
}

#[tokio::test]
async fn passing_failures_are_waited_out() {
    let stand = Stand::new().await;
    stand.missed(1);
    stand.api.fail_next([
        Fault::RateLimit(Some("0".to_owned())),
        Fault::RateLimit(None),
        Fault::Refuse { status: 500, code: 5_000_000 },
    ]);
    assert_eq!(stand.recover(None).await.unwrap()[0].new, 1);
}

#[tokio::test]
async fn answers_that_are_none_end_the_walk_and_store_nothing() {
    let stand = Stand::new().await;
    stand.missed(1);
    let elsewhere = ServerApi::start(BUNDLE_ID).await;
    for fault in [
        Fault::Html,
        Fault::Garbage,
        Fault::Redirect(format!("{}/inApps/v1/notifications/history", elsewhere.url)),
        Fault::Huge(5 << 20),
        Fault::Refuse { status: 404, code: 4_040_010 },
    ] {
        stand.api.fail_next([fault.clone()]);
        let walk = stand.recover(None).await;
        assert!(matches!(walk, Err(WalkError::Interrupted(_))), "{fault:?}: {walk:?}");
        assert!(stand.world.state_keys("recoveries").is_empty(), "{fault:?}");
    }
    // The token does not travel to where a redirect leads.
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_key_that_apple_does_not_know_is_told_as_such() {
    let stand = Stand::new().await;
    let stranger = ServerApi::start(BUNDLE_ID).await;
    let mut config = stand.config();
    let app_store = config.app_store.as_mut().unwrap();
    app_store.server_api.as_mut().unwrap().private_key = ServerApiKey::from_pem(stranger.private_key_pem()).unwrap();
    let walk = recover(&config, Arc::new(SystemClock), None).await;
    assert!(matches!(walk, Err(WalkError::KeyRefused(_))), "{walk:?}");
    assert_eq!(stand.api.refused_tokens(), ["another key's signature"]);
}

#[tokio::test]
async fn the_key_is_masked_and_hosted_mode_without_it_says_so() {
    let stand = Stand::new().await;
    assert!(format!("{:?}", stand.config()).contains("ServerApiKey(masked)"));
    let mut config = stand.config();
    config.app_store.as_mut().unwrap().server_api = None;
    assert!(matches!(recover(&config, Arc::new(SystemClock), None).await, Err(WalkError::NotConfigured)));
}

/// The whole command, as an operator runs it.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_walks_and_tells_in_json() {
    let stand = Stand::new().await;
    stand.missed(3);
    let folder = crate::config::Folder::new();
    let key = folder.path("key.p8");
    fs::write(&key, stand.api.private_key_pem()).unwrap();
    let root = folder.path("root.pem");
    fs::write(&root, pem_of(&stand.apple.ca.root_der())).unwrap();
    let file = folder.path("broker.toml");
    let store = &stand.world.config().store;
    let credential = |name: &str, credential: &tidegate_broker::StoreCredential| {
        use secrecy::ExposeSecret as _;
        let secret = credential.secret_access_key.expose_secret();
        format!("[store.{name}]\naccess_key_id = {:?}\nsecret_access_key = {secret:?}\n", credential.access_key_id)
    };
    let toml = format!(
        "public_url = \"http://127.0.0.1:1\"\nserver_id_key_file = {:?}\n[signing]\nkeys_dir = {:?}\n\
         [app_store]\nbundle_ids = [{BUNDLE_ID:?}]\napp_apple_id = {}\nproduct_ids = [{PRODUCT_ID:?}]\nenvironments = [\"production\"]\nocsp = \"off\"\nroot_certificates = [{root:?}]\n\
         [app_store.server_api]\nissuer_id = {ISSUER_ID:?}\nkey_id = {KEY_ID:?}\nprivate_key_file = {key:?}\nproduction_url = {:?}\n\
         [store]\nendpoint_internal = {:?}\nbucket = {:?}\nconditional_create = \"atomic\"\nconditional_replace = \"atomic\"\n{}{}{}",
        folder.path("server-id.key"),
        folder.path("keys"),
        crate::apple::APP_APPLE_ID,
        stand.api.url,
        store.endpoint_internal,
        store.bucket,
        credential("read", &store.read),
        credential("write", &store.write),
        credential("state", &store.state),
    );
    fs::write(&file, &toml).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tidegate-broker"));
        let output = command.args(arguments).arg("--config").arg(&file).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, stdout, stderr) = run(&["--json", "app-store", "recover", "--since", "30d"]);
    assert_eq!(status, 0, "{stdout}{stderr}");
    let told: Value = serde_json::from_str(&stdout).unwrap();
    let walk = &told["walks"][0];
    assert_eq!((&walk["environment"], &walk["new"], &walk["known"]), (&json!("production"), &json!(3), &json!(0)), "{told}");
    let (status, text, _) = run(&["app-store", "recover"]);
    assert_eq!(status, 0);
    assert!(text.contains("0 new, 3 known"), "{text}");
    // Without conditional writes there is no hosted mode.
    fs::write(&file, toml.replace("conditional_replace = \"atomic\"\n", "conditional_replace = \"ignored\"\n")).unwrap();
    for command in ["config check", "serve"] {
        let arguments: Vec<&str> = std::iter::once("--json").chain(command.split(' ')).collect();
        let (status, stdout, _) = run(&arguments);
        let told: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((status, &told["error"]["mistakes"][0]["setting"]), (10, &json!("store.conditional_replace")), "{told}");
    }
}
