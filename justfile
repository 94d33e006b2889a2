# Every task of the project; .ci/run calls the same recipes. `just` alone lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

_list:
    @just --list --unsorted

# Two devices, a broker and a store in one process: see it work.
demo *arguments:
    cargo run --release --locked -- demo {{arguments}}

# The README's test command: needs Rust and a C compiler, nothing else.
test:
    cargo test --workspace --locked

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

# rustdoc, warnings refused
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features --locked

# Licences, bans and sources (cargo-deny)
deny:
    cargo deny --locked check bans licenses sources

# What a crate must never be built from
crate-graph:
    scripts/crate-graph

# Links and the table of contents of docs/
docs-check:
    scripts/docs-check

# The command line killed at every named effect, before and after
test-crash-points:
    cargo test --workspace --locked --features tidegate-cli/crash-points --test it -- --nocapture crash_points

# The end-to-end suite against a real SeaweedFS (TIDEGATE_TEST_WEED names the binary)
test-seaweedfs:
    cargo test --workspace --locked --test it -- --ignored --nocapture seaweedfs

# A home on a file system without room (Linux; needs root or unprivileged user namespaces)
test-disk-full:
    cargo test -p tidegate-cli --locked --test it -- --ignored disk_full

# Write docs/openapi.json, docs/config.md and golden files anew after a deliberate change
bless:
    TIDEGATE_BLESS=1 cargo test --workspace --locked

# Presigning beside rusty-s3, aws-sigv4 and aws-sdk-s3
bench-presign:
    cargo bench -p tidegate-sigv4 --bench presign

# Sealing and opening beside raw AES-256-GCM
bench-envelope:
    cargo bench -p tidegate-sync-core --bench envelope

# Many devices over many schedules: `just simulate --schedules 100000 --seed 1`
simulate *arguments:
    cargo run --release --locked -p tidegate-testkit --bin simulate -- {{arguments}}
