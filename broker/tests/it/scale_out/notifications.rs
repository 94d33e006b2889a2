//! What the App Store tells, while a replica dies and comes back: nothing is lost, nothing counts twice, and every replica goes by it.

use std::iter::repeat_n;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tidegate_app_store::Entitlement;
use tidegate_testkit::apple::{BUNDLE_ID, PRODUCT_ID};

use super::PATIENCE;
use super::fleet::Fleet;
use crate::apple::{APP_APPLE_ID, Apple, deliver, pem_of, processed};
use crate::device::{Account, Device};
use crate::subscription::create_account;
use crate::world::client_of;

/// Each about a transaction of its own.
const REFUNDS: usize = 12;
/// How often each is told at once.
const TIMES: usize = 3;
/// For so long a replica goes by what it has read of a subscription.
const CACHED: Duration = Duration::from_secs(60);

/// The settings of a hosted broker that trusts this authority.
fn hosted(apple: &Apple, folder: &Path) -> String {
    let root = folder.join("root.pem");
    std::fs::write(&root, pem_of(&apple.ca.root_der())).unwrap();
    format!(
        "[rates]\naddress_per_minute = 0\nsession_per_minute = 0\nfailures_per_minute = 0\n[limits]\nshed_milliseconds = 0\n[app_store]\nbundle_ids = [{BUNDLE_ID:?}]\n\
         app_apple_id = {APP_APPLE_ID}\nproduct_ids = [{PRODUCT_ID:?}]\nroot_certificates = [{root:?}]\nocsp = \"off\"\n"
    )
}

/// As Apple does: told again until it is answered 200. How many events were new.
async fn told(broker: &str, signed_payload: &str) -> i64 {
    let began = Instant::now();
    loop {
        let reply = deliver(broker, signed_payload).await;
        if reply.status == 200 {
            return reply.json()["processedEvents"].as_i64().unwrap();
        }
        assert!(matches!(reply.status, 502..=504), "{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
        assert!(began.elapsed() < PATIENCE, "never answered");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Of the broker's own state: the keys below a folder.
async fn state_keys(fleet: &Fleet, folder: &str) -> Vec<String> {
    let store = &fleet.weed.config.store;
    let listed = client_of(store, &store.state).list_objects_v2().bucket(&store.bucket).prefix(format!("_tidegate/{folder}/"));
    let listed = listed.send().await.unwrap();
    listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
}

/// The only entitlement that there is.
async fn entitlement(fleet: &Fleet) -> Entitlement {
    let keys = state_keys(fleet, "entitlements").await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    let store = &fleet.weed.config.store;
    let read = client_of(store, &store.state).get_object().bucket(&store.bucket).key(&keys[0]).send().await.unwrap();
    serde_json::from_slice(&read.body.collect().await.unwrap().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs SeaweedFS and nginx: just test-scale-out"]
async fn scale_out_of_what_the_app_store_tells_nothing_is_lost_and_a_refund_ends_sessions_everywhere() {
    let apple = Apple::new();
    let mut fleet = Fleet::start(|folder| hosted(&apple, folder)).await;
    let mut phone = Device::new(&fleet.public).await;
    let account = Account::new(1);
    let session = create_account(&phone, &apple.ca.sign(&apple.transaction(json!({}))), &account).await;
    let mut renewal = session.renewal_token.unwrap();

    // Each of many is told several times at once; one replica is killed meanwhile and comes back.
    let ids: Vec<String> = (0..REFUNDS).map(|n| format!("30000000000000{n:02}")).collect();
    let earlier = |id: &String| {
        let dates = json!({ "purchaseDate": apple.day(-60), "expiresDate": apple.day(-30), "revocationDate": apple.day(-40) });
        let mut transaction = apple.transaction(dates);
        transaction["transactionId"] = json!(id);
        apple.notification("REFUND", None, &transaction)
    };
    let refunds: Vec<String> = ids.iter().map(earlier).collect();
    let public = fleet.public.clone();
    let storm = join_all(refunds.iter().map(|refund| {
        let deliveries = join_all(repeat_n(refund, TIMES).map(|refund| told(&public, refund)));
        async move { deliveries.await.into_iter().sum::<i64>() }
    }));
    let death = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        tokio::task::block_in_place(|| {
            fleet.kill(1);
            fleet.restart(1);
        });
    };
    let (counts, ()) = tokio::join!(storm, death);
    assert!(counts.iter().all(|count| *count <= 1), "one notification counted twice: {counts:?}");
    // Of what the killed replica had stored and not answered nobody says that it was new.
    println!("{} of {REFUNDS} were answered as new", counts.iter().sum::<i64>());
    assert_eq!(state_keys(&fleet, "notifications").await.len(), REFUNDS);
    let known = entitlement(&fleet).await;
    for id in &ids {
        assert!(known.verdict(id).is_some(), "the refund of {id} is lost");
    }

    // What was paid now is not refunded: the session goes on at every replica.
    for url in &fleet.urls {
        url.clone_into(&mut phone.reaches);
        phone.fresh_nonce().await;
        let renewed = phone.renew(&renewal).await.session();
        renewal = renewed.renewal_token.unwrap_or(renewal);
    }
    // It is, told to whichever replica: each refuses as soon as what it has read is old.
    let refunded = apple.transaction(json!({ "revocationDate": apple.day(-1) }));
    assert_eq!(processed(&fleet.public, &apple.notification("REFUND", None, &refunded)).await, 1);
    let began = Instant::now();
    for url in &fleet.urls {
        url.clone_into(&mut phone.reaches);
        loop {
            phone.fresh_nonce().await;
            let reply = phone.renew(&renewal).await;
            if reply.code() == "subscription-refunded" {
                break;
            }
            renewal = reply.session().renewal_token.unwrap_or(renewal);
            assert!(began.elapsed() < CACHED + PATIENCE, "{url} never learns of the refund");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    fleet.end();
}
