//! The store, as whoever runs it sees it: every object of the bucket, read from the disk and searched.

use super::edits::Edits;
use super::folder::Document;
use super::scan::{Findings, Plaintexts};
use super::stage::Stage;
use crate::failure::Failure;

/// What was found, and whether the search itself can be believed.
pub(crate) struct Inspection {
    pub(crate) findings: Findings,
    /// Plaintexts and names that were looked for.
    pub(crate) looked_for: usize,
}

/// Searches the whole bucket for every content, title, file name, person's and device's name.
///
/// # Errors
/// A bug if the search does not find a plaintext that was planted for it.
pub(crate) async fn inspect(
    stage: &Stage,
    documents: &[Document],
    edits: &Edits,
    devices: [&str; 2],
) -> Result<Inspection, Failure> {
    let contents: Vec<&[u8]> = documents.iter().map(|document| document.bytes.as_slice()).chain(edits.texts()).collect();
    let of_documents = documents.iter().flat_map(|document| [document.member.as_str(), document.title.as_str()]);
    let names: Vec<&str> = of_documents.chain(edits.titles()).chain(devices).collect();
    let looked_for = contents.len() + names.len();
    let plaintexts = Plaintexts::new(contents, names);
    check_the_search(&plaintexts, edits)?;

    let store = stage.store();
    let bucket = stage.bucket().to_owned();
    let searched = tokio::task::spawn_blocking(move || {
        let mut findings = Findings::default();
        for object in store.objects(&bucket)? {
            plaintexts.search(&object.key, &store.read(&bucket, &object.key)?, &mut findings);
        }
        Ok::<_, tidegate_embedded_s3::StoreError>(findings)
    });
    let findings = searched.await.map_err(|error| Failure::bug(format!("the search of the store stopped: {error}")))?;
    let findings = findings.map_err(|error| Failure::bug(format!("the demo's own store can't be read: {error}")))?;
    Ok(Inspection { findings, looked_for })
}

/// A search that finds nothing proves something only if it would find something.
fn check_the_search(plaintexts: &Plaintexts, edits: &Edits) -> Result<(), Failure> {
    let mut planted = Findings::default();
    for text in edits.texts() {
        let compressed = zstd::encode_all(text, 3).map_err(|error| Failure::bug(format!("zstd failed: {error}")))?;
        plaintexts.search("planted", &[&[0xff; 40], text, &[0xff; 40]].concat(), &mut planted);
        plaintexts.search("planted", &compressed, &mut planted);
    }
    if planted.keys.len() as u64 == planted.objects {
        return Ok(());
    }
    Err(Failure::bug("the search of the store did not find the plaintexts that were planted to test it"))
}
