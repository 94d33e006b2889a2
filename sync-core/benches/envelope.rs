//! Seal and open beside raw AES-256-GCM of the same bytes: `cargo bench -p tidegate-sync-core --bench envelope`.
//!
//! "raw" is what nobody can go below with this cipher: one copy of the plaintext into a fresh buffer and AES-256-GCM in place,
//! with neither header, key derivation, padding, compression nor chunks.

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use divan::Bencher;
use divan::counter::BytesCount;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tidegate_protocol::{MemberId, RecordId, Space, UserId};
use tidegate_sync_core::envelope::{ObjectContext, ObjectName, open_with_key, seal};
use tidegate_sync_core::keys::SpaceKey;

fn main() {
    divan::main();
}

const SIZES: [usize; 2] = [1024, 1024 * 1024];

fn random(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    ChaCha20Rng::seed_from_u64(7).fill_bytes(&mut bytes);
    bytes
}

/// Lines as a record of readings has them: text that compresses about five times.
fn text(len: usize) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let mut text = Vec::with_capacity(len + 64);
    while text.len() < len {
        let (minute, glucose) = (rng.next_u32() % 1440, 70 + rng.next_u32() % 180);
        text.extend_from_slice(format!("{{\"minute\":{minute},\"glucose_mg_dl\":{glucose},\"source\":\"sensor\"}}\n").as_bytes());
    }
    text.truncate(len);
    text
}

struct Setup {
    key: SpaceKey,
    context: ObjectContext,
    rng: ChaCha20Rng,
}

fn setup() -> Setup {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let space = Space::Member(UserId::from_bytes([1; 16]), MemberId::from_bytes([2; 16]));
    let key = SpaceKey::generate(space, 0, &mut rng);
    let context = ObjectContext { space, name: ObjectName::Record { id: RecordId::from_bytes([3; 16]), version: 1 } };
    Setup { key, context, rng }
}

fn raw_key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[5; 32]).expect("32 bytes"))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn raw_seal(key: &LessSafeKey, content: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(content.len() + 16);
    buffer.extend_from_slice(content);
    key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut buffer).expect("seals");
    buffer
}

fn raw_open(key: &LessSafeKey, sealed: &[u8]) -> Vec<u8> {
    let mut buffer = sealed.to_vec();
    let len = key.open_in_place(nonce(), Aad::empty(), &mut buffer).expect("opens").len();
    buffer.truncate(len);
    buffer
}

#[divan::bench(args = SIZES)]
fn raw_seal_and_open_random(bencher: Bencher<'_, '_>, len: usize) {
    let (key, content) = (raw_key(), random(len));
    bencher.counter(BytesCount::new(len)).bench_local(|| raw_open(&key, &raw_seal(&key, black_box(&content))));
}

#[divan::bench(args = SIZES)]
fn seal_and_open_random(bencher: Bencher<'_, '_>, len: usize) {
    seal_and_open(bencher, &random(len));
}

#[divan::bench(args = SIZES)]
fn seal_and_open_text(bencher: Bencher<'_, '_>, len: usize) {
    seal_and_open(bencher, &text(len));
}

fn seal_and_open(bencher: Bencher<'_, '_>, content: &[u8]) {
    let Setup { key, context, mut rng } = setup();
    bencher.counter(BytesCount::new(content.len())).bench_local(|| {
        let sealed = seal(&key, &context, black_box(content), &mut rng).expect("seals");
        open_with_key(&key, &context, &sealed).expect("opens")
    });
}

#[divan::bench(args = SIZES)]
fn raw_seal_random(bencher: Bencher<'_, '_>, len: usize) {
    let (key, content) = (raw_key(), random(len));
    bencher.counter(BytesCount::new(len)).bench_local(|| raw_seal(&key, black_box(&content)));
}

#[divan::bench(args = SIZES)]
fn seal_random(bencher: Bencher<'_, '_>, len: usize) {
    let (Setup { key, context, mut rng }, content) = (setup(), random(len));
    bencher.counter(BytesCount::new(len)).bench_local(|| seal(&key, &context, black_box(&content), &mut rng).expect("seals"));
}

#[divan::bench(args = SIZES)]
fn seal_text(bencher: Bencher<'_, '_>, len: usize) {
    let (Setup { key, context, mut rng }, content) = (setup(), text(len));
    bencher.counter(BytesCount::new(len)).bench_local(|| seal(&key, &context, black_box(&content), &mut rng).expect("seals"));
}

#[divan::bench(args = SIZES)]
fn raw_open_random(bencher: Bencher<'_, '_>, len: usize) {
    let key = raw_key();
    let sealed = raw_seal(&key, &random(len));
    bencher.counter(BytesCount::new(len)).bench_local(|| raw_open(&key, black_box(&sealed)));
}

#[divan::bench(args = SIZES)]
fn open_random(bencher: Bencher<'_, '_>, len: usize) {
    open_content(bencher, &random(len));
}

#[divan::bench(args = SIZES)]
fn open_text(bencher: Bencher<'_, '_>, len: usize) {
    open_content(bencher, &text(len));
}

fn open_content(bencher: Bencher<'_, '_>, content: &[u8]) {
    let Setup { key, context, mut rng } = setup();
    let sealed = seal(&key, &context, content, &mut rng).expect("seals");
    bencher
        .counter(BytesCount::new(content.len()))
        .bench_local(|| open_with_key(&key, &context, black_box(&sealed)).expect("opens"));
}
