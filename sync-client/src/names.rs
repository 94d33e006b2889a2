//! What samples are called outside of the account. Their own ids hold the pump's name, which is a serial number or names its wearer at
//! the vendor, so they never leave: each place gets names of its own, which say nothing and cannot be held against each other.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Keeps this use of a space's naming key apart from every other.
const LABEL: &[u8] = b"tidegate/sample-names/v1";

/// Where a name is to be used; the same sample has another name in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SamplePlace {
    /// Apple Health: sync identifiers.
    AppleHealth,
    /// Nightscout.
    Nightscout,
    /// FHIR resources.
    Fhir,
    /// Tables.
    Csv,
    /// Tidepool-like JSON.
    Tidepool,
}

impl SamplePlace {
    const fn label(self) -> &'static str {
        match self {
            Self::AppleHealth => "apple-health",
            Self::Nightscout => "nightscout",
            Self::Fhir => "fhir",
            Self::Csv => "csv",
            Self::Tidepool => "tidepool",
        }
    }
}

/// Names samples: the same name for the same sample on every device of the account, for ever.
#[derive(Clone)]
pub struct SampleNames(Zeroizing<[u8; 32]>);

impl SampleNames {
    /// With a key of one's own: where there is no account. [`crate::SyncClient::sample_names`] gives those of a family member.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    pub(crate) const fn from_secret(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The name of a sample in a place: a UUID of version 8.
    #[must_use]
    pub fn name(&self, place: SamplePlace, sample: &str) -> Uuid {
        let mac = self.mac(&[place.label().as_bytes(), sample.as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// HMAC-SHA256 of these parts, each behind its length, so that no two lists of parts are one text.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of any length");
        for part in std::iter::once(&LABEL).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SampleNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SampleNames(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_its_place_its_key_and_its_sample() {
        let names = SampleNames::new([7; 32]);
        let name = names.name(SamplePlace::Csv, "pump/0/1/bolus");
        assert_eq!(name, SampleNames::new([7; 32]).name(SamplePlace::Csv, "pump/0/1/bolus"));
        assert_eq!(name.get_version_num(), 8);
        assert_ne!(name, names.name(SamplePlace::Fhir, "pump/0/1/bolus"));
        assert_ne!(name, names.name(SamplePlace::Csv, "pump/0/1/carbohydrates"));
        assert_ne!(name, SampleNames::new([8; 32]).name(SamplePlace::Csv, "pump/0/1/bolus"));
        assert_ne!(names.mac(&[b"ab", b"c"]), names.mac(&[b"a", b"bc"]));
        assert_eq!(format!("{names:?}"), "SampleNames(***)");
    }
}
