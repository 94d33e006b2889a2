use proptest::prelude::*;
use tidegate_protocol::{ContentHmac, Space, UserId};
use tidegate_sync_core::envelope::{
    CHUNK_BYTES, HEADER_BYTES, ObjectContext, ObjectName, OpenError, StreamOpener, StreamSealer, open, seal,
};
use tidegate_sync_core::keys::{Keyring, SpaceKeys};

use crate::setup::{bytes, member_space, rng, space_keys};

struct Setup {
    space: Space,
    keys: SpaceKeys,
    keyring: Keyring,
}

fn setup() -> Setup {
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, keyring) = space_keys(space, 3);
    Setup { space, keys, keyring }
}

impl Setup {
    fn seal(&self, content: &[u8], piece: usize) -> (ContentHmac, Vec<u8>) {
        let hmac = self.keys.attachment_key().content_hmac(content);
        let (mut sealer, head) = StreamSealer::begin(self.keys.key(), self.space, hmac, [9; 32], content.len() as u64).unwrap();
        let announced = sealer.sealed_len();
        let mut out = head.to_vec();
        for piece in content.chunks(piece) {
            sealer.update(piece, &mut out).unwrap();
        }
        sealer.finish(&mut out).unwrap();
        assert_eq!(out.len() as u64, announced);
        (hmac, out)
    }

    fn open(&self, hmac: ContentHmac, sealed: &[u8], piece: usize) -> Result<Vec<u8>, OpenError> {
        let (head, body) = sealed.split_first_chunk::<HEADER_BYTES>().unwrap();
        let mut opener = StreamOpener::begin(&self.keyring, self.space, hmac, head, sealed.len() as u64)?;
        let mut content = Vec::new();
        for piece in body.chunks(piece) {
            opener.update(piece, &mut content)?;
        }
        opener.finish()?;
        Ok(content)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_streamed_attachment_opens_again_streamed_or_whole(
        len in prop_oneof![0..300_usize, CHUNK_BYTES - 300..CHUNK_BYTES + 300, 3 * CHUNK_BYTES - 300..3 * CHUNK_BYTES + 300],
        sealed_in in 1..100_000_usize,
        opened_in in 1..100_000_usize,
    ) {
        let setup = setup();
        let content = bytes(len as u64, len);
        let (hmac, sealed) = setup.seal(&content, sealed_in);
        prop_assert_eq!(&setup.open(hmac, &sealed, opened_in).unwrap(), &content);
        let context = ObjectContext { space: setup.space, name: ObjectName::Attachment { hmac } };
        prop_assert_eq!(&open(&setup.keyring, &context, &sealed).unwrap(), &content);
    }
}

#[test]
fn a_stream_goes_on_after_the_content_that_is_at_hand() {
    let setup = setup();
    let whole_chunks = 3 * CHUNK_BYTES - 8;
    for len in [0, 1, CHUNK_BYTES - 9, CHUNK_BYTES - 8, whole_chunks, whole_chunks + 1, whole_chunks + 300_000] {
        let content = bytes(len as u64, len);
        let (hmac, sealed) = setup.seal(&content, 50_000);
        let (head, _) = sealed.split_first_chunk::<HEADER_BYTES>().unwrap();
        let begin = || StreamOpener::begin(&setup.keyring, setup.space, hmac, head, sealed.len() as u64).unwrap();
        for at_hand in [0, 1, CHUNK_BYTES - 9, CHUNK_BYTES - 8, CHUNK_BYTES, 2 * CHUNK_BYTES, len, usize::MAX] {
            let mut opener = begin();
            let skipped = opener.skip(len as u64, at_hand as u64).unwrap();
            let (kept, from) = (usize::try_from(skipped.content).unwrap(), usize::try_from(skipped.sealed).unwrap());
            assert!(kept <= at_hand.min(len) && at_hand.min(len) - kept < CHUNK_BYTES, "{at_hand} of {len}: {kept}");
            let mut opened = content[..kept].to_vec();
            opener.update(&sealed[from..], &mut opened).unwrap();
            opener.finish().unwrap();
            assert!(opened == content, "{at_hand} of {len}");
        }
        // The rest of another object does not open in its place.
        if len > CHUNK_BYTES {
            let mut opener = begin();
            opener.skip(len as u64, CHUNK_BYTES as u64).unwrap();
            assert!(opener.update(&sealed[HEADER_BYTES..], &mut Vec::new()).is_err());
        }
        assert!(begin().skip(len as u64 + 1_000_000, 0).is_err(), "no content of that length has such an envelope");
    }
}

#[test]
fn one_salt_gives_the_same_bytes_however_the_content_is_cut() {
    let setup = setup();
    let content = bytes(1, 200_000);
    assert_eq!(setup.seal(&content, 1_000), setup.seal(&content, 77_777));
}

#[test]
fn an_attachment_sealed_whole_opens_streamed() {
    let setup = setup();
    let content = bytes(1, 150_000);
    let hmac = setup.keys.attachment_key().content_hmac(&content);
    let context = ObjectContext { space: setup.space, name: ObjectName::Attachment { hmac } };
    let sealed = seal(setup.keys.key(), &context, &content, &mut rng(1)).unwrap();
    assert_eq!(setup.open(hmac, &sealed, 4_096).unwrap(), content);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let setup = setup();
    let hmac = setup.keys.attachment_key().content_hmac(b"");
    let begin = || StreamSealer::begin(setup.keys.key(), setup.space, hmac, [9; 32], 10).unwrap().0;
    let mut grown = begin();
    assert_eq!(grown.update(&[0; 11], &mut Vec::new()).unwrap_err().code(), "content-changed-while-read");
    let mut shrunk = begin();
    shrunk.update(&[0; 9], &mut Vec::new()).unwrap();
    assert_eq!(shrunk.finish(&mut Vec::new()).unwrap_err().code(), "content-changed-while-read");
}

#[test]
fn padding_comes_a_chunk_at_a_time_and_the_bytes_are_the_same() {
    let setup = setup();
    let content = bytes(1, (8 << 20) + 1);
    let (hmac, whole) = setup.seal(&content, 50_000);
    let begun = StreamSealer::begin(setup.keys.key(), setup.space, hmac, [9; 32], content.len() as u64);
    let (mut sealer, head) = begun.unwrap();
    let mut sealed = head.to_vec();
    sealer.update(&content, &mut sealed).unwrap();
    let (mut before, mut pieces) = (sealed.len(), 0);
    while sealer.pad(&mut sealed).unwrap() {
        assert!(sealed.len() - before <= CHUNK_BYTES + 16);
        (before, pieces) = (sealed.len(), pieces + 1);
    }
    sealer.finish(&mut sealed).unwrap();
    assert!(pieces >= 4 && sealed == whole, "{pieces} pieces");
}

#[test]
fn a_stream_that_ends_early_or_late_or_altered_is_refused_by_name() {
    let setup = setup();
    let (hmac, sealed) = setup.seal(&bytes(1, 3 * CHUNK_BYTES - 8), 50_000);
    let (head, body) = sealed.split_first_chunk::<HEADER_BYTES>().unwrap();
    let begin = || StreamOpener::begin(&setup.keyring, setup.space, hmac, head, sealed.len() as u64).unwrap();

    let mut early = begin();
    early.update(&body[..body.len() - 1], &mut Vec::new()).unwrap();
    assert_eq!(early.finish(), Err(OpenError::Truncated));

    let mut late = begin();
    late.update(body, &mut Vec::new()).unwrap();
    assert_eq!(late.update(b"x", &mut Vec::new()), Err(OpenError::TrailingData));

    let mut altered = body.to_vec();
    altered[CHUNK_BYTES + 16] ^= 1;
    assert_eq!(begin().update(&altered, &mut Vec::new()), Err(OpenError::Tampered { chunk: 1 }));

    // The store claims a shorter object: the chunk that would be the last is not.
    let short = (HEADER_BYTES + 2 * (CHUNK_BYTES + 16)) as u64;
    let mut opener = StreamOpener::begin(&setup.keyring, setup.space, hmac, head, short).unwrap();
    assert_eq!(opener.update(body, &mut Vec::new()), Err(OpenError::Truncated));
    assert!(StreamOpener::begin(&setup.keyring, setup.space, hmac, head, short + 1).is_err());
}

#[test]
fn a_content_hmac_is_the_same_in_pieces_and_under_one_key_only() {
    let setup = setup();
    let content = bytes(1, 10_000);
    let mut hasher = setup.keys.attachment_key().hasher();
    content.chunks(999).for_each(|piece| hasher.update(piece));
    let whole = setup.keys.attachment_key().content_hmac(&content);
    assert_eq!(hasher.finish(), whole);
    assert_eq!(whole.to_string().len(), 64);
    let (other, _) = space_keys(setup.space, 4);
    assert_ne!(other.attachment_key().content_hmac(&content), whole);
}
