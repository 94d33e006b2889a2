//! The probe over a real SeaweedFS.

use tempfile::TempDir;
use tidegate_protocol::capability::{Attack, ExcessRight, Precondition, Support};
use tidegate_sigv4::Credentials;
use tidegate_store_probe::{Target, probe};
use tidegate_testkit::seaweedfs::{Identity, SeaweedFs, Setup};

use crate::store::{BUCKET, SECRET, probe_of, run, target};

struct Weed {
    base: String,
    _store: SeaweedFs,
    _folder: TempDir,
}

impl Weed {
    /// A SeaweedFS in which each of these identities may do these things in the bucket.
    fn start(identities: &[(&'static str, &'static [&'static str])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = |(name, actions): &(&'static str, &'static [&'static str])| Identity { name, secret: SECRET, actions };
        let identities: Vec<Identity<'_>> = identities.iter().map(identity).collect();
        let store = SeaweedFs::start(&Setup::new(folder.path(), BUCKET, &identities));
        Self { base: store.endpoint(), _store: store, _folder: folder }
    }
}

const LEAST: [(&str, &[&str]); 3] = [("read", &["Read", "List"]), ("write", &["Write"]), ("state", &["Read", "Write", "List"])];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
async fn seaweedfs_is_atomic_and_lets_no_attack_through() {
    let weed = Weed::start(&LEAST);
    let report = probe(target(&weed.base), run()).await.unwrap();
    let findings = report.profile.findings.as_deref().unwrap();
    println!("{:?} {:?} {findings:?} {:?}", report.profile.conditional_create, report.profile.conditional_replace, report.notes);
    assert_eq!(report.profile.conditional_create, Precondition::Atomic);
    assert_eq!(report.profile.conditional_replace, Precondition::Atomic);
    assert_eq!(findings.conditional_get, Support::Works);
    assert_eq!(findings.multipart, Support::Works);
    assert!(findings.list.consistent && findings.list.etags && findings.list.pages && findings.list.exact_prefix);
    assert!(findings.normalises_keys, "a URL signed for a//b serves a/b");
    for attack in Attack::ALL {
        assert!(findings.outcome(attack).is_harmless(), "{attack:?}: {:?}", findings.outcome(attack));
    }
    // Rights go by bucket there, and who may write may delete.
    assert!(findings.excess_rights.contains(&ExcessRight::WriteKeyDeletes));
    assert!(findings.excess_rights.contains(&ExcessRight::WriteKeyWritesState));
    assert!(!findings.excess_rights.contains(&ExcessRight::WriteKeyReads));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
async fn seaweedfs_with_one_key_for_everything_has_every_excess_right() {
    let weed = Weed::start(&LEAST);
    let all = Credentials::new("state", SECRET, None);
    let probe = probe_of(Target { read: all.clone(), write: all, ..target(&weed.base) });
    let excess = probe.excess_rights().await.unwrap();
    probe.clean_up().await.unwrap();
    assert_eq!(excess.len(), 7, "{excess:?}");
}
