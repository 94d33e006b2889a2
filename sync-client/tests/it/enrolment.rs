//! Creating and joining an account: what is refused, what can be repeated, what a device keeps.

use std::fs;

use tidegate_sync_client::{Class, Enrolment, Remote, SecretString, SyncClient};

use crate::stand::{OffClock, Stand, TestHome, options, sync};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_account_is_created_joined_and_opened_again() {
    let stand = Stand::broker().await;
    let (home_a, home_b) = (TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&home_a.path()).await;
    a.add_member("Ada").unwrap();
    sync(&a).await;
    let b = stand.join(&home_b.path(), &code).await;
    assert_ne!(a.device_id(), b.device_id());
    drop((a, b));
    for home in [&home_a, &home_b] {
        let client = SyncClient::open(&home.path(), options()).unwrap();
        sync(&client).await;
        assert_eq!(client.members().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_creation_goes_on_and_a_finished_one_is_refused() {
    let stand = Stand::broker().await;
    let home = TestHome::new();
    // The broker cannot be reached: everything is decided, nothing is done.
    let nowhere = Remote::broker("http://127.0.0.1:1").unwrap();
    let enrolment = Enrolment { remote: nowhere, ticket: stand.invite(1), device_name: "laptop".to_owned() };
    let error = SyncClient::create_account(&home.path(), enrolment, options()).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("broker-unreachable", Class::Retry));
    let error = SyncClient::create_account(&home.path(), stand.enrolment("laptop"), options()).await.unwrap_err();
    assert_eq!(error.code(), "enrolment-differs");

    let home = TestHome::new();
    let (client, code) = stand.create(&home.path()).await;
    // Until the code is known to be kept, the same call gives it again.
    let (again, same) = stand.create(&home.path()).await;
    assert_eq!(again.user_id(), client.user_id());
    assert_eq!(same.words().as_str(), code.words().as_str());
    assert!(client.recovery_code().unwrap().is_some());
    client.recovery_code_kept().unwrap();
    assert!(client.recovery_code().unwrap().is_none());
    let error = SyncClient::create_account(&home.path(), stand.enrolment("laptop"), options()).await.unwrap_err();
    assert_eq!(error.code(), "already-enrolled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_home_counts_is_repeated_without_harm() {
    for stand in [Stand::broker().await, Stand::direct().await] {
        let home = TestHome::new();
        let invite = stand.invite(1);
        let enrolment = || Enrolment { remote: stand.remote(), ticket: invite.clone(), device_name: "laptop".to_owned() };
        let first = SyncClient::create_account(&home.path(), enrolment(), options()).await.unwrap();
        let code = first.recovery_code.words().to_string();
        let user = first.client.user_id();
        drop(first);
        // As after a crash just before the keys were written: everything is in the store, the home does not count yet.
        fs::remove_file(home.path().join("keys.json")).unwrap();
        let second = SyncClient::create_account(&home.path(), enrolment(), options()).await.unwrap();
        assert_eq!(second.client.user_id(), user);
        assert_eq!(second.recovery_code.words().as_str(), code);
        sync(&second.client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_account_for_one_person_is_refused() {
    let stand = Stand::broker().await;
    let (home_a, home_b) = (TestHome::new(), TestHome::new());
    let (_, code) = stand.create(&home_a.path()).await;
    let error = SyncClient::create_account(&home_b.path(), stand.enrolment("phone"), options()).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("already-linked", Class::Conflict));
    assert!(error.help().contains("join"));
    // The same home can join then.
    stand.join(&home_b.path(), &code).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_invite_is_refused_and_the_same_device_gets_its_slot_again() {
    let stand = Stand::broker().await;
    let invite = stand.invite(1);
    let enrolment = || Enrolment { remote: stand.remote(), ticket: invite.clone(), device_name: "device".to_owned() };
    let (home_a, home_b) = (TestHome::new(), TestHome::new());
    let created = SyncClient::create_account(&home_a.path(), enrolment(), options()).await.unwrap();
    let error = SyncClient::join(&home_b.path(), enrolment(), &created.recovery_code, None, options()).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("invite-used-up", Class::Denied));
    created.client.sign_in(&invite.clone().unwrap()).await.unwrap();
    sync(&created.client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_needs_an_account_an_invite_and_the_right_code() {
    let stand = Stand::broker().await;
    let other = Stand::direct().await;
    let (home_a, home_b, home_c) = (TestHome::new(), TestHome::new(), TestHome::new());
    let (_, other_code) = other.create(&home_c.path()).await;

    let join = async |enrolment| SyncClient::join(&home_b.path(), enrolment, &other_code, None, options()).await.unwrap_err();
    assert_eq!(join(stand.enrolment("phone")).await.code(), "account-not-found");
    let without = Enrolment { ticket: None, ..stand.enrolment("phone") };
    assert_eq!(join(without).await.code(), "invite-missing");
    let forged = Enrolment { ticket: Some(SecretString::from("not an invite").into()), ..stand.enrolment("phone") };
    assert_eq!(join(forged).await.code(), "invite-invalid");

    let (_, code) = stand.create(&home_a.path()).await;
    let error = join(stand.enrolment("phone")).await;
    assert_eq!((error.code(), error.class()), ("recovery-code-wrong", Class::Invalid));
    stand.join(&home_b.path(), &code).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_with_several_accounts_asks_which() {
    let stand = Stand::direct().await;
    let (home_a, home_b, home_c) = (TestHome::new(), TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&home_a.path()).await;
    stand.create(&home_b.path()).await;
    let error = SyncClient::join(&home_c.path(), stand.enrolment("phone"), &code, None, options()).await.unwrap_err();
    assert_eq!(error.code(), "several-accounts");
    let user = Some(a.user_id());
    let c = SyncClient::join(&home_c.path(), stand.enrolment("phone"), &code, user, options()).await.unwrap();
    assert_eq!(c.user_id(), a.user_id());

    let empty = Stand::direct().await;
    let home = TestHome::new();
    let error = SyncClient::join(&home.path(), empty.enrolment("phone"), &code, None, options()).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("account-missing", Class::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_under_another_name_is_refused_before_anything_is_told() {
    let stand = Stand::broker().await;
    let Remote::Broker { url } = stand.remote() else { unreachable!() };
    let alias = Remote::broker(&url.replace("127.0.0.1", "localhost")).unwrap();
    let home = TestHome::new();
    let enrolment = Enrolment { remote: alias, ..stand.enrolment("laptop") };
    let error = SyncClient::create_account(&home.path(), enrolment, options()).await.unwrap_err();
    assert_eq!(error.code(), "broker-url-mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_hours_off_enrol_and_sync_all_the_same() {
    for stand in [Stand::broker().await, Stand::direct().await] {
        let (home_a, home_b) = (TestHome::new(), TestHome::new());
        let clock = |hours| tidegate_sync_client::Options {
            clock: std::sync::Arc::new(OffClock(time::Duration::hours(hours))),
            ..options()
        };
        let created = SyncClient::create_account(&home_a.path(), stand.enrolment("laptop"), clock(-5)).await.unwrap();
        let a = created.client;
        let member = a.add_member("Ada").unwrap();
        let body = tidegate_sync_client::Source::Bytes(b"x".to_vec());
        let written = a.put(tidegate_sync_client::NewRecord::new(member, body)).unwrap();
        sync(&a).await;
        let b = SyncClient::join(&home_b.path(), stand.enrolment("phone"), &created.recovery_code, None, clock(3)).await.unwrap();
        sync(&b).await;
        let offset = a.status().unwrap().clock_offset_ms;
        assert!((offset - 5 * 3_600_000).abs() < 60_000, "{offset}");
        let versions = b.history(written.record_id).unwrap();
        let age = time::OffsetDateTime::now_utc() - versions[0].timestamp;
        assert!(age.abs() < time::Duration::minutes(5), "made by the store's time, not the device's: {age}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_the_home_are_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let stand = Stand::broker().await;
    let home = TestHome::new();
    let (client, _) = stand.create(&home.path()).await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path()), 0o700);
    for name in ["keys.json", "session.json", "enrolment.json", "tidegate.db", "tidegate.db-wal"] {
        assert_eq!(mode(&home.path().join(name)), 0o600, "{name}");
    }
    let shown = format!("{client:?}");
    assert!(!shown.contains("master") && shown.len() < 300, "{shown}");
}
