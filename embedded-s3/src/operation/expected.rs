//! What a PUT says of its body before it sends it; all of it must come true.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::TRANSFER_ENCODING;
use s3s::dto::{PutObjectInput, UploadPartInput};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, TrailingHeaders};

use super::failure::error;
use crate::body::{BodyDigests, WantedDigests};
use crate::index::Algorithm;

/// Largest body of a single PUT, of an object or a part: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
pub(super) const LARGEST: u64 = 5 << 30;

/// Length and digests that a request announced.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Bytes.
    pub(super) length: u64,
    md5: Option<String>,
    /// Header and query parameter may both name one; both must fit.
    sha256: Vec<String>,
    sha1: Option<String>,
    crc32: Option<String>,
    crc32c: Option<String>,
    crc64nvme: Option<String>,
    trailer: Option<String>,
    /// What the upload of a part is summed up by.
    summed_by: Option<Algorithm>,
}

/// Headers in which a request announces its body.
struct Announced {
    length: Option<i64>,
    md5: Option<String>,
    sha256: Option<String>,
    sha1: Option<String>,
    crc32: Option<String>,
    crc32c: Option<String>,
    crc64nvme: Option<String>,
}

/// [`Announced`] of a request's input: PutObject's and UploadPart's types have the same fields.
macro_rules! announced {
    ($input:expr) => {
        Announced {
            length: $input.content_length,
            md5: $input.content_md5.clone(),
            sha256: $input.checksum_sha256.clone(),
            sha1: $input.checksum_sha1.clone(),
            crc32: $input.checksum_crc32.clone(),
            crc32c: $input.checksum_crc32c.clone(),
            crc64nvme: $input.checksum_crc64nvme.clone(),
        }
    };
}

impl Expected {
    pub(super) fn of_object(request: &S3Request<PutObjectInput>) -> S3Result<Self> {
        Self::of(announced!(request.input), request)
    }

    pub(super) fn of_part(request: &S3Request<UploadPartInput>) -> S3Result<Self> {
        Self::of(announced!(request.input), request)
    }

    fn of<T>(announced: Announced, request: &S3Request<T>) -> S3Result<Self> {
        let length = announced_length(announced.length, &request.headers)?;
        if length > LARGEST {
            return Err(error(S3ErrorCode::EntityTooLarge, "a single PUT takes at most 5 GiB"));
        }
        let mut sha256: Vec<String> = announced.sha256.into_iter().collect();
        sha256.extend(hoisted(request.uri.query().unwrap_or_default())?);
        let expected = Self {
            length,
            md5: announced.md5,
            sha256,
            sha1: announced.sha1,
            crc32: announced.crc32,
            crc32c: announced.crc32c,
            crc64nvme: announced.crc64nvme,
            trailer: trailer(&request.headers)?,
            summed_by: None,
        };
        expected.check_digests()?;
        Ok(expected)
    }

    /// The same of a part whose upload is summed up by this, too.
    pub(super) const fn summed_by(mut self, algorithm: Option<Algorithm>) -> Self {
        self.summed_by = algorithm;
        self
    }

    /// Which digests have to be computed beside MD5 and SHA-256.
    pub(super) fn wanted(&self) -> WantedDigests {
        let in_trailer = |name: &str| self.trailer.as_deref() == Some(name);
        let mut wanted = WantedDigests {
            crc32: self.crc32.is_some() || in_trailer("x-amz-checksum-crc32"),
            crc32c: self.crc32c.is_some() || in_trailer("x-amz-checksum-crc32c"),
            crc64nvme: self.crc64nvme.is_some() || in_trailer("x-amz-checksum-crc64nvme"),
            sha1: self.sha1.is_some() || in_trailer("x-amz-checksum-sha1"),
        };
        if let Some(algorithm) = self.summed_by {
            algorithm.add_to(&mut wanted);
        }
        wanted
    }

    /// Compares with what was received; the trailer is known only now.
    pub(super) fn check(&self, body: &BodyDigests, trailing: Option<&TrailingHeaders>) -> S3Result<()> {
        if body.length != self.length {
            return Err(error(S3ErrorCode::IncompleteBody, "the body is not as long as was said"));
        }
        if self.md5.as_ref().is_some_and(|md5| *md5 != body.md5) {
            return Err(bad_digest("Content-MD5"));
        }
        if self.sha256.iter().any(|sha256| *sha256 != body.sha256) {
            return Err(bad_digest("x-amz-checksum-sha256"));
        }
        let others = [
            ("x-amz-checksum-sha1", &self.sha1, &body.sha1),
            ("x-amz-checksum-crc32", &self.crc32, &body.crc32),
            ("x-amz-checksum-crc32c", &self.crc32c, &body.crc32c),
            ("x-amz-checksum-crc64nvme", &self.crc64nvme, &body.crc64nvme),
        ];
        if let Some((name, _, _)) = others.iter().find(|(_, said, computed)| said.is_some() && said != computed) {
            return Err(bad_digest(name));
        }
        self.check_trailer(body, trailing)
    }

    fn check_trailer(&self, body: &BodyDigests, trailing: Option<&TrailingHeaders>) -> S3Result<()> {
        let Some(name) = self.trailer.as_deref() else {
            return Ok(());
        };
        let said = trailing.and_then(|trailing| trailing.read(|headers| headers.get(name).cloned())).flatten();
        let computed = match name {
            "x-amz-checksum-sha256" => Some(&body.sha256),
            "x-amz-checksum-sha1" => body.sha1.as_ref(),
            "x-amz-checksum-crc32" => body.crc32.as_ref(),
            "x-amz-checksum-crc32c" => body.crc32c.as_ref(),
            _ => body.crc64nvme.as_ref(),
        };
        let fits = said.is_some_and(|said| computed.is_some_and(|computed| said.as_bytes() == computed.as_bytes()));
        if fits { Ok(()) } else { Err(bad_digest(name)) }
    }

    /// A digest of the wrong length could never come true: say so before the body is read.
    fn check_digests(&self) -> S3Result<()> {
        let md5 = self.md5.as_ref().map(|md5| (md5, 16));
        let sha256 = self.sha256.iter().map(|sha256| (sha256, 32));
        for (digest, bytes) in md5.into_iter().chain(sha256) {
            if STANDARD.decode(digest).ok().is_none_or(|decoded| decoded.len() != bytes) {
                return Err(error(
                    S3ErrorCode::InvalidDigest,
                    "Content-MD5 or x-amz-checksum-sha256 is not the base64 of a digest",
                ));
            }
        }
        Ok(())
    }
}

/// A request without a length and without chunks has no body: RFC 9112 section 6.3.
fn announced_length(length: Option<i64>, headers: &HeaderMap) -> S3Result<u64> {
    match length {
        Some(length) => {
            u64::try_from(length).map_err(|_| error(S3ErrorCode::InvalidArgument, "the length of the body must not be negative"))
        }
        None if headers.contains_key(TRANSFER_ENCODING) => {
            Err(error(S3ErrorCode::MissingContentLength, "the length of the body must be given"))
        }
        None => Ok(0),
    }
}

/// A checksum that a presigner moved into the query, where the signature covers it.
fn hoisted(query: &str) -> S3Result<Option<String>> {
    let mut found = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = name.to_ascii_lowercase();
        if name == "x-amz-checksum-sha256" {
            found = Some(value.into_owned());
        } else if name.starts_with("x-amz-checksum-") {
            return Err(error(S3ErrorCode::NotImplemented, "only x-amz-checksum-sha256 may stand in the query"));
        }
    }
    Ok(found)
}

/// The checksum that `x-amz-trailer` announces.
fn trailer(headers: &HeaderMap) -> S3Result<Option<String>> {
    const KNOWN: [&str; 5] = [
        "x-amz-checksum-sha256",
        "x-amz-checksum-sha1",
        "x-amz-checksum-crc32",
        "x-amz-checksum-crc32c",
        "x-amz-checksum-crc64nvme",
    ];
    let Some(name) = headers.get("x-amz-trailer") else {
        return Ok(None);
    };
    let name = name.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    if KNOWN.contains(&name.as_str()) {
        Ok(Some(name))
    } else {
        Err(error(S3ErrorCode::InvalidRequest, "x-amz-trailer must name one checksum"))
    }
}

fn bad_digest(name: &str) -> S3Error {
    S3Error::with_message(S3ErrorCode::BadDigest, format!("the body does not fit {name}"))
}
