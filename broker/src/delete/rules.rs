//! What may be deleted by whom: a pure decision.

use tidegate_protocol::presign::Refusal;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, UserId};
use time::{Duration, OffsetDateTime};

/// What is not this old can't be deleted: garbage is a delay, so that not even a stale or stolen device removes what is young.
pub(super) const OLD: Duration = Duration::days(7);

/// Whether the caller's account may delete the object at all, whatever its age.
pub(super) fn authorize(user: UserId, key: &ObjectKey) -> Result<(), Refusal> {
    if key.owner() != Some(user) {
        return Err(refused(ProblemCode::NotAllowed, "only objects of one's own account are deleted"));
    }
    match key {
        ObjectKey::Record { .. }
        | ObjectKey::Pack { .. }
        | ObjectKey::Attachment { .. }
        | ObjectKey::Segment { .. }
        | ObjectKey::Checkpoint { .. } => Ok(()),
        ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::DeviceFile { .. }
        | ObjectKey::Doorbell { .. } => Err(refused(ProblemCode::Protected, "objects of this kind are never deleted")),
        ObjectKey::State(_) => Err(refused(ProblemCode::NotAllowed, "only objects of one's own account are deleted")),
    }
}

/// Whether an object of this age may go. One whose age the store does not tell stays.
pub(super) fn check_age(last_modified: Option<OffsetDateTime>, now: OffsetDateTime) -> Result<(), Refusal> {
    if last_modified.is_some_and(|time| now - time >= OLD) {
        return Ok(());
    }
    Err(refused(ProblemCode::TooYoung, "the object is less than 7 days old; it can go later"))
}

pub(super) fn refused(code: ProblemCode, message: &str) -> Refusal {
    Refusal { code, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    #[test]
    fn an_object_goes_at_seven_days() {
        assert!(check_age(Some(NOW - OLD), NOW).is_ok());
        assert_eq!(check_age(Some(NOW - OLD + Duration::seconds(1)), NOW).unwrap_err().code, ProblemCode::TooYoung);
        assert_eq!(check_age(Some(NOW + OLD), NOW).unwrap_err().code, ProblemCode::TooYoung);
        assert_eq!(check_age(None, NOW).unwrap_err().code, ProblemCode::TooYoung);
    }

    #[test]
    fn only_content_and_history_of_ones_own_account_is_deleted() {
        const USER: &str = "00000000-0000-8000-8000-000000000001";
        const ID: &str = "00000000-0000-8000-8000-000000000002";
        const DIGEST: &str = "00112233445566778899aabbccddeeff";
        const CHAIN: &str = "0123456789abcdef-0000000000000001";
        let member = format!("users/{USER}/family-members/{ID}");
        let decide = |key: &str| authorize(USER.parse().unwrap(), &key.parse().unwrap()).map_err(|refusal| refusal.code);
        for key in [
            format!("{member}/records/{ID}.v1.{DIGEST}.blob"),
            format!("{member}/packs/{DIGEST}.blob"),
            format!("{member}/attachments/{DIGEST}{DIGEST}/data.{DIGEST}.blob"),
            format!("{member}/devices/{ID}/manifest/{CHAIN}.{DIGEST}.blob"),
            format!("{member}/checkpoints/{DIGEST}.blob"),
            format!("users/{USER}/devices/{ID}/manifest/{CHAIN}.{DIGEST}.blob"),
            format!("users/{USER}/checkpoints/{DIGEST}.blob"),
        ] {
            assert_eq!(decide(&key), Ok(()), "{key}");
            let of_another = key.replace(USER, ID);
            assert_eq!(decide(&of_another), Err(ProblemCode::NotAllowed), "{of_another}");
        }
        for key in [
            format!("users/{USER}/genesis.json"),
            format!("users/{USER}/public-keys/1.{DIGEST}.blob"),
            format!("users/{USER}/master-keys/0.{DIGEST}.blob"),
            format!("users/{USER}/access-grants/{ID}.blob"),
            format!("users/{USER}/devices/{ID}/device.blob"),
            format!("users/{USER}/sync-manifest.blob"),
            format!("{member}/sync-manifest.blob"),
        ] {
            assert_eq!(decide(&key), Err(ProblemCode::Protected), "{key}");
        }
        assert_eq!(decide(&format!("_tidegate/accounts/{USER}/1.json")), Err(ProblemCode::NotAllowed));
    }
}
