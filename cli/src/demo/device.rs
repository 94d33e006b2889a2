//! One of the demo's two devices.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use tidegate_protocol::MemberId;
use tidegate_sync_client::{
    Created, Enrolment, NewAttachment, NewRecord, Options, RecoveryCode, Remote, Source, SyncClient, SyncReport, Traffic,
};

use super::folder::Document;
use super::stage::Stage;
use crate::commands::kind_of;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::SyncBar;
use crate::style::{count, size};

/// A device, and what its syncs have sent and fetched so far.
pub(crate) struct Device {
    name: &'static str,
    pub(crate) client: SyncClient,
    traffic: Mutex<Traffic>,
    output: Output,
}

/// What was stored at the beginning.
pub(crate) struct Stored {
    pub(crate) members: Vec<String>,
    pub(crate) records: usize,
    pub(crate) attachments: usize,
    pub(crate) bytes: u64,
}

impl Device {
    /// The first device: it creates the account.
    pub(crate) async fn create(name: &'static str, stage: &Stage, output: Output) -> Result<(Self, RecoveryCode), Failure> {
        let home = stage.home(letter(name));
        let created = SyncClient::create_account(&home, enrolment(name, stage)?, Options::default()).await?;
        let Created { client, recovery_code } = created;
        Ok((Self::new(name, client, output), recovery_code))
    }

    /// A further device.
    pub(crate) async fn join(
        name: &'static str,
        stage: &Stage,
        recovery_code: &RecoveryCode,
        output: Output,
    ) -> Result<Self, Failure> {
        let home = stage.home(letter(name));
        let client = SyncClient::join(&home, enrolment(name, stage)?, recovery_code, None, Options::default()).await?;
        Ok(Self::new(name, client, output))
    }

    fn new(name: &'static str, client: SyncClient, output: Output) -> Self {
        Self { name, client, traffic: Mutex::default(), output }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn letter(&self) -> &'static str {
        letter(self.name)
    }

    /// Everything that its syncs sent and fetched.
    pub(crate) fn traffic(&self) -> Traffic {
        *self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores every document for its family member, on this device alone as yet.
    pub(crate) fn store(&self, documents: &[Document]) -> Result<Stored, Failure> {
        let mut members: BTreeMap<&str, MemberId> = BTreeMap::new();
        let mut stored = Stored { members: Vec::new(), records: 0, attachments: 0, bytes: 0 };
        for document in documents {
            let member = match members.get(document.member.as_str()) {
                Some(member) => *member,
                None => {
                    stored.members.push(document.member.clone());
                    let member = self.client.add_member(&document.member)?;
                    members.insert(&document.member, member);
                    member
                }
            };
            stored.bytes += document.bytes.len() as u64;
            if document.is_record() {
                self.client.put(record_of(document, member))?;
                stored.records += 1;
            } else {
                self.client.attach(attachment_of(document, member))?;
                stored.attachments += 1;
            }
        }
        Ok(stored)
    }

    /// Syncs once.
    pub(crate) async fn sync(&self) -> Result<Synced, Failure> {
        let bar = SyncBar::new(self.output, self.name);
        let report = self.client.sync(&|progress| bar.update(progress)).await?;
        drop(bar);
        let mut traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        *traffic = sum(*traffic, report.traffic);
        Ok(Synced(report))
    }
}

/// A report, in one line.
pub(crate) struct Synced(SyncReport);

impl fmt::Display for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SyncReport { pushed, pulled, conflicts, traffic, .. } = &self.0;
        let requests = count(traffic.requests.to_store(), "request");
        write!(
            f,
            "{pushed} sent, {pulled} fetched; {requests}, {} up, {} down",
            size(traffic.bytes_up),
            size(traffic.bytes_down)
        )?;
        if *conflicts > 0 { write!(f, "; {}", count(*conflicts, "conflict")) } else { Ok(()) }
    }
}

fn letter(name: &'static str) -> &'static str {
    name.rsplit(' ').next().unwrap_or(name)
}

fn enrolment(name: &str, stage: &Stage) -> Result<Enrolment, Failure> {
    let remote = Remote::broker(stage.broker())?;
    Ok(Enrolment { remote, ticket: Some(stage.ticket().clone()), device_name: name.to_owned() })
}

fn record_of(document: &Document, member: MemberId) -> NewRecord {
    NewRecord {
        member,
        record: None,
        kind: Some(kind_of(&document.media_type).to_owned()),
        media_type: Some(document.media_type.clone()),
        title: Some(document.title.clone()),
        body: Source::Bytes(document.bytes.clone()),
    }
}

fn attachment_of(document: &Document, member: MemberId) -> NewAttachment {
    NewAttachment {
        member,
        record: None,
        name: document.title.clone(),
        media_type: document.media_type.clone(),
        body: Source::Bytes(document.bytes.clone()),
    }
}

/// What two stretches of work came to together.
pub(crate) fn sum(one: Traffic, other: Traffic) -> Traffic {
    let (mut total, more) = (one, other.requests);
    total.requests.get += more.get;
    total.requests.put += more.put;
    total.requests.head += more.head;
    total.requests.list += more.list;
    total.requests.delete += more.delete;
    total.requests.presign += more.presign;
    total.requests.renew += more.renew;
    total.bytes_up += other.bytes_up;
    total.bytes_down += other.bytes_down;
    total
}
