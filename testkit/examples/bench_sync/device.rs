//! A device of Tidegate in a process of its own: the sync client as an app embeds it, at work on a folder.
//!
//! An app tells the client what was edited; it does not compare folders. So `send` is given the files that changed, and `receive`
//! writes those that a sync has brought.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use tidegate_protocol::{MemberId, RecordId, UserId};
use tidegate_sync_client::{
    ContentId, Enrolment, ListFilter, NewAttachment, NewRecord, Options, RecoveryCode, Remote, Source, SyncClient,
};

use super::Fallible;
use super::store::BUCKET;

/// The first argument of such a process.
pub(crate) const COMMAND: &str = "device";

/// Files are stored together, so many at a time.
const BATCH: usize = 2_048;
/// Threads that write files.
const WRITERS: usize = 2;
/// Contents that such a thread reads at a time.
const READ_AT_ONCE: usize = 256;

/// `device VERB HOME ARGUMENT...`
///
/// # Errors
/// What the client says.
pub(crate) fn run(words: &[OsString]) -> Result<(), String> {
    let [verb, home, arguments @ ..] = words else { return Err("device needs a verb and a home".to_owned()) };
    let (verb, home) = (verb.to_str().unwrap_or_default(), Path::new(home));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        match (verb, arguments) {
            ("create", [endpoint, recovery]) => create(home, endpoint, Path::new(recovery)).await,
            ("join", [endpoint, recovery]) => join(home, endpoint, Path::new(recovery)).await,
            ("send", [list]) => send(home, Path::new(list)).await,
            ("receive", [to]) => receive(home, Path::new(to)).await,
            ("attach", [file]) => attach(home, PathBuf::from(file)).await,
            (other, _) => Err(format!("no such verb, or wrong arguments: {other}")),
        }
    })
}

async fn create(home: &Path, endpoint: &OsString, recovery: &Path) -> Fallible<()> {
    let created = SyncClient::create_account(home, enrolment(endpoint)?, Options::default()).await.map_err(said)?;
    let text = format!("{}\n{}\n", created.client.user_id(), created.recovery_code.words().as_str());
    fs::write(recovery, text).map_err(said)?;
    created.client.recovery_code_kept().map_err(said)?;
    created.client.add_member("Ada").map(drop).map_err(said)
}

async fn join(home: &Path, endpoint: &OsString, recovery: &Path) -> Fallible<()> {
    let text = fs::read_to_string(recovery).map_err(said)?;
    let (user, words) = text.trim().split_once('\n').ok_or("no recovery code")?;
    let code = RecoveryCode::parse(words).map_err(said)?;
    let user: UserId = user.parse().map_err(said)?;
    let joined = SyncClient::join(home, enrolment(endpoint)?, &code, Some(user), Options::default()).await;
    joined.map(drop).map_err(said)
}

async fn send(home: &Path, list: &Path) -> Fallible<()> {
    let client = SyncClient::open(home, Options::default()).map_err(said)?;
    let list = fs::read_to_string(list).map_err(said)?;
    let files: Vec<&Path> = list.lines().map(Path::new).collect();
    if !files.is_empty() {
        let member = only_member(&client)?;
        let known: BTreeMap<String, RecordId> = records(&client)?.into_iter().map(|(id, (title, _))| (title, id)).collect();
        let read = |path: &&Path| {
            let name = name_of(path)?;
            let new = NewRecord::new(member, Source::Bytes(fs::read(path).map_err(said)?)).title(name);
            Ok(match known.get(name) {
                Some(record) => new.version_of(*record),
                None => new.kind("document"),
            })
        };
        // One thread reads what another stores.
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(1);
            let read = &read;
            let files = &files;
            scope.spawn(move || {
                let read = files.chunks(BATCH).map(|batch| batch.iter().map(read).collect::<Fallible<Vec<NewRecord>>>());
                // Nobody takes it: the client has refused the batch before.
                let _ = read.into_iter().try_for_each(|batch| sender.send(batch));
            });
            batches.into_iter().try_for_each(|batch| client.put_all(batch?).map(drop).map_err(said))
        })?;
    }
    client.sync(&|_progress| {}).await.map(drop).map_err(said)
}

async fn receive(home: &Path, to: &Path) -> Fallible<()> {
    let client = SyncClient::open(home, Options::default()).map_err(said)?;
    let before = records(&client)?;
    client.sync(&|_progress| {}).await.map_err(said)?;
    let is_new =
        |(record, (_, version)): &(RecordId, (String, u64))| before.get(record).is_none_or(|(_, before)| before != version);
    let new: Vec<(RecordId, (String, u64))> = records(&client)?.into_iter().filter(is_new).collect();
    // As other tools do: two threads, or the file system would be waited for most of the time.
    let mut writers = tokio::task::JoinSet::new();
    for half in new.chunks(new.len().div_ceil(WRITERS).max(1)) {
        let (client, half, to) = (client.clone(), half.to_vec(), to.to_owned());
        writers.spawn(async move { write_out(&client, &half, &to).await });
    }
    while let Some(written) = writers.join_next().await {
        written.map_err(said)??;
    }
    for attachment in client.list(&ListFilter::default()).map_err(said)?.attachments {
        let path = to.join(&attachment.name);
        if !path.exists() {
            let file = File::create(path).map_err(said)?;
            client.write_to(ContentId::Attachment(attachment.hmac), file, &|_, _| {}).await.map_err(said)?;
        }
    }
    Ok(())
}

/// Writes records into files of their titles.
async fn write_out(client: &SyncClient, records: &[(RecordId, (String, u64))], to: &Path) -> Fallible<()> {
    for some in records.chunks(READ_AT_ONCE) {
        let ids: Vec<ContentId> = some.iter().map(|(record, _)| ContentId::Record(*record, None)).collect();
        let contents = client.get_all(&ids).await.map_err(said)?;
        for ((_, (title, _)), content) in some.iter().zip(contents) {
            overwrite(&to.join(title), &content.bytes)?;
        }
    }
    Ok(())
}

/// Writes a file, in place where there is one: of a file that is cut to nothing and written again, ext4 waits for the disk.
fn overwrite(path: &Path, bytes: &[u8]) -> Fallible<()> {
    let mut file = match File::options().write(true).create_new(true).open(path) {
        Ok(mut file) => return file.write_all(bytes).map_err(said),
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists) => File::options().write(true).open(path).map_err(said)?,
        Err(error) => return Err(said(error)),
    };
    file.write_all(bytes).and_then(|()| file.set_len(bytes.len() as u64)).map_err(said)
}

async fn attach(home: &Path, file: PathBuf) -> Fallible<()> {
    let client = SyncClient::open(home, Options::default()).map_err(said)?;
    let (member, name) = (only_member(&client)?, name_of(&file)?.to_owned());
    let media_type = "application/octet-stream".to_owned();
    let attachment = NewAttachment { member, record: None, name, media_type, body: Source::File(file) };
    client.attach(attachment).map_err(said)?;
    client.sync(&|_progress| {}).await.map(drop).map_err(said)
}

fn enrolment(endpoint: &OsString) -> Fallible<Enrolment> {
    let endpoint = endpoint.to_str().ok_or("the store's address is no text")?;
    let remote = Remote::direct(endpoint, BUCKET, "us-east-1", false).map_err(said)?;
    Ok(Enrolment { remote, ticket: None, device_name: "bench".to_owned() })
}

fn only_member(client: &SyncClient) -> Fallible<MemberId> {
    let members = client.members().map_err(said)?;
    members.first().map(|member| member.member_id).ok_or_else(|| "nobody is in this account".to_owned())
}

/// Title and version of each record.
fn records(client: &SyncClient) -> Fallible<BTreeMap<RecordId, (String, u64)>> {
    let listing = client.list(&ListFilter::default()).map_err(said)?;
    Ok(listing.records.into_iter().map(|info| (info.record_id, (info.title, info.version))).collect())
}

fn name_of(path: &Path) -> Fallible<&str> {
    path.file_name().and_then(|name| name.to_str()).ok_or_else(|| format!("{} has no name", path.display()))
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
