//! The probe over a real SeaweedFS.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_protocol::capability::{Attack, ExcessRight, Precondition, Support};
use tidegate_sigv4::Credentials;
use tidegate_store_probe::{Hello, Target, probe};

use crate::store::{BUCKET, SECRET, probe_of, run, target};

struct Weed {
    child: Child,
    base: String,
    _folder: TempDir,
}

impl Drop for Weed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Weed {
    /// A SeaweedFS in which each of these identities may do these things in the bucket.
    async fn start(identities: &[(&str, &[&str])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = |(name, actions): &(&str, &[&str])| {
            let actions: Vec<String> = actions.iter().map(|action| format!("\"{action}:{BUCKET}\"")).collect();
            format!(
                r#"{{"name":"{name}","credentials":[{{"accessKey":"{name}","secretKey":"{SECRET}"}}],"actions":[{}]}}"#,
                actions.join(",")
            )
        };
        let identities: Vec<String> = identities.iter().map(identity).collect();
        let path = folder.path().join("s3.json");
        std::fs::write(&path, format!(r#"{{"identities":[{}]}}"#, identities.join(","))).unwrap();
        let data = folder.path().join("weed");
        std::fs::create_dir_all(&data).unwrap();
        let s3 = free_port();
        let mut command = Command::new(std::env::var("WEED_PROGRAM").expect("WEED_PROGRAM names the SeaweedFS program"));
        command.env("GOMEMLIMIT", "200MiB").env("GOGC", "50").current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.arg("mini").arg(format!("-dir={}", data.display())).arg(format!("-s3.config={}", path.display()));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"]);
        command.args([format!("-s3.port={s3}"), format!("-bucket={BUCKET}")]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        for port in ["filer.port", "master.port", "volume.port", "admin.port"] {
            command.arg(format!("-{port}={}", free_port()));
        }
        let weed = Self { child: command.spawn().unwrap(), base: format!("http://127.0.0.1:{s3}"), _folder: folder };
        let started = Instant::now();
        while probe_of(target(&weed.base)).hello().await.unwrap() != Hello::Ok {
            assert!(started.elapsed().as_secs() < 90, "SeaweedFS does not start");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        weed
    }
}

const LEAST: [(&str, &[&str]); 3] = [("read", &["Read", "List"]), ("write", &["Write"]), ("state", &["Read", "Write", "List"])];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
async fn seaweedfs_is_atomic_and_lets_no_attack_through() {
    let weed = Weed::start(&LEAST).await;
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
    let weed = Weed::start(&LEAST).await;
    let all = Credentials::new("state", SECRET, None);
    let probe = probe_of(Target { read: all.clone(), write: all, ..target(&weed.base) });
    let excess = probe.excess_rights().await.unwrap();
    probe.clean_up().await.unwrap();
    assert_eq!(excess.len(), 7, "{excess:?}");
}
