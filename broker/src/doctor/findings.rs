//! From what a probe found to checks.

use tidegate_protocol::capability::{Attack, AttackOutcome, ExcessRight, Precondition, StoreFindings, StoreProfile, Support};
use tidegate_store_probe::{meaning, remedy};

use super::check::Check;

const SCOPE: [Attack; 5] =
    [Attack::AlteredKey, Attack::AlteredMethod, Attack::PathNormalisation, Attack::ExpiredUrl, Attack::MissingCondition];
const ANONYMOUS: [Attack; 3] = [Attack::AnonymousRead, Attack::AnonymousList, Attack::AnonymousWrite];
const BYTES: [Attack; 3] = [Attack::WrongChecksum, Attack::MissingChecksum, Attack::WrongLength];
const SIBLING_PREFIX: &str = "store-sibling-prefix";
const OTHERS: [Attack; 4] = [Attack::CopySource, Attack::CopySourcePart, Attack::ForceDelete, Attack::UnsignedAcl];

/// The checks that a probe answers. `is_hosted`: subscriptions open accounts, which needs atomic conditional writes. `wanted` are the
/// web origins that are configured, `accepted` the attacks that the operator lives with.
#[must_use]
pub fn from_profile(profile: &StoreProfile, is_hosted: bool, wanted: &[String], accepted: &[Attack]) -> Vec<Check> {
    let mut checks = vec![preconditions(profile, is_hosted)];
    let Some(findings) = profile.findings.as_deref() else { return checks };
    let attacks = |id, of: &[Attack]| attacks(id, of, findings, accepted);
    checks.extend([
        attacks("store-anonymous", &ANONYMOUS),
        attacks("store-scope", &SCOPE),
        escaping_listing(findings).unwrap_or_else(|| attacks(SIBLING_PREFIX, &[Attack::AlteredQuery])),
        attacks("store-checksums", &BYTES),
        attacks("store-other-attacks", &OTHERS),
        rights(findings),
        listing(findings),
        multipart(findings),
        crc32(findings),
        cors(findings, wanted),
    ]);
    checks
}

/// Failed where `serve` refuses the store: an attack is not known to fail, and not accepted by name. What is accepted is worth a warning.
fn attacks(id: &'static str, of: &[Attack], findings: &StoreFindings, accepted: &[Attack]) -> Check {
    let ended = |attack: &Attack, wanted: AttackOutcome| findings.outcome(*attack) == wanted;
    let (known, feared): (Vec<Attack>, Vec<Attack>) = of.iter().partition(|attack| accepted.contains(attack));
    let describe = |attacks: &[Attack]| {
        attacks.iter().map(|attack| format!("{} ({})", meaning(*attack), attack.name())).collect::<Vec<_>>().join("; ")
    };
    let succeeded: Vec<Attack> = feared.iter().copied().filter(|attack| ended(attack, AttackOutcome::Succeeded)).collect();
    if let Some(first) = succeeded.first() {
        return Check::failed(id, describe(&succeeded), remedy(*first));
    }
    let unclear: Vec<&str> =
        feared.iter().filter(|attack| ended(attack, AttackOutcome::Inconclusive)).map(|attack| attack.name()).collect();
    if !unclear.is_empty() {
        return Check::failed(
            id,
            format!("could not be tried out: {}", unclear.join(", ")),
            "run the doctor again; if it stays so, look at the store's log",
        );
    }
    let lived_with: Vec<Attack> = known.into_iter().filter(|attack| ended(attack, AttackOutcome::Succeeded)).collect();
    match lived_with.first() {
        None => Check::ok(id),
        Some(first) => Check::warning(id, format!("accepted by store.accepted_risks: {}", describe(&lived_with)), remedy(*first)),
    }
}

fn escaping_listing(findings: &StoreFindings) -> Option<Check> {
    let cause = "a listing holds keys that do not begin with its prefix";
    let fix = "use a store that keeps a listing to its prefix";
    (!findings.list.exact_prefix).then(|| Check::failed(SIBLING_PREFIX, cause, fix))
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
