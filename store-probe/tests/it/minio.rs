//! The probe over a real MinIO: with the three credentials of a broker, and with one for everything.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_protocol::capability::{Attack, AttackOutcome, Precondition, Support};
use tidegate_sigv4::Credentials;
use tidegate_store_probe::{Hello, Target, probe};
use tidegate_testkit::port::free_port;

use crate::store::{BUCKET, SECRET, probe_of, run, target};

struct Minio {
    child: Child,
    base: String,
    folder: TempDir,
}

impl Drop for Minio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn statement(actions: &[&str], resource: &str) -> String {
    let actions: Vec<String> = actions.iter().map(|action| format!("\"s3:{action}\"")).collect();
    format!(r#"{{"Effect":"Allow","Action":[{}],"Resource":["arn:aws:s3:::{resource}"]}}"#, actions.join(","))
}

impl Minio {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, console) = (free_port(), free_port());
        let mut command = Command::new(std::env::var("MINIO_PROGRAM").expect("MINIO_PROGRAM names the MinIO program"));
        command.env("MINIO_ROOT_USER", "state").env("MINIO_ROOT_PASSWORD", SECRET).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.arg("server").arg(folder.path().join("data"));
        command.args(["--address", &format!("127.0.0.1:{port}"), "--console-address", &format!("127.0.0.1:{console}")]);
        let minio = Self { child: command.spawn().unwrap(), base: format!("http://127.0.0.1:{port}"), folder };
        let started = Instant::now();
        while matches!(
            probe_of(target(&minio.base)).hello().await.unwrap(),
            Hello::Unreachable { .. } | Hello::Failing { .. } | Hello::NotAStore { .. }
        ) {
            assert!(started.elapsed().as_secs() < 90, "MinIO does not start");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        minio.set_up();
        minio
    }

    /// Bucket, users and least rights, by MinIO's own client.
    fn set_up(&self) {
        self.mc(&["alias", "set", "here", &self.base, "state", SECRET]);
        self.mc(&["mb", &format!("here/{BUCKET}")]);
        let users = format!("{BUCKET}/users/*");
        let read = [statement(&["GetObject"], &users), statement(&["ListBucket"], BUCKET)].join(",");
        for (name, statements) in [("read", read), ("write", statement(&["PutObject"], &users))] {
            let policy = self.folder.path().join(format!("{name}.json"));
            std::fs::write(&policy, format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap();
            self.mc(&["admin", "user", "add", "here", name, SECRET]);
            self.mc(&["admin", "policy", "create", "here", name, path(&policy)]);
            self.mc(&["admin", "policy", "attach", "here", name, "--user", name]);
        }
    }

    fn mc(&self, arguments: &[&str]) {
        let mut command = Command::new(std::env::var("MC_PROGRAM").expect("MC_PROGRAM names MinIO's client"));
        let done = command.env("MC_CONFIG_DIR", self.folder.path().join("mc")).args(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MinIO: just test-minio"]
async fn minio_with_least_rights_lets_no_attack_through() {
    let minio = Minio::start().await;
    let report = probe(target(&minio.base), run()).await.unwrap();
    let findings = report.profile.findings.as_deref().unwrap();
    println!("{:?} {:?} {findings:?} {:?}", report.profile.conditional_create, report.profile.conditional_replace, report.notes);
    assert_eq!(report.profile.conditional_create, Precondition::Atomic);
    assert_eq!(report.profile.conditional_replace, Precondition::Atomic);
    assert_eq!(findings.conditional_delete, Precondition::Ignored, "MinIO deletes whatever the condition says");
    assert_eq!(findings.multipart, Support::Works);
    for attack in Attack::ALL {
        assert!(findings.outcome(attack).is_harmless(), "{attack:?}: {:?}", findings.outcome(attack));
    }
    assert_eq!(findings.excess_rights, []);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MinIO: just test-minio"]
async fn minio_with_one_key_for_everything_copies_and_deletes_for_whoever_has_a_url() {
    let minio = Minio::start().await;
    let all = Credentials::new("state", SECRET, None);
    let report = probe(Target { read: all.clone(), write: all, ..target(&minio.base) }, run()).await.unwrap();
    let findings = report.profile.findings.as_deref().unwrap();
    println!("{findings:?}");
    assert_eq!(findings.outcome(Attack::CopySource), AttackOutcome::Succeeded);
    assert_eq!(findings.outcome(Attack::ForceDelete), AttackOutcome::Succeeded);
    assert!(findings.outcome(Attack::AlteredKey).is_harmless());
}
