//! Presigning one GET and one PUT of a record, beside other signers: `cargo bench -p tidegate-sigv4`.
//!
//! All sign the same key and headers for the same endpoint, and count their heap allocations. `rusty-s3` reads the clock;
//! `aws-sdk-s3` adds parameters of its own. `in_a_batch` is how the broker signs, `alone` prepares a batch for one URL.

use divan::{AllocProfiler, Bencher, black_box};

#[path = "presign/aws_sdk.rs"]
mod aws_sdk;
#[path = "presign/aws_sigv4_crate.rs"]
mod aws_sigv4_crate;
#[path = "presign/rusty.rs"]
mod rusty;
#[path = "presign/tidegate.rs"]
mod tidegate;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const ENDPOINT: &str = "https://s3.eu-central-1.amazonaws.com";
const BUCKET: &str = "tidegate-health";
const REGION: &str = "eu-central-1";
const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const NOW: time::OffsetDateTime = time::macros::datetime!(2026-11-04 12:00 UTC);
const EXPIRES_SECONDS: u32 = 900;
const KEY: &str = "users/7f9c24e8-3b1a-8c55-9d10-2a6f0e4b7c31/family-members/0b7e6a52-91d4-4f0e-8a3c-5e2d1f4b6a90/\
                   records/c2a4e6f8-1b3d-4f5a-8c7e-9d0b2a4c6e8f.v6.5f1d3a7b9c2e4f60718293a4b5c6d7e8.blob";
const CHECKSUM: &str = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
/// What a presigned PUT of a record pins, beside the host.
const PUT_HEADERS: [(&str, &str); 4] = [
    ("content-length", "1234"),
    ("content-type", "application/octet-stream"),
    ("if-none-match", "*"),
    ("x-amz-checksum-sha256", CHECKSUM),
];

fn main() {
    assert_equal_signatures();
    divan::main();
}

/// The figures compare like with like only if both sign the same request.
fn assert_equal_signatures() {
    let signature = |url: String| url.split(['?', '&']).find(|pair| pair.starts_with("X-Amz-Signature=")).map(str::to_owned);
    let (ours, theirs) = (tidegate::signer(), aws_sigv4_crate::Signer::new());
    let batch = ours.at(NOW);
    assert_eq!(signature(tidegate::get(&batch, KEY)), signature(theirs.presign("GET", KEY, &[])));
    assert_eq!(signature(tidegate::put(&batch, KEY)), signature(theirs.presign("PUT", KEY, &PUT_HEADERS)));
}

#[divan::bench_group(sample_count = 400, sample_size = 100)]
mod get {
    use super::*;

    #[divan::bench]
    fn tidegate_in_a_batch(bencher: Bencher<'_, '_>) {
        let signer = tidegate::signer();
        let batch = signer.at(NOW);
        bencher.bench_local(|| tidegate::get(&batch, black_box(KEY)));
    }

    #[divan::bench]
    fn tidegate_alone(bencher: Bencher<'_, '_>) {
        let signer = tidegate::signer();
        bencher.bench_local(|| tidegate::get(&signer.at(black_box(NOW)), black_box(KEY)));
    }

    #[divan::bench]
    fn rusty_s3(bencher: Bencher<'_, '_>) {
        let signer = rusty::Signer::new();
        bencher.bench_local(|| signer.get(black_box(KEY)));
    }

    #[divan::bench]
    fn aws_sigv4(bencher: Bencher<'_, '_>) {
        let signer = aws_sigv4_crate::Signer::new();
        bencher.bench_local(|| signer.presign("GET", black_box(KEY), &[]));
    }

    #[divan::bench]
    fn aws_sdk_s3(bencher: Bencher<'_, '_>) {
        let signer = aws_sdk::Signer::new();
        bencher.bench_local(|| signer.get(black_box(KEY)));
    }
}

#[divan::bench_group(sample_count = 400, sample_size = 100)]
mod put {
    use super::*;

    #[divan::bench]
    fn tidegate_in_a_batch(bencher: Bencher<'_, '_>) {
        let signer = tidegate::signer();
        let batch = signer.at(NOW);
        bencher.bench_local(|| tidegate::put(&batch, black_box(KEY)));
    }

    #[divan::bench]
    fn tidegate_alone(bencher: Bencher<'_, '_>) {
        let signer = tidegate::signer();
        bencher.bench_local(|| tidegate::put(&signer.at(black_box(NOW)), black_box(KEY)));
    }

    #[divan::bench]
    fn rusty_s3(bencher: Bencher<'_, '_>) {
        let signer = rusty::Signer::new();
        bencher.bench_local(|| signer.put(black_box(KEY)));
    }

    #[divan::bench]
    fn aws_sigv4(bencher: Bencher<'_, '_>) {
        let signer = aws_sigv4_crate::Signer::new();
        bencher.bench_local(|| signer.presign("PUT", black_box(KEY), &PUT_HEADERS));
    }

    #[divan::bench]
    fn aws_sdk_s3(bencher: Bencher<'_, '_>) {
        let signer = aws_sdk::Signer::new();
        bencher.bench_local(|| signer.put(black_box(KEY)));
    }
}
