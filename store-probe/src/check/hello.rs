//! Whether the store knows us: one LIST, and what its refusal means.

use bytes::Bytes;
use tidegate_sigv4::Method;

use crate::answer::Answer;
use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::target::Who;
use crate::xml;

/// What a store answers to a credential's first LIST.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hello {
    /// It lists.
    Ok,
    /// Nobody answers.
    Unreachable {
        /// What the connection failed by.
        reason: String,
    },
    /// There is no such bucket; with the other addressing style there may be.
    NoSuchBucket,
    /// The bucket is in another region than signatures name.
    WrongRegion {
        /// The region that the store names, where it does.
        expected: Option<String>,
    },
    /// The store does not know the access key.
    UnknownKey,
    /// The secret is wrong, or something on the way changes what is signed (a proxy that rewrites host or path).
    WrongSignature,
    /// The clocks are more than a quarter of an hour apart.
    ClockTooFarOff,
    /// A temporary credential is over.
    Expired,
    /// The key may not list.
    Denied,
    /// Something answers that is no store.
    NotAStore {
        /// HTTP status.
        status: u16,
    },
    /// It fails for the moment.
    Failing {
        /// HTTP status.
        status: u16,
    },
}

/// Lists one key of a prefix.
pub(crate) async fn hello(ground: &Ground, who: Who, via: Via, prefix: &str) -> Result<Hello, ProbeError> {
    let query = [("list-type", "2"), ("prefix", prefix), ("max-keys", "1")];
    let reply = ground.call((who, via), Method::Get, "", &query, &[], Bytes::new()).await?;
    Ok(match reply {
        Err(lost) => Hello::Unreachable { reason: lost.reason },
        Ok(answer) => read(&answer),
    })
}

fn read(answer: &Answer) -> Hello {
    if answer.is_success() {
        let is_listing = xml::page(&answer.body).is_some();
        return if is_listing { Hello::Ok } else { Hello::NotAStore { status: answer.status } };
    }
    let named_region = answer.header("x-amz-bucket-region").map(str::to_owned);
    let expected = || named_region.clone().or_else(|| xml::text_at(&answer.body, &["Error", "Region"]));
    match answer.code().as_str() {
        "NoSuchBucket" => Hello::NoSuchBucket,
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "InvalidRegion"
        | "IllegalLocationConstraintException" => Hello::WrongRegion { expected: expected() },
        "InvalidAccessKeyId" => Hello::UnknownKey,
        "SignatureDoesNotMatch" => Hello::WrongSignature,
        "RequestTimeTooSkewed" => Hello::ClockTooFarOff,
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => Hello::Expired,
        "AccessDenied" | "AllAccessDisabled" => Hello::Denied,
        _ if answer.is_passing() => Hello::Failing { status: answer.status },
        "" => Hello::NotAStore { status: answer.status },
        _ if answer.status == 403 => Hello::Denied,
        _ if answer.status == 404 => Hello::NoSuchBucket,
        _ if matches!(answer.status, 301 | 307) => Hello::WrongRegion { expected: expected() },
        _ => Hello::NotAStore { status: answer.status },
    }
}
