//! The broker's own documents as they stand in buckets: what one version wrote every later one reads.

use std::fmt::Debug;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::account::reset::ResetDocument;
use crate::account::{DeletionDocument, GoneDocument, ReferenceDocument, StatementDocument};
use crate::audit::{Action, BatchDocument, Event, Signed};
use crate::delete::AuditDocument;
use crate::identity::app_store::{NotificationDocument, Place, RecoveryDocument, Unfinished};
use crate::identity::link::Linked;
use crate::identity::oidc::{IdentityRevokedDocument, TokenUseDocument};
use crate::identity::{EnvironmentDocument, LinkDocument, SlotDocument};
use crate::session::ended::{EndReason, EndedDocument};
use crate::session::{Predecessor, RenewalDocument, RevokedDocument};
use crate::store::ProfileDocument;
use tidegate_app_store::{Environment, NotificationType, Subtype};
use tidegate_protocol::capability::{
    Attack, AttackFinding, AttackOutcome, CorsFinding, ExcessRight, ListFindings, Precondition, StoreFindings, StoreProfile,
    Support,
};
use tidegate_protocol::{DeviceId, Sha256, UserId};

const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

#[track_caller]
fn assert_golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, document: &T) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1").join(name);
    let golden = std::fs::read_to_string(path).unwrap();
    assert_eq!(serde_json::to_string(document).unwrap() + "\n", golden);
    assert_eq!(&serde_json::from_str::<T>(&golden).unwrap(), document);
}

fn user() -> UserId {
    "00000000-0000-8000-8000-000000000001".parse().unwrap()
}

fn device() -> DeviceId {
    "00000000-0000-8000-8000-000000000002".parse().unwrap()
}

#[test]
fn documents_are_written_as_ever() {
    assert_golden("link.json", &LinkDocument::new(user(), NOW));
    assert_golden("account-reference.json", &ReferenceDocument::new());
    assert_golden("account-keys-kept.json", &StatementDocument::new(br#"{"format":"tidegate/account-keys/v1"}"#, NOW));
    assert_golden("account-gone.json", &GoneDocument::new());
    let returned = Linked { user: user(), since: NOW + time::Duration::days(9), returned: true };
    let moved = Linked {
        user: "00000000-0000-8000-8000-000000000003".parse().unwrap(),
        since: NOW + time::Duration::days(8),
        returned: false,
    };
    let mut link = LinkDocument::new(user(), NOW);
    link.history.extend([moved, returned]);
    assert_golden("link-taken-back.json", &link);
    let reset = ResetDocument::new(user(), None, NOW);
    assert_golden("account-reset.json", &reset);
    let also = Some(Sha256::from_bytes([0x11; 32]));
    assert_golden("account-reset-cancelled.json", &ResetDocument { also, cancelled_at: Some(NOW), ..reset });
    let deletion = DeletionDocument::new(device(), vec![device()], NOW);
    assert_golden("account-deletion.json", &deletion);
    assert_golden(
        "account-deletion-swept.json",
        &DeletionDocument { swept_at: Some(NOW + time::Duration::minutes(1)), ..deletion },
    );
    let account_events = [
        Action::KeysReplaced { generation: 1 },
        Action::ResetAsked,
        Action::ResetMoved,
        Action::AccountDeletionBegun,
        Action::AccountSwept { is_last: true },
    ];
    let account_events = account_events.into_iter().map(|action| Event { at: NOW, user: user(), device: device(), action });
    assert_golden("audit-batch-account.json", &BatchDocument::new(user(), account_events.collect(), NOW));
    assert_golden("account-environment.json", &EnvironmentDocument::new(Environment::Production, NOW));
    assert_golden("invite-slot.json", &SlotDocument::new(user(), NOW));
    assert_golden("identity-revoked.json", &IdentityRevokedDocument::new(NOW));
    assert_golden("id-token-use.json", &TokenUseDocument::new(NOW));
    assert_golden("device-revoked.json", &RevokedDocument::new(NOW));
    let deleted = format!("users/{}/checkpoints/00112233445566778899aabbccddeeff.blob", user());
    assert_golden("audit-delete.json", &AuditDocument::new(user(), device(), vec![deleted], NOW));
    let signed = Signed { method: "PUT".to_owned(), kind: "record".to_owned(), count: 100 };
    let events = [
        Action::SessionOpened { scope: "full".to_owned() },
        Action::SessionRenewed,
        Action::UrlsSigned { urls: vec![signed], refused: 1 },
        Action::CredentialsIssued { prefixes: 2 },
        Action::UploadCreated { kind: "attachment".to_owned() },
        Action::UploadCompleted { kind: "attachment".to_owned() },
        Action::UploadAborted { kind: "attachment".to_owned() },
        Action::ObjectsDeleted { count: 3 },
    ];
    let events = events.into_iter().map(|action| Event { at: NOW, user: user(), device: device(), action });
    assert_golden("audit-batch.json", &BatchDocument::new(user(), events.collect(), NOW));
    let id = |last: u128| Uuid::from_u128(0x4000_8000_0000_0000_0000 | last);
    let renewal = RenewalDocument {
        format: "tidegate/renewal/v1".to_owned(),
        current: id(3),
        issued_at: NOW,
        since: None,
        previous: Some(Predecessor { jti: id(2), valid_until: NOW + time::Duration::minutes(10) }),
    };
    assert_golden("renewal.json", &renewal);
    assert_golden("renewal-of-family.json", &RenewalDocument { since: Some(NOW - time::Duration::days(7)), ..renewal });
    let ended =
        EndedDocument { format: "tidegate/sessions-ended/v1".to_owned(), ended_before: NOW, reason: EndReason::RenewalReused };
    assert_golden("sessions-ended.json", &ended);
    let events = [Action::SessionEnded { reason: "logged-out".to_owned() }, Action::DeviceRevoked { revoked: device() }];
    let events = events.map(|action| Event { at: NOW, user: user(), device: device(), action });
    assert_golden("audit-batch-endings.json", &BatchDocument::new(user(), events.to_vec(), NOW));
    let kind = (NotificationType::DidFailToRenew, Some(Subtype::GracePeriod));
    let heard = NotificationDocument::new(kind, Environment::Production, Some(Sha256::from_bytes([0x11; 32])), (NOW, id(4)));
    assert_golden("notification.json", &heard);
    let unfinished = Unfinished { from: NOW - time::Duration::days(180), until: NOW, page: "page-2".to_owned() };
    let place = Place { through: Some(NOW - time::Duration::days(3)), unfinished: Some(unfinished) };
    let apps = [("org.example.health".to_owned(), place)].into();
    assert_golden("recovery.json", &RecoveryDocument::new(apps));
    assert_golden("store-profile.json", &store_profile());
}

/// What a probe of a store found on which one risk is accepted.
pub(crate) fn store_profile() -> ProfileDocument {
    let outcome = |attack| {
        if attack == Attack::CopySource {
            AttackOutcome::Succeeded
        } else if attack == Attack::ForceDelete {
            AttackOutcome::SilentlyIgnored
        } else {
            AttackOutcome::Refused
        }
    };
    let findings = StoreFindings {
        probe_version: 1,
        probed_at: NOW,
        clock_offset_ms: -250,
        conditional_delete: Precondition::Ignored,
        conditional_complete: Precondition::Atomic,
        conditional_get: Support::Works,
        multipart: Support::Works,
        crc32_trailers: Support::Refused,
        sts: Support::Unknown,
        list: ListFindings { consistent: true, etags: true, ordered: false, pages: true, exact_prefix: true },
        normalises_keys: true,
        cors: vec![CorsFinding { origin: "https://app.example.org".to_owned(), allowed: false }],
        attacks: Attack::ALL.map(|name| AttackFinding { name, outcome: outcome(name) }).to_vec(),
        excess_rights: vec![ExcessRight::WriteKeyReads],
    };
    let profile = StoreProfile {
        conditional_create: Precondition::Atomic,
        conditional_replace: Precondition::NotAtomic,
        findings: Some(Box::new(findings)),
    };
    ProfileDocument::new(Sha256::from_bytes([0x22; 32]), profile)
}
