//! New keys in the place of the account's: a stolen device is shut out, and nobody else loses anything.

use std::fs;

use tidegate_protocol::MemberId;
use tidegate_sync_client::{ContentId, ListFilter, NewRecord, RecoveryCode, Source, SyncClient};

use crate::stand::{Stand, TestHome, options, sync};

fn note(client: &SyncClient, member: MemberId, text: &str) {
    client.put(NewRecord::new(member, Source::Bytes(text.as_bytes().to_vec()))).unwrap();
}

/// All that a device shows, in order.
async fn texts(client: &SyncClient) -> Vec<String> {
    let mut texts = Vec::new();
    for record in client.list(&ListFilter::default()).unwrap().records {
        let content = client.get(ContentId::Record(record.record_id, None)).await.unwrap();
        texts.push(String::from_utf8(content.bytes).unwrap());
    }
    texts.sort();
    texts
}

async fn replace(home: &TestHome, code: &RecoveryCode) -> (SyncClient, RecoveryCode) {
    let new_code = SyncClient::prepare_new_keys(&home.path(), code, &options()).await.unwrap();
    (SyncClient::replace_keys(&home.path(), options()).await.unwrap(), new_code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_device_is_shut_out_and_the_others_go_on() {
    let stand = Stand::broker().await;
    let (a_home, b_home, lost, thiefs) = (TestHome::new(), TestHome::new(), TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&a_home.path()).await;
    a.recovery_code_kept().unwrap();
    let member = a.add_member("Ada").unwrap();
    note(&a, member, "before");
    sync(&a).await;
    let b = stand.join(&b_home.path(), &code).await;
    let c = stand.join(&lost.path(), &code).await;
    sync(&b).await;
    sync(&c).await;
    drop(c);
    lost.copy_to(&thiefs);
    note(&b, member, "of b, not sent");
    drop(a);

    // Another code states nothing, and nothing has happened then.
    let wrong = RecoveryCode::from_entropy([9; 32].into());
    let refused = SyncClient::prepare_new_keys(&a_home.path(), &wrong, &options()).await.unwrap_err();
    assert_eq!(refused.code(), "recovery-code-wrong");
    assert_eq!(SyncClient::replace_keys(&a_home.path(), options()).await.unwrap_err().code(), "new-keys-not-prepared");

    let new_code = SyncClient::prepare_new_keys(&a_home.path(), &code, &options()).await.unwrap();
    let again = SyncClient::prepare_new_keys(&a_home.path(), &code, &options()).await.unwrap();
    assert_eq!(new_code.words(), again.words(), "nobody is given two codes");
    let a = SyncClient::replace_keys(&a_home.path(), options()).await.unwrap();
    assert_eq!(a.recovery_code().unwrap().unwrap().words(), new_code.words());
    a.recovery_code_kept().unwrap();
    assert!(a.recovery_code().unwrap().is_none());
    sync(&a).await;
    note(&a, member, "after");
    sync(&a).await;

    // The thief has the device's keys, its session, an invite and the old code.
    let thief = SyncClient::open(&thiefs.path(), options()).unwrap();
    note(&thief, member, "planted");
    assert_eq!(thief.sync(&|_progress| {}).await.unwrap_err().code(), "account-keys-replaced");
    assert_eq!(thief.sign_in(&stand.invite(3).unwrap()).await.unwrap_err().code(), "account-keys-replaced");
    let elsewhere = TestHome::new();
    let by_the_old_code = SyncClient::join(&elsewhere.path(), stand.enrolment("thief"), &code, None, options()).await;
    assert_eq!(by_the_old_code.unwrap_err().code(), "account-keys-replaced");
    let ticket = stand.invite(3).unwrap();
    let refused = SyncClient::take_up_keys(&thiefs.path(), &ticket, &code, options()).await.unwrap_err();
    assert_eq!(refused.code(), "recovery-code-wrong");
    assert_eq!(texts(&thief).await, ["before", "planted"]);

    // An honest device takes the new keys up, and sends what it had not sent.
    assert_eq!(b.sync(&|_progress| {}).await.unwrap_err().code(), "account-keys-replaced");
    assert_eq!(b.sign_in(&stand.invite(1).unwrap()).await.unwrap_err().code(), "account-keys-replaced");
    drop(b);
    let b = SyncClient::take_up_keys(&b_home.path(), &stand.invite(1).unwrap(), &new_code, options()).await.unwrap();
    sync(&b).await;
    sync(&a).await;
    let everything = ["after", "before", "of b, not sent"];
    assert_eq!(
        (texts(&a).await, texts(&b).await),
        (everything.map(str::to_owned).to_vec(), everything.map(str::to_owned).to_vec())
    );

    // A device that joins by the new code has it all, and nothing seems strange to it.
    let newcomer_home = TestHome::new();
    let newcomer = stand.join(&newcomer_home.path(), &new_code).await;
    let report = sync(&newcomer).await;
    assert_eq!((report.quarantined.len(), report.holes.len()), (0, 0), "{report:?}");
    assert_eq!(texts(&newcomer).await, everything);
    let names: Vec<Option<String>> = newcomer.refresh_devices().await.unwrap().into_iter().map(|device| device.name).collect();
    assert_eq!(names.len(), 3, "the stolen one is none of the account's: {names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_replaced_as_often_as_need_be() {
    let stand = Stand::broker().await;
    let (home, b_home) = (TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&home.path()).await;
    let member = a.add_member("Ada").unwrap();
    note(&a, member, "before");
    sync(&a).await;
    let b = stand.join(&b_home.path(), &code).await;
    sync(&b).await;
    drop((a, b));
    let mut codes = vec![code];
    for _ in 0..2 {
        let (a, next) = replace(&home, codes.last().unwrap()).await;
        a.recovery_code_kept().unwrap();
        sync(&a).await;
        codes.push(next);
    }
    let again = SyncClient::prepare_new_keys(&home.path(), &codes[1], &options()).await.unwrap_err();
    assert_eq!(again.code(), "recovery-code-wrong", "a code has its say once");
    // A device that slept through both, and one that rebuilds.
    let b = SyncClient::take_up_keys(&b_home.path(), &stand.invite(1).unwrap(), &codes[2], options()).await.unwrap();
    sync(&b).await;
    assert_eq!(texts(&b).await, ["before"]);
    drop(b);
    fs::remove_file(b_home.path().join("tidegate.db")).unwrap();
    let b = SyncClient::rebuild(&b_home.path(), options()).await.unwrap().client;
    assert_eq!(texts(&b).await, ["before"]);
    note(&b, member, "after");
    sync(&b).await;
    let newcomer_home = TestHome::new();
    let newcomer = stand.join(&newcomer_home.path(), &codes[2]).await;
    assert!(sync(&newcomer).await.quarantined.is_empty());
    assert_eq!(texts(&newcomer).await, ["after", "before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_devices_that_replace_the_keys_one_does() {
    let stand = Stand::broker().await;
    let (a_home, b_home) = (TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&a_home.path()).await;
    a.add_member("Ada").unwrap();
    sync(&a).await;
    let b = stand.join(&b_home.path(), &code).await;
    sync(&b).await;
    drop((a, b));
    // Both have decided on keys before either asks.
    let as_code = SyncClient::prepare_new_keys(&a_home.path(), &code, &options()).await.unwrap();
    SyncClient::prepare_new_keys(&b_home.path(), &code, &options()).await.unwrap();
    sync(&SyncClient::replace_keys(&a_home.path(), options()).await.unwrap()).await;
    assert_eq!(SyncClient::replace_keys(&b_home.path(), options()).await.unwrap_err().code(), "account-keys-replaced");
    // Its own keys are forgotten: they never counted.
    assert_eq!(SyncClient::replace_keys(&b_home.path(), options()).await.unwrap_err().code(), "new-keys-not-prepared");
    let b = SyncClient::take_up_keys(&b_home.path(), &stand.invite(1).unwrap(), &as_code, options()).await.unwrap();
    sync(&b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_open_meanwhile_says_what_happened_and_writes_nothing() {
    let stand = Stand::broker().await;
    let home = TestHome::new();
    let (open, code) = stand.create(&home.path()).await;
    let member = open.add_member("Ada").unwrap();
    note(&open, member, "before");
    sync(&open).await;
    let (a, _) = replace(&home, &code).await;
    let error = open.put(NewRecord::new(member, Source::Bytes(b"lost?".to_vec()))).unwrap_err();
    assert_eq!(error.code(), "keys-changed", "{error}");
    assert_eq!(open.sync(&|_progress| {}).await.unwrap_err().code(), "keys-changed");
    sync(&a).await;
    assert_eq!(texts(&a).await, ["before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn straight_on_a_store_nobody_says_which_keys_count() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (_client, code) = stand.create(&home.path()).await;
    let refused = SyncClient::prepare_new_keys(&home.path(), &code, &options()).await.unwrap_err();
    assert_eq!(refused.code(), "new-keys-need-broker");
}
