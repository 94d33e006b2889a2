//! Where a bucket lives and how its objects are addressed.

use thiserror::Error;
use url::{Host, Url};

use crate::encode::{Path, encoded_len, push_with_len};

/// How a URL names the bucket.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressingStyle {
    /// `https://host/bucket/key`, which every store understands.
    Path,
    /// `https://bucket.host/key`, which needs a wildcard name and certificate.
    VirtualHost,
}

/// A bucket behind an address: what every URL of its objects begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    origin: String,
    authority_at: usize,
    path_prefix: String,
    bucket: String,
    style: AddressingStyle,
}

/// Why an address or a bucket name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address is not a URL.
    #[error("endpoint is not a URL")]
    NotAUrl(#[from] url::ParseError),
    /// The scheme is neither `http` nor `https`.
    #[error("endpoint scheme {scheme} is neither http nor https")]
    Scheme {
        /// The scheme as given.
        scheme: String,
    },
    /// The address carries a user, a password, a query or a fragment.
    #[error("endpoint carries a user, a password, a query or a fragment")]
    NotABase,
    /// The path of the address needs percent-encoding.
    #[error("endpoint path {path:?} holds more than letters, digits, - . _ ~ and /")]
    BasePath {
        /// The path as parsed.
        path: String,
    },
    /// The bucket name breaks the naming rules of S3.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
    #[error("bucket name {bucket:?} is not 3 to 63 lower-case letters, digits, dots and hyphens")]
    BucketName {
        /// The name as given.
        bucket: String,
    },
    /// An IP address cannot carry the bucket as a subdomain.
    #[error("virtual-host style needs a domain name, not the address {host}")]
    AddressWithVirtualHost {
        /// The host as given.
        host: String,
    },
}

impl Endpoint {
    /// Reads the address of a store, such as `https://s3.eu-central-1.amazonaws.com` or `http://127.0.0.1:9000/base`.
    ///
    /// # Errors
    /// [`EndpointError`] if the address or the bucket name cannot be used.
    pub fn new(base_url: &str, bucket: &str, style: AddressingStyle) -> Result<Self, EndpointError> {
        let url = Url::parse(base_url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme { scheme: url.scheme().to_owned() });
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::NotABase);
        }
        if !is_bucket_name(bucket) {
            return Err(EndpointError::BucketName { bucket: bucket.to_owned() });
        }
        let base_path = url.path().trim_end_matches('/');
        if encoded_len::<Path>(base_path) != base_path.len() {
            return Err(EndpointError::BasePath { path: base_path.to_owned() });
        }
        let host = host_of(&url, bucket, style)?;
        // The parser leaves a scheme's default port out, as HTTP clients do in the Host header that is signed.
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let path_prefix = match style {
            AddressingStyle::Path => format!("{base_path}/{bucket}/"),
            AddressingStyle::VirtualHost => format!("{base_path}/"),
        };
        Ok(Self {
            origin: format!("{}://{host}{port}", url.scheme()),
            authority_at: url.scheme().len() + "://".len(),
            path_prefix,
            bucket: bucket.to_owned(),
            style,
        })
    }

    /// The URL of an object, unsigned; of the bucket itself if `key` is empty.
    #[must_use]
    pub fn object_url(&self, key: &str) -> String {
        let key_len = encoded_len::<Path>(key);
        let mut url = String::with_capacity(self.base_len() + key_len);
        self.push_url(key, key_len, &mut url);
        url
    }

    /// The value of the Host header: host, and port unless it is the scheme's own.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.origin[self.authority_at..]
    }

    /// The name of the bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// How URLs name the bucket.
    #[must_use]
    pub fn style(&self) -> AddressingStyle {
        self.style
    }

    /// Scheme, host and port, such as `http://127.0.0.1:9000`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The length in bytes of all that stands before the key.
    pub(crate) fn base_len(&self) -> usize {
        self.origin.len() + self.path_prefix.len()
    }

    /// Appends the URL of an object whose key is `key_len` bytes long once encoded.
    pub(crate) fn push_url(&self, key: &str, key_len: usize, out: &mut String) {
        out.push_str(&self.origin);
        out.push_str(&self.path_prefix);
        push_with_len::<Path>(key, key_len, out);
    }
}

fn host_of(url: &Url, bucket: &str, style: AddressingStyle) -> Result<String, EndpointError> {
    let host = url.host().ok_or(url::ParseError::EmptyHost)?;
    match (style, host) {
        (AddressingStyle::Path, host) => Ok(host.to_string()),
        (AddressingStyle::VirtualHost, Host::Domain(domain)) => Ok(format!("{bucket}.{domain}")),
        (AddressingStyle::VirtualHost, host @ (Host::Ipv4(_) | Host::Ipv6(_))) => {
            Err(EndpointError::AddressWithVirtualHost { host: host.to_string() })
        }
    }
}

fn is_bucket_name(name: &str) -> bool {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| is_edge(*byte) || matches!(byte, b'.' | b'-'))
        && bytes.first().is_some_and(|byte| is_edge(*byte))
        && bytes.last().is_some_and(|byte| is_edge(*byte))
        && !name.contains("..")
}
