//! What the two devices do while they are offline: both edit the same note, and one writes a note of its own.

use tidegate_sync_client::{ContentId, ListFilter, NewRecord, RecordInfo, Source};

use super::device::Device;
use super::folder::Document;
use crate::failure::Failure;
use crate::style::shown;

const BY_A: &str = "\n\nFrom the phone: next visit 14 January, 9:30.\n";
const BY_B: &str = "\n\nFrom the tablet: moved to 15 January, 11:00.\n";
const NEW_TITLE: &str = "questions-for-the-next-visit.md";
const NEW_NOTE: &str = "# Questions for the next visit\n\n- Is the dose still right?\n- May we travel in February?\n";

/// The edits as they were made.
pub(crate) struct Edits {
    /// The title of the note that both edited.
    title: String,
    original: Vec<u8>,
    by_a: Vec<u8>,
    by_b: Vec<u8>,
}

/// The conflict needs a note; a folder without one gets one.
pub(crate) fn with_something_to_edit(mut documents: Vec<Document>) -> Vec<Document> {
    if !documents.iter().any(|document| document.is_record() && is_note(&document.media_type)) {
        let member = documents.first().map_or_else(|| "Family".to_owned(), |document| document.member.clone());
        let bytes = b"# Next visit\n\nThis note was added by the demo, so that there is one to edit.\n".to_vec();
        documents.push(Document { member, title: "next-visit.md".to_owned(), media_type: "text/markdown".to_owned(), bytes });
    }
    documents
}

/// Both devices edit the same note, neither knowing of the other; B also writes a new one.
pub(crate) async fn make(a: &Device, b: &Device) -> Result<Edits, Failure> {
    let note = note_to_edit(a)?;
    let original = a.client.get(ContentId::Record(note.record_id, None)).await?.bytes;
    let (by_a, by_b) = ([&original, BY_A.as_bytes()].concat(), [&original, BY_B.as_bytes()].concat());
    for (device, body) in [(a, &by_a), (b, &by_b)] {
        let body = Source::Bytes(body.clone());
        let (member, record) = (note.member_id, Some(note.record_id));
        device.client.put(NewRecord { member, record, kind: None, media_type: None, title: None, body })?;
    }
    b.client.put(NewRecord {
        member: note.member_id,
        record: None,
        kind: Some("note".to_owned()),
        media_type: Some("text/markdown".to_owned()),
        title: Some(NEW_TITLE.to_owned()),
        body: Source::Bytes(NEW_NOTE.as_bytes().to_vec()),
    })?;
    Ok(Edits { title: note.title, original, by_a, by_b })
}

/// The last note by title, so that every run edits the same one.
fn note_to_edit(device: &Device) -> Result<RecordInfo, Failure> {
    let records = device.client.list(&ListFilter::default())?.records.into_iter();
    let last = records.filter(|record| is_note(&record.media_type)).max_by(|one, other| one.title.cmp(&other.title));
    last.ok_or_else(|| Failure::bug("the demo's device lists no note, though one was stored"))
}

fn is_note(media_type: &str) -> bool {
    media_type.starts_with("text/")
}

impl Edits {
    pub(crate) fn summary(&self) -> String {
        format!("both change {} at once; B also writes a new note", shown(&self.title))
    }

    /// Titles and texts that came with the edits.
    pub(crate) const fn titles(&self) -> [&'static str; 1] {
        [NEW_TITLE]
    }

    pub(crate) fn texts(&self) -> [&[u8]; 3] {
        [&self.by_a, &self.by_b, NEW_NOTE.as_bytes()]
    }

    /// The contents that a device must hold in the end: every file as it was, the edited one in both of its new forms.
    pub(crate) fn expected<'a>(&'a self, documents: &'a [Document]) -> Vec<&'a [u8]> {
        let untouched = documents.iter().map(|document| document.bytes.as_slice()).filter(|bytes| *bytes != self.original);
        untouched.chain(self.texts()).collect()
    }
}
