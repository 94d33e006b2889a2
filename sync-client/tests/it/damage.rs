//! A local database that is damaged, newer, gone, in use or out of space.

use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};

use rusqlite::Connection;
use tidegate_protocol::MemberId;
use tidegate_sync_client::{Class, ContentId, ListFilter, NewRecord, Source, SyncClient, Written};

use crate::stand::{Stand, TestHome, options, sync};

fn write(client: &SyncClient, body: &[u8]) -> Written {
    let member = client.members().unwrap()[0].member_id;
    client.put(NewRecord::new(member, Source::Bytes(body.to_vec())).title("A very private title")).unwrap()
}

async fn synced(stand: &Stand, home: &TestHome) -> (SyncClient, Written) {
    let (client, _) = stand.create(&home.path()).await;
    client.add_member("Ada the private").unwrap();
    let written = write(&client, &[b"plaintext that nobody may read ".repeat(60), vec![1; 300]].concat());
    sync(&client).await;
    (client, written)
}

fn overwrite(home: &TestHome, at: u64) {
    let mut file = OpenOptions::new().write(true).open(home.path().join("tidegate.db")).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[0xa5; 4_096]).unwrap();
}

/// Whoever looks at changes is told, every time, and nothing is decided upon them.
fn says_that_it_is_damaged(client: &SyncClient, member: MemberId, written: &Written) {
    for _ in 0..2 {
        assert_eq!(client.list(&ListFilter::default()).unwrap_err().code(), "local-database-damaged");
        let edit = NewRecord::new(member, Source::Bytes(b"another".to_vec())).version_of(written.record_id);
        assert_eq!(client.put(edit).unwrap_err().code(), "local-database-damaged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_found_and_made_again_from_the_store() {
    let stand = Stand::direct().await;
    for at in [0, 4_096, 8_192] {
        let home = TestHome::new();
        let (client, written) = synced(&stand, &home).await;
        write(&client, b"never sent");
        drop(client);
        overwrite(&home, at);
        let error = SyncClient::open(&home.path(), options()).unwrap_err();
        assert_eq!((error.code(), error.class()), ("local-database-damaged", Class::Corrupt), "at {at}");
        assert!(error.help().contains("rebuild"));

        let rebuilt = SyncClient::rebuild(&home.path(), options()).await.unwrap();
        let content = rebuilt.client.get(ContentId::Record(written.record_id, None)).await.unwrap();
        assert!(content.bytes.starts_with(b"plaintext that"));
        assert_eq!(rebuilt.client.status().unwrap().pending, 0);
        // It goes on writing where nobody is confused by it.
        write(&rebuilt.client, b"after");
        sync(&rebuilt.client).await;
        assert_eq!(sync(&rebuilt.client).await.traffic.requests.to_store(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_says_how_many_edits_are_lost() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (client, _) = synced(&stand, &home).await;
    write(&client, b"never sent");
    write(&client, b"nor this");
    drop(client);
    let rebuilt = SyncClient::rebuild(&home.path(), options()).await.unwrap();
    assert_eq!(rebuilt.lost_edits, Some(2));
    assert_eq!(rebuilt.client.list(&ListFilter::default()).unwrap().records.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_is_damage_and_a_missing_home_is_none() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (client, _) = synced(&stand, &home).await;
    drop(client);
    fs::remove_file(home.path().join("tidegate.db")).unwrap();
    assert_eq!(SyncClient::open(&home.path(), options()).unwrap_err().code(), "local-database-damaged");
    assert_eq!(SyncClient::open(&TestHome::new().path(), options()).unwrap_err().code(), "not-enrolled");
    fs::write(home.path().join("keys.json"), b"{\"format\":").unwrap();
    let error = SyncClient::open(&home.path(), options()).unwrap_err();
    assert_eq!((error.code(), error.class()), ("local-file-damaged", Class::Corrupt));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_left_alone() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (client, _) = synced(&stand, &home).await;
    drop(client);
    let connection = Connection::open(home.path().join("tidegate.db")).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let error = SyncClient::open(&home.path(), options()).unwrap_err();
    assert_eq!((error.code(), error.class()), ("local-database-newer", Class::Invalid));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_tampered_with_are_damage() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (client, written) = synced(&stand, &home).await;
    let member = client.members().unwrap()[0].member_id;
    drop(client);
    let connection = Connection::open(home.path().join("tidegate.db")).unwrap();
    // Swapped rows open as nothing else than what they were.
    connection.execute("UPDATE changes SET sealed = (SELECT sealed FROM changes LIMIT 1)", []).unwrap();
    drop(connection);
    // Rows are read when somebody looks at them.
    let client = SyncClient::open(&home.path(), options()).unwrap();
    assert_eq!(sync(&client).await.traffic.requests.to_store(), 1, "a sync that finds nothing new looks at no change");
    says_that_it_is_damaged(&client, member, &written);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_row_among_hundreds_is_damage() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (client, written) = synced(&stand, &home).await;
    let member = client.members().unwrap()[0].member_id;
    let new = (0..600).map(|number| NewRecord::new(member, Source::Bytes(format!("record {number}").into_bytes())));
    client.put_all(new.collect()).unwrap();
    drop(client);
    let client = SyncClient::open(&home.path(), options()).unwrap();
    assert_eq!(client.list(&ListFilter::default()).unwrap().records.len(), 601);
    drop(client);
    let connection = Connection::open(home.path().join("tidegate.db")).unwrap();
    let another = "(SELECT sealed FROM changes WHERE rowid = 300)";
    assert_eq!(connection.execute(&format!("UPDATE changes SET sealed = {another} WHERE rowid = 400"), []).unwrap(), 1);
    drop(connection);
    let client = SyncClient::open(&home.path(), options()).unwrap();
    says_that_it_is_damaged(&client, member, &written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_to_be_sent_that_is_swapped_or_gone_is_damage_and_no_segment_names_it() {
    for damage in [
        "UPDATE contents SET sealed = (SELECT sealed FROM contents WHERE rowid = 20) WHERE rowid = 30",
        "DELETE FROM contents WHERE rowid = 30",
    ] {
        let stand = Stand::direct().await;
        let home = TestHome::new();
        let (client, _) = synced(&stand, &home).await;
        let member = client.members().unwrap()[0].member_id;
        let body = |number: u8| [b"a content of its own object or pack ".repeat(40), vec![number]].concat();
        client.put_all((0..40).map(|number| NewRecord::new(member, Source::Bytes(body(number)))).collect()).unwrap();
        drop(client);
        let segments = || {
            let (store, bucket) = stand.store();
            store.objects(bucket).unwrap().iter().filter(|object| object.key.contains("/manifest/")).count()
        };
        let before = segments();
        assert_ne!(before, 0);
        let connection = Connection::open(home.path().join("tidegate.db")).unwrap();
        assert_eq!(connection.execute(damage, []).unwrap(), 1);
        drop(connection);
        let client = SyncClient::open(&home.path(), options()).unwrap();
        let error = client.sync(&|_progress| {}).await.unwrap_err();
        assert_eq!((error.code(), error.class()), ("local-database-damaged", Class::Corrupt), "{damage}: {error}");
        assert_eq!((segments(), client.status().unwrap().pending), (before, 40), "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_database_nor_store_holds_plaintext() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (client, _) = synced(&stand, &home).await;
    let (store, bucket) = stand.store();
    let mut found: Vec<Vec<u8>> =
        store.objects(bucket).unwrap().iter().map(|object| store.read(bucket, &object.key).unwrap()).collect();
    drop(client);
    for entry in fs::read_dir(home.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("enrolment.json") {
            found.push(fs::read(path).unwrap());
        }
    }
    for secret in ["plaintext that nobody", "A very private title", "Ada the private"] {
        let leaks = found.iter().any(|bytes| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        assert!(!leaks, "{secret:?} can be read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_in_use_by_another_process_is_busy() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (client, _) = synced(&stand, &home).await;
    // Another process is another open file.
    let lock = OpenOptions::new().write(true).open(home.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let error = client.add_member("Grace").unwrap_err();
    assert_eq!((error.code(), error.class()), ("home-busy", Class::Retry));
    assert_eq!(client.members().unwrap().len(), 1, "reading needs no lock");
    drop(lock);
    client.add_member("Grace").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_made_is_told() {
    let stand = Stand::direct().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let below_a_file = file.path().join("home");
    let error = SyncClient::create_account(&below_a_file, stand.enrolment("laptop"), options()).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("home-unwritable", Class::Invalid));
}
