use tidegate_protocol::Space;
use tidegate_sync_core::keys::{
    GrantError, GrantRequest, Keyring, OpenedGrant, Permission, SpaceKeys, grant_id, make_grant, open_grant, parse_grant_header,
};

use crate::setup::{Account, account, member, member_space, rng, space_keys};

fn grant_to(owner: &Account, recipient: &Account, keys: &SpaceKeys, permission: Permission) -> Vec<u8> {
    let request =
        GrantRequest { recipient: recipient.user, recipient_keys: recipient.keys.public(), permission, expires_at: None };
    make_grant(&owner.keys, keys, request, &mut rng(77))
}

fn open(blob: &[u8], owner: &Account, recipient: &Account) -> Result<OpenedGrant, GrantError> {
    open_grant(grant_id(blob), blob, owner.user, owner.keys.public(), recipient.user, &recipient.keys)
}

#[test]
fn a_grant_to_oneself_gives_the_keys_back() {
    let owner = account(1);
    for space in [Space::Account(owner.user), member_space(owner.user)] {
        let (keys, _) = space_keys(space, 3);
        let opened = open(&grant_to(&owner, &owner, &keys, Permission::Owner), &owner, &owner).unwrap();
        assert_eq!(opened.keys.space(), space);
        assert_eq!(opened.keys.key().name(), keys.key().name());
        assert_eq!(opened.keys.key().secret(), keys.key().secret());
        assert_eq!(opened.keys.attachment_key().content_hmac(b"x"), keys.attachment_key().content_hmac(b"x"));
        assert_eq!(opened.header.permission, Permission::Owner);
    }
}

#[test]
fn a_grant_to_somebody_else_opens_for_them_alone() {
    let (owner, recipient, stranger) = (account(1), account(2), account(3));
    let (keys, _) = space_keys(member_space(owner.user), 3);
    let blob = grant_to(&owner, &recipient, &keys, Permission::Read);
    assert_eq!(open(&blob, &owner, &recipient).unwrap().keys.key().name(), keys.key().name());
    assert_eq!(open(&blob, &owner, &stranger).unwrap_err().code(), "grant-other-recipient");
    assert_eq!(open(&blob, &owner, &owner).unwrap_err().code(), "grant-other-recipient");
}

#[test]
fn the_header_is_readable_and_says_no_more_than_it_must() {
    let (owner, recipient) = (account(1), account(2));
    let (keys, _) = space_keys(member_space(owner.user), 3);
    let header = parse_grant_header(&grant_to(&owner, &recipient, &keys, Permission::ReadWrite)).unwrap();
    assert_eq!((header.owner, header.recipient, header.member, header.epoch), (owner.user, recipient.user, member(), 0));
    assert_eq!(header.space(), member_space(owner.user));
    assert_eq!(header.key_digest, keys.key().name().digest);
}

#[test]
fn expiry_is_carried_in_the_header() {
    let owner = account(1);
    let (keys, _) = space_keys(member_space(owner.user), 3);
    let expires_at = Some(time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
    let request =
        GrantRequest { recipient: owner.user, recipient_keys: owner.keys.public(), permission: Permission::Read, expires_at };
    let blob = make_grant(&owner.keys, &keys, request, &mut rng(77));
    assert_eq!(open(&blob, &owner, &owner).unwrap().header.expires_at, expires_at);
}

#[test]
fn every_flipped_bit_of_a_grant_is_refused() {
    let owner = account(1);
    let (keys, _) = space_keys(member_space(owner.user), 3);
    let blob = grant_to(&owner, &owner, &keys, Permission::Owner);
    let id = grant_id(&blob);
    for index in 0..blob.len() {
        let mut flipped = blob.clone();
        flipped[index] ^= 1 << (index % 8);
        // Under its old name it is another grant; under its own it fails further in.
        let renamed = open(&flipped, &owner, &owner).unwrap_err();
        if index >= 4 + 4 + 600 {
            assert_eq!(renamed.code(), "grant-bad-signature", "byte {index}");
        }
        let error = open_grant(id, &flipped, owner.user, owner.keys.public(), owner.user, &owner.keys).unwrap_err();
        assert_eq!(error.code(), "grant-other-grant");
    }
}

#[test]
fn every_truncation_of_a_grant_is_refused() {
    let owner = account(1);
    let (keys, _) = space_keys(member_space(owner.user), 3);
    let blob = grant_to(&owner, &owner, &keys, Permission::Owner);
    for len in 0..blob.len() {
        assert!(open(&blob[..len], &owner, &owner).is_err(), "{len} bytes");
    }
    assert_eq!(open(&[blob.as_slice(), b"x"].concat(), &owner, &owner).unwrap_err().code(), "grant-bad-signature");
}

#[test]
fn another_version_of_grant_is_named() {
    let owner = account(1);
    let (keys, _) = space_keys(member_space(owner.user), 3);
    let mut blob = grant_to(&owner, &owner, &keys, Permission::Owner);
    blob[3] = b'2';
    assert_eq!(open(&blob, &owner, &owner).unwrap_err().code(), "grant-unknown-version");
    blob[0] = b'X';
    assert_eq!(open(&blob, &owner, &owner).unwrap_err().code(), "not-a-grant");
}

#[test]
fn a_grant_for_ones_space_by_somebody_else_is_refused() {
    let (owner, attacker) = (account(1), account(2));
    // The attacker names the victim's space, but can sign only with a key of their own.
    let (keys, _) = space_keys(member_space(owner.user), 3);
    let blob = grant_to(&attacker, &owner, &keys, Permission::Owner);
    assert_eq!(open(&blob, &owner, &owner).unwrap_err().code(), "grant-other-owner-key");
    let (keys, _) = space_keys(member_space(attacker.user), 3);
    let blob = grant_to(&attacker, &owner, &keys, Permission::Read);
    assert_eq!(open(&blob, &owner, &owner).unwrap_err().code(), "grant-other-owner");
}

#[test]
fn a_grant_for_an_earlier_key_of_the_recipient_is_named() {
    let (owner, recipient, renewed) = (account(1), account(2), account(3));
    let (keys, _) = space_keys(member_space(owner.user), 3);
    let request = GrantRequest {
        recipient: recipient.user,
        recipient_keys: renewed.keys.public(),
        permission: Permission::Read,
        expires_at: None,
    };
    let blob = make_grant(&owner.keys, &keys, request, &mut rng(77));
    assert_eq!(open(&blob, &owner, &recipient).unwrap_err().code(), "grant-other-recipient-key");
}

#[test]
fn somebody_elses_member_with_our_members_id_is_another_space() {
    let (ours, theirs) = (account(1), account(2));
    let (our_keys, mut keyring) = space_keys(member_space(ours.user), 3);
    let their_keys = SpaceKeys::generate(member_space(theirs.user), &mut rng(4)).next_epoch(&mut rng(5)).unwrap();
    let opened = open(&grant_to(&theirs, &ours, &their_keys, Permission::ReadWrite), &theirs, &ours).unwrap();
    keyring.insert(opened.keys);
    let current = keyring.current(member_space(ours.user)).unwrap();
    assert_eq!(current.key().name(), our_keys.key().name());
    assert_eq!(keyring.spaces().len(), 2);
}

#[test]
fn the_greatest_epoch_seals_and_old_ones_stay() {
    let owner = account(1);
    let space = member_space(owner.user);
    let first = SpaceKeys::generate(space, &mut rng(4));
    let second = first.next_epoch(&mut rng(5)).unwrap();
    let mut keyring = Keyring::new();
    keyring.insert(second.clone());
    keyring.insert(first.clone());
    assert_eq!(keyring.current(space).unwrap().key().name(), second.key().name());
    assert!(keyring.get(space, first.key().name()).is_some());
    assert_eq!(keyring.of_space(space).count(), 2);
    // The attachment key is the same in every epoch, or no attachment would be found again after a rotation.
    assert_eq!(first.attachment_key().content_hmac(b"scan"), second.attachment_key().content_hmac(b"scan"));
}
