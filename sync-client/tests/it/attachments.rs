//! Attachments of any size: into the store and back, stopped and gone on with, damaged, refused, and kept within limits.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use tidegate_protocol::{ContentHmac, ObjectKey};
use tidegate_sync_client::{
    Attached, Class, Content, ContentId, Error, ListFilter, NewAttachment, NewRecord, Options, Source, SyncClient,
};

use tidegate_sync_client::transport::PutCondition;

use crate::stand::{Fault, OffClock, Stand, TestHome, options, sync};

const MIB: usize = 1 << 20;

/// Bytes without a pattern, others for each seed.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

struct World {
    stand: Stand,
    a_home: TestHome,
    b_home: TestHome,
    a: SyncClient,
    b: SyncClient,
    files: tempfile::TempDir,
}

impl World {
    /// Two devices of one account with one member.
    async fn new(stand: Stand) -> Self {
        let (a_home, b_home) = (TestHome::new(), TestHome::new());
        let (a, code) = stand.create(&a_home.path()).await;
        a.add_member("Ada").unwrap();
        sync(&a).await;
        let b = stand.join(&b_home.path(), &code).await;
        sync(&b).await;
        Self { stand, a_home, b_home, a, b, files: tempfile::tempdir().unwrap() }
    }

    async fn direct() -> Self {
        Self::new(Stand::direct().await).await
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.files.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn attach(&self, name: &str, bytes: &[u8]) -> Attached {
        attach(&self.a, name, Source::File(self.file(name, bytes))).unwrap()
    }

    fn faults(&self) -> &crate::stand::Faults {
        match &self.stand {
            Stand::Direct(stand) => &stand.faults,
            Stand::Broker { .. } => panic!("only the direct stand misbehaves"),
        }
    }

    /// The keys of the stored attachments.
    fn stored(&self) -> Vec<ObjectKey> {
        let (store, bucket) = self.stand.store();
        let keys = store.objects(bucket).unwrap().into_iter().filter(|object| object.key.contains("/attachments/"));
        keys.map(|object| object.key.parse().unwrap()).collect()
    }

    fn read(&self, key: &ObjectKey) -> Vec<u8> {
        let (store, bucket) = self.stand.store();
        store.read(bucket, &key.to_string()).unwrap()
    }

    /// Puts other bytes under a key, as whoever runs the store can.
    async fn tamper(&self, key: &ObjectKey, body: &[u8]) {
        self.a.transport().unwrap().put(key, body.to_vec().into(), &PutCondition::None).await.unwrap();
    }

    /// The same homes opened by another process, so to speak, at another time.
    fn reopen(&self, days: i64) -> SyncClient {
        let clock = std::sync::Arc::new(OffClock(time::Duration::days(days)));
        SyncClient::open(&self.a_home.path(), Options { clock, ..options() }).unwrap()
    }
}

fn attach(client: &SyncClient, name: &str, body: Source) -> Result<Attached, Error> {
    let member = client.members().unwrap()[0].member_id;
    client.attach(NewAttachment { member, record: None, name: name.to_owned(), media_type: "image/jpeg".to_owned(), body })
}

async fn get(client: &SyncClient, hmac: ContentHmac) -> Result<Content, Error> {
    client.get(ContentId::Attachment(hmac)).await
}

fn sealed(home: &TestHome, hmac: ContentHmac) -> PathBuf {
    home.path().join("attachments").join(hmac.to_string())
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

const SIZES: [usize; 8] = [0, 1, 512, 513, 65_400, 3 * MIB + 17, 64 * MIB, 64 * MIB + 1];

async fn attachments_of_every_size_come_back(stand: Stand, sizes: &[usize]) {
    let world = World::new(stand).await;
    let all: Vec<(Attached, Vec<u8>)> = (1..)
        .zip(sizes.iter().copied())
        .map(|(seed, size)| {
            let bytes = noise(size, seed);
            (world.attach(&format!("{size}.jpg"), &bytes), bytes)
        })
        .collect();
    sync(&world.a).await;
    sync(&world.b).await;
    assert_eq!(world.stored().len(), sizes.len() - 3, "short ones travel in their change");
    for (attached, bytes) in all {
        assert_eq!(attached.bytes, bytes.len() as u64);
        let content = get(&world.b, attached.hmac).await.unwrap();
        assert!(content.bytes == bytes, "{} bytes", bytes.len());
        assert_eq!(content.media_type, "image/jpeg");
        // Again, from the device.
        assert!(get(&world.b, attached.hmac).await.unwrap().bytes == bytes);
        assert!(get(&world.a, attached.hmac).await.unwrap().bytes == bytes);
    }
    assert_eq!(sync(&world.a).await.traffic.requests.to_store(), 1, "and then there is nothing left to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_of_every_size_come_back_straight_from_the_store() {
    attachments_of_every_size_come_back(Stand::direct().await, &SIZES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_of_every_size_come_back_through_a_broker() {
    attachments_of_every_size_come_back(Stand::broker().await, &SIZES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_content_is_sent_once_and_known_elsewhere_without_a_request() {
    let world = World::direct().await;
    let bytes = noise(100_000, 1);
    assert!(!world.attach("a.jpg", &bytes).deduplicated);
    assert!(world.attach("b.jpg", &bytes).deduplicated);
    let sent = sync(&world.a).await.traffic;
    assert!(sent.bytes_up < 150_000, "{sent:?}");
    sync(&world.b).await;
    let again = attach(&world.b, "c.jpg", Source::Bytes(bytes.clone())).unwrap();
    assert!(again.deduplicated);
    let sent = sync(&world.b).await.traffic;
    assert!(sent.bytes_up < 10_000 && sent.requests.head == 0, "{sent:?}");
    assert_eq!(world.stored().len(), 1);
    // It was on the device when it was attached, so it need not be fetched.
    let before = world.b.transport().unwrap().traffic().total().requests.get;
    assert!(get(&world.b, again.hmac).await.unwrap().bytes == bytes);
    assert_eq!(world.b.transport().unwrap().traffic().total().requests.get, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_are_fetched_when_somebody_asks() {
    let world = World::direct().await;
    let attached = world.attach("photo.jpg", &noise(200_000, 2));
    sync(&world.a).await;
    let report = sync(&world.b).await;
    assert!(report.traffic.bytes_down < 100_000, "{report:?}");
    let listed = &world.b.list(&ListFilter::default()).unwrap().attachments[0];
    assert_eq!((listed.hmac, listed.bytes, listed.local), (attached.hmac, 200_000, false));
    get(&world.b, attached.hmac).await.unwrap();
    assert!(world.b.list(&ListFilter::default()).unwrap().attachments[0].local);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_off_goes_on_where_it_stopped() {
    let world = World::direct().await;
    let bytes = noise(4 * MIB, 3);
    let attached = world.attach("film.mp4", &bytes);
    sync(&world.a).await;
    sync(&world.b).await;
    // Each connection ends after 1 MiB.
    world.faults().cut_answers_after(Some(MIB));
    let before = world.b.transport().unwrap().traffic().total();
    assert!(get(&world.b, attached.hmac).await.unwrap().bytes == bytes);
    let traffic = world.b.transport().unwrap().traffic().total().since(&before);
    assert!(traffic.requests.get >= 4, "{traffic:?}");
    assert!(traffic.bytes_down < 5 * MIB as u64, "nothing comes twice: {traffic:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_gone_on_with_by_another_process() {
    let world = World::direct().await;
    let bytes = noise(4 * MIB, 4);
    let attached = world.attach("film.mp4", &bytes);
    sync(&world.a).await;
    sync(&world.b).await;
    world.faults().cut_answers_after(Some(MIB));
    world.faults().after(2, Fault::Status(503, None));
    let error = get(&world.b, attached.hmac).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("store-unavailable", Class::Retry));
    world.faults().cut_answers_after(None);
    world.faults().always(None);
    let other = SyncClient::open(&world.b_home.path(), options()).unwrap();
    assert!(get(&other, attached.hmac).await.unwrap().bytes == bytes);
    assert!(other.transport().unwrap().traffic().total().bytes_down < 3 * MIB as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_knows_no_ranges_costs_time_only() {
    let world = World::direct().await;
    let bytes = noise(3 * MIB, 5);
    let attached = world.attach("film.mp4", &bytes);
    sync(&world.a).await;
    sync(&world.b).await;
    world.faults().cut_answers_after(Some(2 * MIB));
    world.faults().after(1, Fault::Status(503, None));
    get(&world.b, attached.hmac).await.unwrap_err();
    world.faults().always(None);
    world.faults().cut_answers_after(None);
    world.faults().ignore_ranges(true);
    assert!(get(&world.b, attached.hmac).await.unwrap().bytes == bytes);
}

/// Writes an attachment into a new file; the file's bytes, or why there are none.
async fn write_out(client: &SyncClient, hmac: ContentHmac, path: &Path) -> Result<Vec<u8>, Error> {
    client.write_to(ContentId::Attachment(hmac), File::create(path).unwrap(), &|_, _| {}).await?;
    Ok(fs::read(path).unwrap())
}

/// The same, into a file as it is.
async fn write_on(client: &SyncClient, hmac: ContentHmac, path: &Path) -> Result<Vec<u8>, Error> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap();
    client.write_to(ContentId::Attachment(hmac), file, &|_, _| {}).await?;
    Ok(fs::read(path).unwrap())
}

/// The names in the folder of sealed files.
fn sealed_names(home: &TestHome) -> Vec<String> {
    let entries = fs::read_dir(home.path().join("attachments")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_is_written_to_a_file_in_one_pass_and_kept_unless_it_is_long() {
    let world = World::direct().await;
    let (short, long, inline) = (noise(300_000, 50), noise(21 * MIB + 13, 51), noise(100, 52));
    let attached = [("short", &short), ("long", &long), ("inline", &inline)].map(|(name, bytes)| world.attach(name, bytes).hmac);
    sync(&world.a).await;
    let options = Options { keep_written: MIB as u64, ..options() };
    let client = SyncClient::open(&world.b_home.path(), options).unwrap();
    sync(&client).await;
    let path = world.files.path().join("out");
    for (hmac, bytes) in attached.into_iter().zip([&short, &long, &inline]) {
        for _ in 0..2 {
            assert!(write_out(&client, hmac, &path).await.unwrap() == *bytes);
        }
    }
    assert_eq!(sealed_names(&world.b_home), [attached[0].to_string()], "the long one is not there twice");
    // What is on the device is written from there.
    assert!(write_out(&world.a, attached[1], &path).await.unwrap() == long);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_downloads_at_once_share_one_budget_and_all_come() {
    let world = World::direct().await;
    let contents: Vec<Vec<u8>> = (0..4).map(|seed| noise(20 * MIB + seed, 60 + seed as u64)).collect();
    let hmacs: Vec<ContentHmac> =
        contents.iter().enumerate().map(|(n, bytes)| world.attach(&format!("{n}"), bytes).hmac).collect();
    sync(&world.a).await;
    // Room for one range and a half.
    let options = Options { download_budget: 12 << 20, ..options() };
    let client = SyncClient::open(&world.b_home.path(), options).unwrap();
    sync(&client).await;
    let paths: Vec<PathBuf> = (0..4).map(|n| world.files.path().join(format!("out-{n}"))).collect();
    let all = hmacs.iter().zip(&paths).map(|(hmac, path)| write_out(&client, *hmac, path));
    for (got, bytes) in futures_util::future::join_all(all).await.into_iter().zip(&contents) {
        assert!(got.unwrap() == *bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_download_in_ranges_goes_on_where_it_broke_off_and_loses_nothing_to_a_store_without_ranges() {
    let world = World::direct().await;
    let bytes = noise(40 * MIB, 70);
    let hmac = world.attach("film.mp4", &bytes).hmac;
    sync(&world.a).await;
    sync(&world.b).await;
    let path = world.files.path().join("out");
    // Each answer ends within its range, also of those that come before their turn.
    world.faults().cut_answers_after(Some(5 * MIB));
    assert!(write_out(&world.b, hmac, &path).await.unwrap() == bytes);
    world.b.clear_cache().unwrap();
    // In one process to somewhere in the middle, in another to the end, into another file.
    world.faults().after(2, Fault::Status(503, None));
    write_out(&world.b, hmac, &path).await.unwrap_err();
    assert_eq!(fs::metadata(&path).unwrap().len(), 0, "what has come is sealed in the home");
    let partial = sealed_names(&world.b_home);
    assert!(partial.len() == 1 && partial[0].ends_with(".part"), "{partial:?}");
    world.faults().always(None);
    world.faults().cut_answers_after(None);
    let other = SyncClient::open(&world.b_home.path(), options()).unwrap();
    let second = world.files.path().join("second");
    assert!(write_out(&other, hmac, &second).await.unwrap() == bytes);
    assert!(other.transport().unwrap().traffic().total().bytes_down < 37 * MIB as u64, "the first 5 MiB were there");
    other.clear_cache().unwrap();
    world.faults().ignore_ranges(true);
    assert!(write_out(&other, hmac, &path).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_on_with_its_own_beginning_and_with_no_other() {
    let world = World::direct().await;
    let bytes = noise(40 * MIB, 72);
    let hmac = world.attach("film.mp4", &bytes).hmac;
    sync(&world.a).await;
    let nothing_stays = Options { keep_written: 0, ..options() };
    let client = || SyncClient::open(&world.b_home.path(), nothing_stays.clone()).unwrap();
    let down = |client: &SyncClient| client.transport().unwrap().traffic().total().bytes_down;
    sync(&client()).await;
    let path = world.files.path().join("out");
    world.faults().cut_answers_after(Some(5 * MIB));
    world.faults().after(2, Fault::Status(503, None));
    write_on(&client(), hmac, &path).await.unwrap_err();
    world.faults().always(None);
    world.faults().cut_answers_after(None);
    let begun = fs::read(&path).unwrap();
    assert!(begun.len() > 4 * MIB && bytes.starts_with(&begun));
    assert!(!world.b_home.path().join("attachments").exists(), "there is one copy of it");
    let other = client();
    assert!(write_on(&other, hmac, &path).await.unwrap() == bytes);
    assert!(down(&other) < 37 * MIB as u64, "the first 5 MiB were there");
    // What is all there is proven without more than the padding.
    let other = client();
    assert!(write_on(&other, hmac, &path).await.unwrap() == bytes);
    assert!(down(&other) < 2 * MIB as u64);

    let (mut altered, mut longer) = (begun.clone(), bytes.clone());
    altered[MIB] ^= 1;
    longer.extend_from_slice(&noise(MIB, 73));
    let mut changed_at_its_end = bytes.clone();
    *changed_at_its_end.last_mut().unwrap() ^= 1;
    for there in [altered, longer, changed_at_its_end, noise(10 * MIB, 74), noise(50 * MIB, 75), b"short".to_vec()] {
        fs::write(&path, there).unwrap();
        assert!(write_on(&client(), hmac, &path).await.unwrap() == bytes);
    }
    // One that can be written alone begins anew.
    fs::write(&path, &begun).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    client().write_to(ContentId::Attachment(hmac), file, &|_, _| {}).await.unwrap();
    assert!(fs::read(&path).unwrap() == bytes);
    world.faults().ignore_ranges(true);
    fs::write(&path, &begun).unwrap();
    assert!(write_on(&client(), hmac, &path).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_the_file_gives_way_wherever_the_content_comes_from() {
    let world = World::direct().await;
    let (short, inline) = (noise(300_000, 76), noise(100, 77));
    let path = world.files.path().join("out");
    for bytes in [&short, &inline] {
        let hmac = world.attach("it", bytes).hmac;
        sync(&world.a).await;
        sync(&world.b).await;
        // From the store, and then from the device.
        for _ in 0..2 {
            fs::write(&path, noise(MIB, 78)).unwrap();
            assert!(write_on(&world.b, hmac, &path).await.unwrap() == *bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_the_callers() {
    let world = World::direct().await;
    let hmac = world.attach("a.jpg", &noise(300_000, 71)).hmac;
    sync(&world.a).await;
    sync(&world.b).await;
    let path = world.file("read only", b"");
    let file = File::open(path).unwrap();
    let error = world.b.write_to(ContentId::Attachment(hmac), file, &|_, _| {}).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("file-unwritable", Class::Invalid));
    assert!(get(&world.b, hmac).await.is_ok(), "and nothing else is in the way");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_swapped_and_cut_objects_are_refused_by_name() {
    let world = World::direct().await;
    let (bytes, other) = (noise(300_000, 6), noise(300_000, 7));
    let (attached, swapped) = (world.attach("a.jpg", &bytes), world.attach("b.jpg", &other));
    sync(&world.a).await;
    sync(&world.b).await;
    let key_of = |hmac: ContentHmac| world.stored().into_iter().find(|key| key.to_string().contains(&hmac.to_string())).unwrap();
    let (key, other_key) = (key_of(attached.hmac), key_of(swapped.hmac));
    let (good, other) = (world.read(&key), world.read(&other_key));
    let mut flipped = good.clone();
    flipped[200_000] ^= 1;
    let longer = [good.clone(), vec![0; 65_552]].concat();
    let cases = [
        ("flipped", flipped, "envelope-tampered"),
        ("cut", good[..good.len() - 70_000].to_vec(), "envelope-wrong-length"),
        ("longer", longer, "envelope-wrong-length"),
        ("another's", other, "envelope-commitment-mismatch"),
        ("nothing of ours", vec![7; good.len()], "not-an-envelope"),
        ("empty", Vec::new(), "envelope-wrong-length"),
    ];
    for (what, body, reason) in cases {
        world.tamper(&key, &body).await;
        let out = world.files.path().join("out");
        for error in
            [get(&world.b, attached.hmac).await.unwrap_err(), write_out(&world.b, attached.hmac, &out).await.unwrap_err()]
        {
            assert_eq!((error.code(), error.class()), ("content-damaged", Class::Corrupt), "{what}");
            assert!(error.to_string().contains(reason), "{what}: {error}");
        }
    }
    // Cut while somebody is at it.
    world.tamper(&key, &good).await;
    world.faults().cut_answers_after(Some(200_000));
    world.faults().attachments_after(1, Fault::Status(503, None));
    assert_eq!(get(&world.b, attached.hmac).await.unwrap_err().class(), Class::Retry);
    world.faults().always(None);
    world.faults().cut_answers_after(None);
    world.tamper(&key, &good[..100_000]).await;
    let error = get(&world.b, attached.hmac).await.unwrap_err();
    assert!(error.to_string().contains("envelope-truncated"), "{error}");
    // Nothing of it is kept, and what is whole again is fetched.
    world.tamper(&key, &good).await;
    assert!(get(&world.b, attached.hmac).await.unwrap().bytes == bytes);
    // What is young is not deleted.
    world.stand.age(8);
    world.a.transport().unwrap().delete(&[other_key]).await.unwrap();
    assert_eq!(get(&world.b, swapped.hmac).await.unwrap_err().code(), "content-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_the_store_has_are_not_sent_again() {
    let world = World::direct().await;
    let bytes = noise(70 * MIB, 8);
    let attached = world.attach("scan.dcm", &bytes);
    // Create and two parts; then the store is away.
    world.faults().attachments_after(3, Fault::Status(503, None));
    let error = world.a.sync(&|_| {}).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error}");
    world.faults().always(None);
    let again = world.reopen(0);
    let before = again.transport().unwrap().traffic().total();
    sync(&again).await;
    let sent = again.transport().unwrap().traffic().total().since(&before);
    assert!(sent.bytes_up < 58 * MIB as u64, "at most three of five parts again: {sent:?}");
    assert_eq!(world.stored().len(), 1);
    sync(&world.b).await;
    assert!(get(&world.b, attached.hmac).await.unwrap().bytes == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_upload_begins_anew_under_another_name() {
    let world = World::direct().await;
    for (size, seed) in [(70 * MIB, 9), (100_000, 10)] {
        let bytes = noise(size, seed);
        let before = world.stored();
        let attached = world.attach(&format!("{size}"), &bytes);
        let first = fs::read(sealed(&world.a_home, attached.hmac)).unwrap();
        // Of the large one the store has a part by then.
        world.faults().attachments_after(if size > MIB { 2 } else { 0 }, Fault::Status(503, None));
        world.a.sync(&|_| {}).await.unwrap_err();
        world.faults().always(None);
        // The store's own clock is what counts, so it is the beginning that is put back.
        let database = rusqlite::Connection::open(world.a_home.path().join("tidegate.db")).unwrap();
        database.execute("UPDATE uploads SET began_at_ms = began_at_ms - 4 * 86400000", []).unwrap();
        drop(database);
        sync(&world.a).await;
        let second = fs::read(sealed(&world.a_home, attached.hmac)).unwrap();
        assert!(first != second && first.len() == second.len());
        let new: Vec<ObjectKey> = world.stored().into_iter().filter(|key| !before.contains(key)).collect();
        assert!(new.iter().any(|key| world.read(key) == second));
        sync(&world.b).await;
        assert!(get(&world.b, attached.hmac).await.unwrap().bytes == bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_and_is_attached_again_gets_another_name() {
    let world = World::direct().await;
    let bytes = noise(100_000, 11);
    let attached = world.attach("a.jpg", &bytes);
    sync(&world.a).await;
    world.a.delete_attachment(attached.hmac).unwrap();
    sync(&world.a).await;
    let database = rusqlite::Connection::open(world.a_home.path().join("tidegate.db")).unwrap();
    database.execute("UPDATE uploads SET began_at_ms = began_at_ms - 4 * 86400000", []).unwrap();
    drop(database);
    world.attach("a.jpg", &bytes);
    sync(&world.a).await;
    assert_eq!(world.stored().len(), 2, "the old object may be on its way out");
    sync(&world.b).await;
    assert!(get(&world.b, attached.hmac).await.unwrap().bytes == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_on_the_device_holds_up_nothing_else() {
    let world = World::direct().await;
    let (lost, damaged) = (world.attach("lost.jpg", &noise(100_000, 12)), world.attach("damaged.jpg", &noise(100_000, 13)));
    let whole = world.attach("whole.jpg", &noise(100_000, 14));
    let member = world.a.members().unwrap()[0].member_id;
    world.a.put(NewRecord::new(member, Source::Bytes(noise(1_000, 15)))).unwrap();
    fs::remove_file(sealed(&world.a_home, lost.hmac)).unwrap();
    overwrite(&sealed(&world.a_home, damaged.hmac), 50_000, &[0; 100]);
    let report = sync(&world.a).await;
    assert_eq!(report.quarantined.len(), 2, "{report:?}");
    assert_eq!(world.a.status().unwrap().pending, 2);
    sync(&world.b).await;
    let listing = world.b.list(&ListFilter::default()).unwrap();
    assert_eq!((listing.records.len(), listing.attachments.len()), (1, 1));
    assert!(get(&world.b, whole.hmac).await.is_ok());
    // Attached once more, they are whole again.
    fs::remove_file(sealed(&world.a_home, damaged.hmac)).unwrap();
    world.attach("lost again.jpg", &noise(100_000, 12));
    world.attach("damaged again.jpg", &noise(100_000, 13));
    let report = sync(&world.a).await;
    assert_eq!((report.quarantined.len(), world.a.status().unwrap().pending), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_keeps_what_is_unsent_and_what_was_used_last() {
    let world = World::direct().await;
    let all: Vec<Attached> = (0..4).map(|n| world.attach(&format!("{n}"), &noise(100_000, 20 + n))).collect();
    sync(&world.a).await;
    let unsent = world.attach("unsent", &noise(100_000, 30));
    get(&world.a, all[0].hmac).await.unwrap();
    let evicted = world.a.set_cache_limit(350_000).unwrap();
    assert_eq!(evicted.attachments, 2);
    let local = |client: &SyncClient| {
        let listing = client.list(&ListFilter::default()).unwrap();
        let local = listing.attachments.iter().filter(|attachment| attachment.local);
        local.map(|attachment| attachment.hmac).collect::<std::collections::BTreeSet<_>>()
    };
    assert!(local(&world.a).contains(&all[0].hmac) && local(&world.a).contains(&unsent.hmac));
    assert_eq!(local(&world.a).len(), 3);
    assert_eq!(world.a.cache_usage().unwrap().attachments, 3);
    // What is gone comes back, and pushes out what was used before it.
    assert!(get(&world.a, all[1].hmac).await.unwrap().bytes == noise(100_000, 21));
    assert_eq!(local(&world.a).len(), 3);
    world.a.clear_cache().unwrap();
    assert_eq!(local(&world.a), [unsent.hmac].into());
    sync(&world.a).await;
    assert_eq!(world.a.cache_usage().unwrap().limit, 350_000);
    let options = Options { cache_limit: Some(0), ..options() };
    let small = SyncClient::open(&world.a_home.path(), options).unwrap();
    sync(&small).await;
    assert!(local(&small).is_empty());
    assert!(get(&small, unsent.hmac).await.unwrap().bytes == noise(100_000, 30), "fetched, and not kept");
    assert!(local(&small).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_took_away_is_fetched_again() {
    let world = World::direct().await;
    let bytes = noise(100_000, 40);
    let attached = world.attach("a.jpg", &bytes);
    sync(&world.a).await;
    fs::remove_file(sealed(&world.a_home, attached.hmac)).unwrap();
    assert!(get(&world.a, attached.hmac).await.unwrap().bytes == bytes);
    overwrite(&sealed(&world.a_home, attached.hmac), 50_000, &[0; 100]);
    assert_eq!(get(&world.a, attached.hmac).await.unwrap_err().code(), "content-damaged");
    assert!(get(&world.a, attached.hmac).await.unwrap().bytes == bytes, "the damaged copy is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_crashes_left_is_swept_and_a_file_without_a_row_is_no_attachment() {
    let world = World::direct().await;
    let attached = world.attach("a.jpg", &noise(100_000, 41));
    let folder = world.a_home.path().join("attachments");
    let orphan = folder.join("0".repeat(64));
    File::create(&orphan).unwrap();
    let again = world.reopen(0);
    assert!(!orphan.exists());
    assert!(sealed(&world.a_home, attached.hmac).exists());
    assert_eq!(again.list(&ListFilter::default()).unwrap().attachments.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_plaintext_lies_in_the_home() {
    let world = World::direct().await;
    let bytes = b"nobody may read this on the device ".repeat(5_000);
    let attached = world.attach("secret name.txt", &bytes);
    sync(&world.a).await;
    sync(&world.b).await;
    get(&world.b, attached.hmac).await.unwrap();
    for home in [&world.a_home, &world.b_home] {
        for entry in walk(&home.path()) {
            let found = fs::read(&entry).unwrap();
            for plaintext in [b"nobody may read".as_slice(), b"secret name"] {
                assert!(!found.windows(plaintext.len()).any(|window| window == plaintext), "{}", entry.display());
            }
        }
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_may_have_the_content_of_an_attachment() {
    let world = World::direct().await;
    let bytes = noise(100_000, 42);
    let member = world.a.members().unwrap()[0].member_id;
    world.attach("a.jpg", &bytes);
    let record = world.a.put(NewRecord::new(member, Source::Bytes(bytes.clone()))).unwrap().record_id;
    sync(&world.a).await;
    world.a.put(NewRecord::new(member, Source::Bytes(vec![1; 1_000])).version_of(record)).unwrap();
    world.a.clear_cache().unwrap();
    let first = world.a.history(record).unwrap().last().unwrap().cid;
    world.a.restore(record, first).await.unwrap();
    sync(&world.a).await;
    sync(&world.b).await;
    assert!(world.b.get(ContentId::Record(record, None)).await.unwrap().bytes == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_tells_how_much_it_has_to_send() {
    let world = World::direct().await;
    world.attach("a.jpg", &noise(5 * MIB, 43));
    let most = std::sync::Mutex::new((0, 0));
    world
        .a
        .sync(&|progress| {
            let mut most = most.lock().unwrap();
            *most = (most.0.max(progress.bytes_to_send), most.1.max(progress.bytes_up));
        })
        .await
        .unwrap();
    let (to_send, sent) = *most.lock().unwrap();
    assert!(to_send > 5 * MIB as u64 && sent >= to_send, "{to_send} {sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_and_a_file_that_grows_are_handled() {
    let world = World::direct().await;
    let path = world.file("grows", &noise(100_000, 44));
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let member = world.a.members().unwrap()[0].member_id;
    let new = NewAttachment {
        member,
        record: None,
        name: "grows".to_owned(),
        media_type: "text/plain".to_owned(),
        body: Source::File(path.clone()),
    };
    let wrote = std::cell::Cell::new(false);
    let mut handle = file.try_clone().unwrap();
    let error = world.a.attach_with(new, &|_, _| {
        if !wrote.replace(true) {
            (&file).write_all(b"more").unwrap();
        }
    });
    assert_eq!(error.unwrap_err().code(), "file-changed");
    handle.flush().unwrap();
    file.flush().unwrap();
    let left = fs::read_dir(world.a_home.path().join("attachments")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing of it is left");
}
