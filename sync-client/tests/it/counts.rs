//! What a sync costs in requests to the store.

use tidegate_sync_client::{NewRecord, Requests, Source};

use crate::stand::{Stand, TestHome, sync};

async fn costs(stand: Stand) {
    let (home_a, home_b) = (TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&home_a.path()).await;
    let member = a.add_member("Ada").unwrap();
    let body = |seed: u8| Source::Bytes((0..2_000_u32).map(|i| (i * i) as u8 ^ seed).collect());
    let written = a.put(NewRecord::new(member, body(0)).title("Weight")).unwrap();
    sync(&a).await;
    let b = stand.join(&home_b.path(), &code).await;
    sync(&b).await;
    sync(&a).await;

    let nothing = sync(&a).await.traffic.requests;
    assert_eq!(nothing, Requests { get: 1, ..nothing.without_store() }, "no-op");
    let nothing = sync(&b).await.traffic.requests;
    assert_eq!(nothing.to_store(), 1, "no-op of the reader");

    a.put(NewRecord::new(member, body(1)).version_of(written.record_id)).unwrap();
    let write = sync(&a).await.traffic.requests;
    assert_eq!((write.get, write.put, write.to_store()), (1, 3, 4), "one changed record written");
    let read = sync(&b).await.traffic.requests;
    assert_eq!((read.get, read.to_store()), (3, 3), "one changed record read");

    b.put(NewRecord::new(member, body(2)).version_of(written.record_id)).unwrap();
    assert_eq!(sync(&b).await.traffic.requests.to_store(), 4, "written by the other");
    assert_eq!(sync(&a).await.traffic.requests.to_store(), 3, "read by the first");
    assert_eq!(sync(&a).await.traffic.requests.to_store(), 1, "no-op after reading");
    assert_eq!(sync(&b).await.traffic.requests.to_store(), 1, "no-op after writing");
}

trait WithoutStore {
    fn without_store(self) -> Requests;
}

impl WithoutStore for Requests {
    fn without_store(self) -> Requests {
        Requests { presign: self.presign, renew: self.renew, ..Requests::default() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_costs_one_four_and_three_requests_straight_to_the_store() {
    costs(Stand::direct().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_costs_one_four_and_three_requests_through_a_broker() {
    costs(Stand::broker().await).await;
}
