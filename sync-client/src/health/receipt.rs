//! Receipts: what an app gives back for each sample that was written. They say all that the ledger has to know, under a MAC, so
//! that nothing has to be kept between a batch and its confirmation, and nothing can be confirmed that was not handed over to that store.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;
use tidegate_tandem::{Sample, Withdrawn};

use super::ledger::{Entry, EntryId};
use crate::names::SampleNames;

const LENGTH: usize = 16 + 4 + 8 + 16;

/// A receipt of one version of one sample for one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    entry: Entry,
    mac: [u8; 16],
}

/// The receipts of a family member's samples for one store.
pub(super) struct Receipts<'a> {
    pub(super) names: &'a SampleNames,
    pub(super) store: &'a str,
}

impl Receipts<'_> {
    /// The name of a sample in the ledger.
    pub(super) fn entry_id(&self, sample: &str) -> EntryId {
        first_half(self.names.mac(&[b"health-ledger", self.store.as_bytes(), sample.as_bytes()]))
    }

    pub(super) fn of(&self, sample: &Sample) -> Receipt {
        self.receipt(&sample.id, sample.version, sample.end.utc)
    }

    /// Of the deletion of what is no sample any more.
    pub(super) fn of_withdrawn(&self, withdrawn: &Withdrawn) -> Receipt {
        self.receipt(&withdrawn.id, withdrawn.version, withdrawn.at)
    }

    fn receipt(&self, sample: &str, version: u32, ended: Timestamp) -> Receipt {
        let entry = Entry { id: self.entry_id(sample), version, ended_ms: ended.as_millisecond() };
        Receipt { entry, mac: self.mac(entry) }
    }

    /// What a receipt says; `None` if it is not one of this store and family member.
    pub(super) fn open(&self, text: &str) -> Option<Entry> {
        let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (ended_ms, mac) = rest.split_first_chunk::<8>()?;
        let entry = Entry { id: *id, version: u32::from_be_bytes(*version), ended_ms: i64::from_be_bytes(*ended_ms) };
        bool::from(self.mac(entry).ct_eq(mac)).then_some(entry)
    }

    fn mac(&self, entry: Entry) -> [u8; 16] {
        let (version, ended_ms) = (entry.version.to_be_bytes(), entry.ended_ms.to_be_bytes());
        first_half(self.names.mac(&[b"health-receipt", self.store.as_bytes(), &entry.id, &version, &ended_ms]))
    }
}

impl Receipt {
    pub(super) fn to_text(self) -> String {
        let Entry { id, version, ended_ms } = self.entry;
        let bytes = [&id[..], &version.to_be_bytes(), &ended_ms.to_be_bytes(), &self.mac].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn first_half(mac: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&mac[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_of_its_store_its_member_and_its_version() {
        let (ours, theirs) = (SampleNames::new([1; 32]), SampleNames::new([2; 32]));
        let phone = Receipts { names: &ours, store: "phone" };
        let entry = Entry { id: phone.entry_id("p/0/1/bolus"), version: 1_000_003, ended_ms: 1_793_491_880_000 };
        let text = Receipt { entry, mac: phone.mac(entry) }.to_text();
        assert_eq!(text.len(), 59);
        assert_eq!(phone.open(&text), Some(entry));
        assert_eq!(Receipts { names: &ours, store: "pad" }.open(&text), None);
        assert_eq!(Receipts { names: &theirs, store: "phone" }.open(&text), None);
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert_eq!(phone.open(&URL_SAFE_NO_PAD.encode(changed)), None, "byte {index}");
        }
        for text in ["", "!", &text[1..], &format!("{text}A"), "ü"] {
            assert_eq!(phone.open(text), None);
        }
    }
}
