//! What a URL pins, left out or changed.

use tidegate_protocol::capability::{Attack, AttackOutcome, Precondition};
use tidegate_sigv4::Method;

use super::campaign::{Campaign, Must};
use crate::error::ProbeError;
use crate::ground::{checksum as checksum_of, whole};
use crate::http::Shot;
use crate::target::Who;

const CHECKSUM: &str = "x-amz-checksum-sha256";

/// Other bytes of the same length: under the pinned hash, under their own, under both, and without any.
pub(crate) async fn checksum(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let (good, evil) = (ground.bytes("checksum, good"), ground.bytes("checksum, evil"));
    let honest = ground.put_url(via, &ground.key("checksum/honest"), &[], &good, false)?;
    let honest_works = campaign.honest(&honest, &good).await?;
    for (attack, name) in [
        (Attack::WrongChecksum, "pinned"),
        (Attack::WrongChecksum, "own"),
        (Attack::WrongChecksum, "both"),
        (Attack::WrongChecksum, "own-first"),
        (Attack::MissingChecksum, "none"),
        (Attack::MissingChecksum, "crc32"),
    ] {
        let key = ground.key(&format!("checksum/{name}"));
        let url = ground.put_url(via, &key, &[], &good, false)?;
        let url = match name {
            "own" => url.without(CHECKSUM).with(CHECKSUM, checksum_of(&evil)),
            "both" => url.with(CHECKSUM, checksum_of(&evil)),
            "own-first" => url.without(CHECKSUM).with(CHECKSUM, checksum_of(&evil)).with(CHECKSUM, checksum_of(&good)),
            "none" => url.without(CHECKSUM),
            "crc32" => url.without(CHECKSUM).with("x-amz-sdk-checksum-algorithm", "CRC32"),
            _ => url,
        };
        let watched = [(key, Must::NotBe(evil.clone()))];
        campaign.on_stored(attack, honest_works, || url.honest(evil.clone()), &watched).await?;
    }
    Ok(())
}

/// A longer and a shorter body. The hash is left out of these URLs, so that nothing but the length can be what refuses them.
pub(crate) async fn length(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let right = ground.bytes("length");
    let headers = [("content-length", right.len().to_string()), ("content-type", "application/octet-stream".to_owned())];
    let url_of = |key: &str| ground.presigned((Who::Write, via), Method::Put, key, &[], &headers);
    let honest_works = campaign.honest(&url_of(&ground.key("length/honest"))?, &right).await?;
    let longer = bytes::Bytes::from([right.as_ref(), right.as_ref()].concat());
    for (name, body) in [("longer", longer), ("shorter", right.slice(..right.len() / 2))] {
        let key = ground.key(&format!("length/{name}"));
        let url = url_of(&key)?;
        let watched = [(key, Must::HaveLength(right.len()))];
        campaign.on_stored(Attack::WrongLength, honest_works, || url.honest(body.clone()), &watched).await?;
    }
    // In frames without a length.
    let key = ground.key("length/chunked");
    let url = url_of(&key)?;
    let evil = bytes::Bytes::from(right.repeat(3));
    let shot = || {
        let evil = evil.clone();
        let body = reqwest::Body::wrap_stream(futures_util::stream::once(async move { Ok::<_, std::io::Error>(evil) }));
        Shot {
            method: reqwest::Method::PUT,
            url: url.url.clone(),
            headers: url.headers.clone(),
            body: crate::http::Body::Frames(body),
        }
    };
    let watched = [(key, Must::HaveLength(right.len()))];
    campaign.on_stored(Attack::WrongLength, honest_works, shot, &watched).await
}

/// Over an object that is there, without the condition that is signed, and with another in its place.
pub(crate) async fn condition(campaign: &mut Campaign<'_>, create: Precondition) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    if create == Precondition::Refused {
        // Where the store takes no condition none is ever signed, so there is none to leave out.
        campaign.record(Attack::MissingCondition, AttackOutcome::Refused);
        return Ok(());
    }
    let (old, new) = (ground.bytes("condition, old"), ground.bytes("condition, new"));
    let honest = ground.put_url(via, &ground.key("condition/honest"), &[], &new, true)?;
    let honest_works = campaign.honest(&honest, &new).await?;
    for (name, value) in [("missing", None), ("other", Some("\"0123456789abcdef0123456789abcdef\""))] {
        let key = ground.key(&format!("condition/{name}"));
        ground.plant(&key, &old).await?;
        let url = ground.put_url(via, &key, &[], &new, true)?.without("if-none-match");
        let url = match value {
            Some(value) => url.with("if-none-match", value),
            None => url,
        };
        let watched = [(key, Must::Be(old.clone()))];
        let shot = || Shot {
            method: reqwest::Method::PUT,
            url: url.url.clone(),
            headers: url.headers.clone(),
            body: whole(new.clone()),
        };
        campaign.on_stored(Attack::MissingCondition, honest_works, shot, &watched).await?;
    }
    Ok(())
}
