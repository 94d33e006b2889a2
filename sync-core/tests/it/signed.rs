use tidegate_protocol::{ChainId, Space};
use tidegate_sync_core::envelope::{
    AccountDirectory, ObjectContext, ObjectName, SignedError, Verified, open_signed, seal, seal_signed,
};
use tidegate_sync_core::keys::{Certificate, DeviceDocument, Keyring, SpaceKeys, make_device_document};

use crate::setup::{Account, account, member_space, rng, space_keys, thumbprint};

const DOCUMENT: &[u8] = br#"{"format":1, "changes":[ ]}"#;

struct Setup {
    author: Account,
    space: Space,
    keys: SpaceKeys,
    keyring: Keyring,
    directory: AccountDirectory,
}

fn setup() -> Setup {
    let author = account(1);
    let space = member_space(author.user);
    let (keys, keyring) = space_keys(space, 3);
    let mut directory = AccountDirectory::new();
    directory.insert(author.user, 0, *author.keys.public().ed25519());
    Setup { author, space, keys, keyring, directory }
}

impl Setup {
    fn segment(&self, seq: u64) -> ObjectContext {
        let device = self.author.certificate.device();
        ObjectContext { space: self.space, name: ObjectName::Segment { device, chain: ChainId::new(5), seq } }
    }

    fn seal(&self, context: &ObjectContext, by: &Account) -> Vec<u8> {
        seal_signed(self.keys.key(), context, DOCUMENT, &by.device, &by.certificate, &mut rng(6)).unwrap()
    }

    fn open(&self, context: &ObjectContext, sealed: &[u8]) -> Result<Verified, SignedError> {
        open_signed(&self.keyring, &self.directory, context, sealed)
    }

    /// Seals other content than a sound signed document would be.
    fn forge(&self, context: &ObjectContext, change: impl FnOnce(&mut Vec<u8>)) -> &'static str {
        let sealed = self.seal(context, &self.author);
        let mut content = tidegate_sync_core::envelope::open(&self.keyring, context, &sealed).unwrap();
        change(&mut content);
        let forged = seal(self.keys.key(), context, &content, &mut rng(7)).unwrap();
        self.open(context, &forged).unwrap_err().code()
    }
}

#[test]
fn a_signed_document_comes_back_byte_for_byte_with_its_author() {
    let setup = setup();
    let verified = setup.open(&setup.segment(1), &setup.seal(&setup.segment(1), &setup.author)).unwrap();
    assert_eq!(verified.document, DOCUMENT);
    assert_eq!(verified.certificate.device(), setup.author.certificate.device());
    assert_eq!((verified.certificate.user(), verified.epoch), (setup.author.user, 0));
}

#[test]
fn who_is_not_in_the_directory_is_not_believed() {
    let setup = setup();
    let stranger = account(2);
    let context = ObjectContext { space: setup.space, name: ObjectName::Doorbell };
    let error = setup.open(&context, &setup.seal(&context, &stranger)).unwrap_err();
    assert!(matches!(error, SignedError::UnknownAuthor { user, generation: 0 } if user == stranger.user), "{error}");
    assert_eq!(error.code(), "signed-unknown-author");
}

#[test]
fn a_certificate_by_another_account_is_refused() {
    let setup = setup();
    let mut attacker = account(2);
    // The attacker holds the space's key and certifies a device in the owner's name.
    attacker.certificate = Certificate::issue(&attacker.keys, setup.author.user, &attacker.device, &thumbprint(2), 0);
    let context = ObjectContext { space: setup.space, name: ObjectName::Doorbell };
    let error = setup.open(&context, &setup.seal(&context, &attacker)).unwrap_err();
    assert_eq!(error.code(), "certificate-bad-signature");
}

#[test]
fn a_device_cannot_write_under_another_devices_name() {
    let mut setup = setup();
    let other = account(2);
    setup.directory.insert(other.user, 0, *other.keys.public().ed25519());
    let error = setup.open(&setup.segment(1), &setup.seal(&setup.segment(1), &other)).unwrap_err();
    assert_eq!(error.code(), "signed-other-device");
}

#[test]
fn a_document_signed_with_another_devices_key_is_refused() {
    let setup = setup();
    let mut impostor = account(2);
    impostor.certificate = setup.author.certificate.clone();
    let error = setup.open(&setup.segment(1), &setup.seal(&setup.segment(1), &impostor)).unwrap_err();
    assert_eq!(error.code(), "signed-bad-signature");
}

#[test]
fn a_signature_counts_for_one_type_and_space_and_epoch() {
    let setup = setup();
    let doorbell = ObjectContext { space: setup.space, name: ObjectName::Doorbell };
    let checkpoint = ObjectContext { space: setup.space, name: ObjectName::Checkpoint };
    let sealed = setup.seal(&doorbell, &setup.author);
    let content = tidegate_sync_core::envelope::open(&setup.keyring, &doorbell, &sealed).unwrap();
    // A member of the space can seal the same content anew; the signature does not move with it.
    let moved = seal(setup.keys.key(), &checkpoint, &content, &mut rng(7)).unwrap();
    assert_eq!(setup.open(&checkpoint, &moved).unwrap_err().code(), "signed-bad-signature");

    let next = setup.keys.next_epoch(&mut rng(8)).unwrap();
    let mut keyring = setup.keyring.clone();
    keyring.insert(next.clone());
    let moved = seal(next.key(), &doorbell, &content, &mut rng(7)).unwrap();
    let error = open_signed(&keyring, &setup.directory, &doorbell, &moved).unwrap_err();
    assert_eq!(error.code(), "signed-bad-signature");

    let elsewhere = ObjectContext { space: Space::Account(setup.author.user), name: ObjectName::Doorbell };
    let (account_keys, account_ring) = space_keys(elsewhere.space, 9);
    let moved = seal(account_keys.key(), &elsewhere, &content, &mut rng(7)).unwrap();
    let error = open_signed(&account_ring, &setup.directory, &elsewhere, &moved).unwrap_err();
    assert_eq!(error.code(), "signed-bad-signature");
}

#[test]
fn a_changed_document_signature_or_certificate_is_refused_by_name() {
    let setup = setup();
    let context = setup.segment(1);
    assert_eq!(setup.forge(&context, |content| content[6] ^= 1), "signed-bad-signature");
    assert_eq!(setup.forge(&context, |content| content[4 + DOCUMENT.len()] ^= 1), "signed-bad-signature");
    assert_eq!(setup.forge(&context, |content| *content.last_mut().unwrap() ^= 1), "certificate-bad-signature");
    assert_eq!(setup.forge(&context, |content| content.truncate(20)), "signed-malformed");
    assert_eq!(setup.forge(&context, |content| content[0] = 0xff), "signed-malformed");
    assert_eq!(setup.forge(&context, |content| content.push(0)), "certificate-malformed");
    assert_eq!(setup.forge(&context, |content| content.truncate(content.len() - 65)), "certificate-malformed");
}

#[test]
fn a_certificate_reads_back_and_every_flipped_bit_is_refused() {
    let account = account(1);
    let bytes = account.certificate.as_bytes();
    let read = Certificate::parse(bytes).unwrap();
    assert_eq!(read, account.certificate);
    read.verify(account.keys.public().ed25519()).unwrap();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[index] ^= 1 << bit;
            let verified =
                Certificate::parse(&flipped).and_then(|certificate| certificate.verify(account.keys.public().ed25519()));
            assert!(verified.is_err(), "byte {index}, bit {bit}");
        }
    }
}

#[test]
fn a_certificate_for_an_id_that_its_keys_do_not_make_is_refused() {
    let (ours, theirs) = (account(1), account(2));
    let json = String::from_utf8(ours.certificate.as_bytes()[4..ours.certificate.as_bytes().len() - 64].to_vec()).unwrap();
    let json = json.replace(&ours.certificate.device().to_string(), &theirs.certificate.device().to_string());
    let bytes = [tidegate_protocol::account::lp(json.as_bytes()), vec![0; 64]].concat();
    assert_eq!(Certificate::parse(&bytes).unwrap_err().code(), "certificate-other-device");
    let json = json.replace("certificate/v1", "certificate/v2");
    let bytes = [tidegate_protocol::account::lp(json.as_bytes()), vec![0; 64]].concat();
    assert_eq!(Certificate::parse(&bytes).unwrap_err().code(), "certificate-unknown-format");
}

#[test]
fn a_device_file_holds_its_name_sealed_and_signed() {
    let setup = setup();
    let space = Space::Account(setup.author.user);
    let (keys, keyring) = space_keys(space, 9);
    let device = setup.author.certificate.device();
    let context = ObjectContext { space, name: ObjectName::Device { device } };
    let document = DeviceDocument { name: "Anna's iPhone".to_owned(), joined_at: "2026-11-20T10:00:00.000Z".to_owned() };
    let json = make_device_document(&document);
    let sealed = seal_signed(keys.key(), &context, &json, &setup.author.device, &setup.author.certificate, &mut rng(1)).unwrap();
    assert!(!sealed.windows(6).any(|window| window == b"iPhone"));
    let verified = open_signed(&keyring, &setup.directory, &context, &sealed).unwrap();
    assert_eq!(DeviceDocument::parse(&verified.document).unwrap(), document);
    let future = String::from_utf8(json).unwrap().replace("device/v1", "device/v2");
    assert_eq!(DeviceDocument::parse(future.as_bytes()).unwrap_err().code(), "device-file-unknown-format");
}
