//! Every check by name: what it asks, and what usually is wrong where it fails.

use std::fmt::Write as _;

/// One check, as docs/doctor.md has it.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Its stable name.
    pub id: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// What usually is wrong, and what to do.
    pub usually: &'static str,
}

const fn check(id: &'static str, asks: &'static str, usually: &'static str) -> Description {
    Description { id, asks, usually }
}

/// Every check, in the order in which they are told.
pub const CHECKS: &[Description] = &[
    check(
        "configuration",
        "Is every setting valid?",
        "The cause names each setting that is not; [config.md](config.md) lists them all.",
    ),
    check(
        "public-url",
        "Does this broker answer at `public_url`, and under that very name?",
        "Name resolution, a firewall, a proxy that leads elsewhere or another broker behind it. Asked from the machine of the broker: run `tidegate doctor` on a device, too.",
    ),
    check(
        "public-url-tls",
        "Is its certificate one that clients accept?",
        "An expired certificate, one for another name, a missing intermediate, or https spoken to a port that serves http.",
    ),
    check(
        "store-endpoint",
        "Does a store answer at `store.endpoint_internal`?",
        "The store is not running, or host or port are wrong.",
    ),
    check(
        "store-tls",
        "Are the certificates of both endpoints accepted, and does no URL travel in the clear?",
        "As above. Plain http beyond one machine shows presigned URLs to everybody on the way.",
    ),
    check(
        "store-addressing",
        "Does the store understand `store.addressing`?",
        "`virtual-host` needs a wildcard name and certificate; `path` works everywhere.",
    ),
    check("store-region", "Is `store.region` the bucket's?", "Set the region that the cause names; R2 wants `auto`."),
    check("store-bucket", "Is the bucket there?", "Make it; it stays private."),
    check(
        "store-credentials",
        "Does the store know the keys, and are they still good?",
        "A mistyped id or secret, a key that was deleted, a temporary key that is over, a policy that is missing.",
    ),
    check(
        "clock",
        "Do broker and store agree about the time?",
        "Run NTP on both: signatures are good for a quarter of an hour around the store's time.",
    ),
    check(
        "store-public-endpoint",
        "Do presigned URLs work at `store.endpoint_public`?",
        "An address that only the broker can reach, or a proxy that changes the Host header or the path: the signature covers both.",
    ),
    check("store-anonymous", "Is the bucket closed to whoever has no key?", "A public bucket policy or ACL: remove it."),
    check(
        "store-scope",
        "Is a URL good for its object, method and time alone?",
        "The store, or a proxy that signs anew, does not check signatures: use another.",
    ),
    check("store-sibling-prefix", "Is a listing kept to its prefix?", "The same."),
    check(
        "store-checksums",
        "Does the store hold a PUT to the length and SHA-256 that were signed?",
        "A store that does not cannot be used.",
    ),
    check(
        "store-other-attacks",
        "Do copy headers, ACL headers and their kin come to nothing?",
        "A key that signs PUTs and can read, or delete: give `store.write` a key of its own with PutObject alone.",
    ),
    check("store-rights", "Have the keys no more rights than they need?", "Take away the rights that the cause names."),
    check(
        "store-preconditions",
        "Does the store decide conditional writes atomically?",
        "Some stores ignore them. Self-hosting works all the same; subscriptions do not.",
    ),
    check("store-listing", "Is a LIST complete, in order and up to date?", "A cache or gateway in front of the store."),
    check(
        "store-multipart",
        "Do uploads in parts work?",
        "The state key lacks the rights for uploads in parts, or a proxy limits bodies.",
    ),
    check(
        "store-crc32",
        "Does the store take the CRC32 trailers that AWS's SDKs send by default?",
        "Tidegate never sends them. Other tools want AWS_REQUEST_CHECKSUM_CALCULATION=when_required there.",
    ),
    check(
        "store-cors",
        "May pages of `cors.origins` use presigned URLs?",
        "Add a CORS rule to the bucket (MinIO: MINIO_API_CORS_ALLOW_ORIGIN).",
    ),
    check(
        "temporary-credentials",
        "Do temporary credentials read their prefix and do nothing else?",
        "The role can be assumed by `store.read` and reads `users/*` alone; see [temporary-credentials.md](temporary-credentials.md).",
    ),
];

/// The table of docs/doctor.md.
#[must_use]
pub fn reference_table() -> String {
    let mut table = String::from("| check | what it asks | where it fails |\n|---|---|---|\n");
    for Description { id, asks, usually } in CHECKS {
        writeln!(table, "| `{id}` | {asks} | {usually} |").expect("a string takes any text");
    }
    table
}
