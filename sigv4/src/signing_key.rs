//! The signing key of one day, region and service.

use std::fmt;

use time::Date;
use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::hmac::{BegunMac, HmacKey};
use crate::timestamp::push_date;

/// The key that signs for one date, one region and the service `s3`.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>, "Calculate Signature".
#[derive(Clone)]
pub struct SigningKey {
    key: HmacKey,
    date: Date,
}

impl SigningKey {
    /// Derives the key of `date` (in UTC) and `region` from the secret.
    #[must_use]
    pub fn derive(credentials: &Credentials, date: Date, region: &str) -> Self {
        Self::derive_for(credentials, date, region, "s3")
    }

    /// The same for another service than `s3`.
    pub(crate) fn derive_for(credentials: &Credentials, date: Date, region: &str, service: &str) -> Self {
        let mut secret = Zeroizing::new(String::with_capacity("AWS4".len() + credentials.secret().len()));
        secret.push_str("AWS4");
        secret.push_str(credentials.secret());
        let mut day = String::with_capacity("YYYYMMDD".len());
        push_date(date, &mut day);

        let mut key = HmacKey::new(secret.as_bytes());
        for step in [day.as_str(), region, service, "aws4_request"] {
            key = HmacKey::new(Zeroizing::new(key.mac(step.as_bytes())).as_slice());
        }
        Self { key, date }
    }

    /// The date in UTC that the key signs for.
    #[must_use]
    pub fn date(&self) -> Date {
        self.date
    }

    /// Prepares the signature over the part of the string to sign that a whole batch shares.
    pub(crate) fn begin(&self, shared: &str) -> BegunMac {
        self.key.begin(shared.as_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("date", &self.date).finish_non_exhaustive()
    }
}
