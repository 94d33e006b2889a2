//! Where an account's objects live and how this device reaches them.

use serde::{Deserialize, Serialize};
use tidegate_sigv4::{AddressingStyle, Endpoint};
use url::Url;

use crate::error::Error;

/// The way to the objects; kept in the home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Remote {
    /// Presigned URLs from a broker.
    Broker {
        /// The broker's public URL.
        url: String,
    },
    /// The store itself, with an access key of one's own.
    Direct {
        /// The store's address, for example `https://s3.eu-central-1.amazonaws.com`.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// The region, for example `us-east-1`; R2: `auto`.
        region: String,
        /// Whether the bucket stands in the host name rather than in the path.
        virtual_host: bool,
    },
}

impl Remote {
    /// A broker, its URL checked and without a slash at the end.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if the URL is not `http` or `https`, or carries a user, query or fragment.
    pub fn broker(url: &str) -> Result<Self, Error> {
        Ok(Self::Broker { url: normal_url("broker", url)? })
    }

    /// A store with an access key of one's own.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if the address, bucket or region cannot be used.
    pub fn direct(endpoint: &str, bucket: &str, region: &str, virtual_host: bool) -> Result<Self, Error> {
        let endpoint = normal_url("store address", endpoint)?;
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let (value, reason) = (region.to_owned(), "it has letters, digits and hyphens only".to_owned());
            return Err(Error::InvalidSetting { setting: "region", value, reason });
        }
        let remote = Self::Direct { endpoint, bucket: bucket.to_owned(), region: region.to_owned(), virtual_host };
        remote.endpoint().map(|_| remote.clone())
    }

    /// The address that sigv4 signs for.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Error> {
        match self {
            Self::Broker { .. } => Err(Error::bug("a broker has no bucket address")),
            Self::Direct { endpoint, bucket, virtual_host, .. } => {
                let style = if *virtual_host { AddressingStyle::VirtualHost } else { AddressingStyle::Path };
                Endpoint::new(endpoint, bucket, style).map_err(|error| Error::InvalidSetting {
                    setting: "store address or bucket",
                    value: format!("{endpoint} {bucket}"),
                    reason: error.to_string(),
                })
            }
        }
    }
}

/// The URL in the one form that is signed and compared: parsed, no slash at the end.
pub(crate) fn normal_url(setting: &'static str, text: &str) -> Result<String, Error> {
    let invalid = |reason: String| Error::InvalidSetting { setting, value: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("it begins with http:// or https://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The value may hold a password here, so it is left out.
        let reason = "it may not carry a user or password".to_owned();
        return Err(Error::InvalidSetting { setting, value: url.host_str().unwrap_or_default().to_owned(), reason });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it may not carry a query or fragment".to_owned()));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
