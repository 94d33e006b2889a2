//! Over a whole small universe: nothing is signed where the caller has no business.

use tidegate_broker::presign::policy::{Credential, SignedConditions, SignedMethod};
use tidegate_protocol::account::uuid_of_hash;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::scope::{AccountScope, Permission, Scopes, Share};
use tidegate_protocol::{
    ChainId, ContentHmac, DeviceId, GrantId, ListPrefix, MemberId, ObjectKey, RecordId, Sha256, Space, StateKey, UserId,
};

use super::world::{BODY, decide, guest, guests_device, item, member, other_member, owner, owners_device, put, uuid};

/// Every object of two accounts, two members and two devices, by every mix of scope and share: whatever is signed lies where the
/// caller has business, and is signed by the credential that can do no more.
#[test]
fn nothing_is_signed_outside_ones_own_account_and_shares() {
    let users = [owner(), guest()];
    let members = [member(), other_member()];
    let devices = [owners_device(), guests_device()];
    let permissions = [None, Some(Permission::Read), Some(Permission::ReadWrite)];
    let (keys, prefixes) = universe(&users, &members, &devices);
    let mut signed = 0;
    for user in users {
        for device in devices {
            for account in [AccountScope::Create, AccountScope::Bootstrap, AccountScope::Full] {
                for (share_owner, share_member) in users.iter().flat_map(|user| members.map(|member| (*user, member))) {
                    for permission in permissions {
                        let shares = permission
                            .map(|permission| Share { owner: share_owner, member: share_member, permission })
                            .into_iter()
                            .collect();
                        let scopes = Scopes { user, device, account, shares };
                        for key in &keys {
                            for item in [item("GET", key), item("HEAD", key), put(key)] {
                                let Ok(conditions) = decide(&scopes, &item, &StoreProfile::ATOMIC) else { continue };
                                assert_in_bounds(&scopes, key, &conditions);
                                signed += 1;
                            }
                        }
                        for prefix in &prefixes {
                            if decide(&scopes, &item("LIST", prefix), &StoreProfile::ATOMIC).is_ok() {
                                let text = prefix.to_string();
                                assert!(text.ends_with('/') && (in_own(&scopes, &text) || in_share(&scopes, &text)), "{text}");
                                signed += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(signed > 1_000, "{signed}");
}

fn universe(users: &[UserId], members: &[MemberId], devices: &[DeviceId]) -> (Vec<ObjectKey>, Vec<ListPrefix>) {
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    let sha256 = Sha256::of(BODY);
    let digest = sha256.digest();
    for &user in users {
        keys.extend([
            ObjectKey::Genesis { user },
            ObjectKey::PublicKeys { user, generation: 1, digest },
            ObjectKey::MasterKeys { user, generation: 1, digest },
            ObjectKey::AccessGrant { user, grant: GrantId::new(uuid_of_hash(&sha256)) },
            ObjectKey::State(StateKey::AccountKeys { user, generation: 1 }),
        ]);
        keys.extend(devices.iter().map(|&device| ObjectKey::DeviceFile { user, device }));
        prefixes.extend([
            ListPrefix::PublicKeys(user),
            ListPrefix::MasterKeys(user),
            ListPrefix::AccessGrants(user),
            ListPrefix::FamilyMembers(user),
        ]);
        let mut spaces = vec![Space::Account(user)];
        for &member in members {
            spaces.push(Space::Member(user, member));
            keys.extend([
                ObjectKey::Record { user, member, record: RecordId::from_bytes(uuid(7)), version: 1, digest },
                ObjectKey::Attachment { user, member, hmac: ContentHmac::from_bytes([8; 32]), digest },
                ObjectKey::Pack { user, member, digest },
            ]);
            prefixes.extend([
                ListPrefix::Records(user, member),
                ListPrefix::Attachments(user, member),
                ListPrefix::Packs(user, member),
            ]);
        }
        for space in spaces {
            keys.extend([ObjectKey::Checkpoint { space, digest }, ObjectKey::Doorbell { space }]);
            keys.extend(devices.iter().map(|&device| ObjectKey::Segment {
                space,
                device,
                chain: ChainId::new(1),
                seq: 1,
                digest,
            }));
            prefixes.extend([ListPrefix::Devices(space), ListPrefix::Checkpoints(space)]);
        }
    }
    (keys, prefixes)
}

fn in_own(scopes: &Scopes, path: &str) -> bool {
    path.starts_with(&format!("users/{}/", scopes.user))
}

fn in_share(scopes: &Scopes, path: &str) -> bool {
    let inside = |share: &Share| path.starts_with(&format!("users/{}/family-members/{}/", share.owner, share.member));
    scopes.account == AccountScope::Full && scopes.shares.iter().any(inside)
}

fn assert_in_bounds(scopes: &Scopes, key: &ObjectKey, signed: &SignedConditions<'_>) {
    let path = key.to_string();
    assert_eq!(signed.key, path);
    let public = path.ends_with("/genesis.json") || path.contains("/public-keys/");
    let writes = signed.method == SignedMethod::Put;
    assert_eq!(signed.credential, if writes { Credential::Write } else { Credential::Read }, "{path}");
    let reachable = in_own(scopes, &path) || in_share(scopes, &path);
    assert!(reachable || (public && signed.method == SignedMethod::Get), "{scopes:?} {path}");
    if writes {
        assert!(!path.contains("/devices/") || path.contains(&format!("/devices/{}/", scopes.device)), "{scopes:?} {path}");
        assert!(in_own(scopes, &path) || scopes.shares.iter().any(|share| share.permission == Permission::ReadWrite));
        assert!(in_own(scopes, &path) || !path.contains("/checkpoints/"), "{scopes:?} {path}");
    }
}
