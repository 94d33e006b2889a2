//! The signing key of one day, region and service.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::Date;
use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::timestamp::push_date;

type HmacSha256 = Hmac<Sha256>;

/// The key that signs for one date, one region and the service `s3`, as a prepared HMAC.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>, "Calculate Signature".
#[derive(Clone)]
pub struct SigningKey {
    mac: HmacSha256,
    date: Date,
}

impl SigningKey {
    /// Derives the key of `date` (in UTC) and `region` from the secret.
    #[must_use]
    pub fn derive(credentials: &Credentials, date: Date, region: &str) -> Self {
        let mut secret = Zeroizing::new(String::with_capacity("AWS4".len() + credentials.secret().len()));
        secret.push_str("AWS4");
        secret.push_str(credentials.secret());
        let mut day = String::with_capacity(8);
        push_date(date, &mut day);

        let mut mac = keyed(secret.as_bytes());
        for step in [day.as_str(), region, "s3", "aws4_request"] {
            mac.update(step.as_bytes());
            mac = keyed(Zeroizing::<[u8; 32]>::new(mac.finalize().into_bytes().into()).as_slice());
        }
        Self { mac, date }
    }

    /// The date in UTC that the key signs for.
    #[must_use]
    pub fn date(&self) -> Date {
        self.date
    }

    /// Prepares the HMAC over the part of the string to sign that a whole batch shares.
    pub(crate) fn begin(&self, shared: &str) -> SignatureMac {
        SignatureMac(self.mac.clone().chain_update(shared))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("date", &self.date).finish_non_exhaustive()
    }
}

/// An HMAC that has taken in the shared part of the string to sign.
pub(crate) struct SignatureMac(HmacSha256);

impl SignatureMac {
    /// The signature over the shared part and `rest`.
    pub(crate) fn finish(&self, rest: &str) -> [u8; 32] {
        self.0.clone().chain_update(rest).finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}
