//! From what a probe found to checks.

use tidegate_protocol::capability::{Attack, AttackOutcome, ExcessRight, Precondition, StoreFindings, StoreProfile, Support};
use tidegate_store_probe::{meaning, remedy};

use super::check::Check;

const SCOPE: [Attack; 5] =
    [Attack::AlteredKey, Attack::AlteredMethod, Attack::PathNormalisation, Attack::ExpiredUrl, Attack::MissingCondition];
const ANONYMOUS: [Attack; 3] = [Attack::AnonymousRead, Attack::AnonymousList, Attack::AnonymousWrite];
const BYTES: [Attack; 3] = [Attack::WrongChecksum, Attack::MissingChecksum, Attack::WrongLength];
const OTHERS: [Attack; 4] = [Attack::CopySource, Attack::CopySourcePart, Attack::ForceDelete, Attack::UnsignedAcl];

/// The checks that a probe answers. `is_hosted`: subscriptions open accounts, which needs atomic conditional writes. `wanted` are the
/// web origins that are configured.
#[must_use]
pub fn from_profile(profile: &StoreProfile, is_hosted: bool, wanted: &[String]) -> Vec<Check> {
    let mut checks = vec![preconditions(profile, is_hosted)];
    let Some(findings) = profile.findings.as_deref() else { return checks };
    checks.extend([
        attacks("store-anonymous", &ANONYMOUS, findings),
        attacks("store-scope", &SCOPE, findings),
        sibling_prefix(findings),
        attacks("store-checksums", &BYTES, findings),
        attacks("store-other-attacks", &OTHERS, findings),
        rights(findings),
        listing(findings),
        multipart(findings),
        crc32(findings),
        cors(findings, wanted),
    ]);
    checks
}

/// Failed if one succeeded; an attack that could not be judged is worth a warning.
fn attacks(id: &'static str, of: &[Attack], findings: &StoreFindings) -> Check {
    let ended = |wanted: AttackOutcome| of.iter().copied().filter(move |attack| findings.outcome(*attack) == wanted);
    let succeeded: Vec<Attack> = ended(AttackOutcome::Succeeded).collect();
    if let Some(first) = succeeded.first() {
        let cause =
            succeeded.iter().map(|attack| format!("{} ({})", meaning(*attack), attack.name())).collect::<Vec<_>>().join("; ");
        return Check::failed(id, cause, remedy(*first));
    }
    let unclear: Vec<&str> = ended(AttackOutcome::Inconclusive).map(Attack::name).collect();
    if unclear.is_empty() {
        return Check::ok(id);
    }
    Check::warning(
        id,
        format!("could not be tried out: {}", unclear.join(", ")),
        "run the doctor again; if it stays so, look at the store's log",
    )
}

fn sibling_prefix(findings: &StoreFindings) -> Check {
    const ID: &str = "store-sibling-prefix";
    if !findings.list.exact_prefix {
        let cause = "a listing holds keys that do not begin with its prefix";
        return Check::failed(ID, cause, "use a store that keeps a listing to its prefix");
    }
    attacks(ID, &[Attack::AlteredQuery], findings)
}

fn preconditions(profile: &StoreProfile, is_hosted: bool) -> Check {
    const ID: &str = "store-preconditions";
    let (create, replace) = (profile.conditional_create, profile.conditional_replace);
    if create == Precondition::Atomic && replace == Precondition::Atomic {
        return Check::ok(ID);
    }
    let cause = format!("If-None-Match on PUT is {}, If-Match is {}", name(create), name(replace));
    if is_hosted {
        let fix = "use a store that decides both atomically (AWS S3, R2, MinIO, SeaweedFS, the embedded store), or do without subscriptions";
        return Check::failed(ID, cause, fix);
    }
    Check::warning(
        ID,
        cause,
        "nothing has to change: sync is right on such stores; invites take a LIST more, renewal tokens are not replaced",
    )
}

const fn name(precondition: Precondition) -> &'static str {
    match precondition {
        Precondition::Atomic => "atomic",
        Precondition::NotAtomic => "not atomic",
        Precondition::Ignored => "ignored",
        Precondition::Refused => "refused",
    }
}

fn rights(findings: &StoreFindings) -> Check {
    const ID: &str = "store-rights";
    if findings.excess_rights.is_empty() {
        return Check::ok(ID);
    }
    let cause = findings.excess_rights.iter().map(|right| right_name(*right)).collect::<Vec<_>>().join("; ");
    Check::warning(
        ID,
        cause,
        "narrow the policies: store.read GetObject and ListBucket, store.write PutObject, both on users/* alone",
    )
}

const fn right_name(right: ExcessRight) -> &'static str {
    match right {
        ExcessRight::ReadKeyWrites => "store.read can write objects",
        ExcessRight::ReadKeyDeletes => "store.read can delete objects",
        ExcessRight::ReadKeyReadsState => "store.read can read the broker's own state",
        ExcessRight::WriteKeyReads => "store.write can read objects",
        ExcessRight::WriteKeyLists => "store.write can list objects",
        ExcessRight::WriteKeyDeletes => "store.write can delete objects",
        ExcessRight::WriteKeyWritesState => "store.write can write the broker's own state",
        ExcessRight::Unknown => "a key has a right that this version does not know",
    }
}

fn listing(findings: &StoreFindings) -> Check {
    const ID: &str = "store-listing";
    let list = findings.list;
    if !list.consistent || !list.pages {
        let what =
            if list.consistent { "pages of a listing lack keys or repeat them" } else { "what was just written is not listed" };
        return Check::failed(ID, what, "take away caches in front of the store, or use a store with consistent listings");
    }
    if !list.ordered || !list.etags {
        let what = if list.ordered { "entries have no ETag" } else { "keys are not in order" };
        return Check::warning(ID, what, "nothing has to change: Tidegate does without");
    }
    Check::ok(ID)
}

fn multipart(findings: &StoreFindings) -> Check {
    const ID: &str = "store-multipart";
    match findings.multipart {
        Support::Works => Check::ok(ID),
        Support::Ignored | Support::Refused | Support::Broken | Support::Unknown => Check::failed(
            ID,
            "uploads in parts do not work: attachments of more than 64 MiB cannot be stored",
            "give store.state the rights for uploads in parts, and let proxies pass bodies of 16 MiB",
        ),
    }
}

fn crc32(findings: &StoreFindings) -> Check {
    const ID: &str = "store-crc32";
    match findings.crc32_trailers {
        Support::Works => Check::ok(ID),
        Support::Ignored | Support::Refused | Support::Broken | Support::Unknown => Check::warning(
            ID,
            "bodies with a CRC32 in the trailer, as the SDKs of AWS send them by default, are refused or stored wrongly",
            "Tidegate sends none; set AWS_REQUEST_CHECKSUM_CALCULATION=when_required for other tools on this store",
        ),
    }
}

fn cors(findings: &StoreFindings, wanted: &[String]) -> Check {
    const ID: &str = "store-cors";
    if wanted.is_empty() {
        return Check::skipped(ID, "cors.origins names no web origin");
    }
    let is_allowed = |origin: &String| findings.cors.iter().any(|finding| finding.origin == *origin && finding.allowed);
    let missing: Vec<&str> = wanted.iter().filter(|origin| !is_allowed(origin)).map(String::as_str).collect();
    if missing.is_empty() {
        return Check::ok(ID);
    }
    Check::failed(
        ID,
        format!("the store does not let pages of {} use presigned URLs", missing.join(", ")),
        "add a CORS rule to the bucket for these origins: GET, HEAD, PUT, all headers, exposed ETag and Date (MinIO: MINIO_API_CORS_ALLOW_ORIGIN)",
    )
}
