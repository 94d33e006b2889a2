//! Credentials that a real MinIO makes.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;
use tidegate_broker::config::{Config, CredentialSource, StsSettings};
use tidegate_broker::serve::Server;
use tidegate_broker::{InviteRequest, issue_invite};
use tidegate_protocol::session::SessionReply;
use tidegate_testkit::port::free_port;
use time::{Duration, OffsetDateTime};

use super::attacks::{Holder, assert_reads_its_prefix_and_does_nothing_else, credentials_for};
use crate::device::{Account, Device};
use crate::multipart::seaweedfs::{BUCKET, config, secret};
use crate::world::TestClock;

/// A MinIO of its own with the broker's three keys, and a broker over it.
struct Minio {
    child: Child,
    server: Server,
    config: Config,
    clock: TestClock,
    _folder: TempDir,
}

impl Drop for Minio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names the program"))
}

impl Minio {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, console) = (free_port(), free_port());
        let endpoint = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(program("MINIO_PROGRAM"));
        command.env("MINIO_ROOT_USER", "operator").env("MINIO_ROOT_PASSWORD", "operator-of-tests").env("HOME", folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.arg("server").arg(folder.path().join("data"));
        command.args([format!("--address=127.0.0.1:{port}"), format!("--console-address=127.0.0.1:{console}")]);
        let child = command.spawn().unwrap();
        let started = Instant::now();
        while !reqwest::get(format!("{endpoint}/minio/health/live")).await.is_ok_and(|answer| answer.status() == 200) {
            assert!(started.elapsed().as_secs() < 60, "MinIO does not start");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        make_keys(&folder, &endpoint);
        let mut config = config(&endpoint);
        for credential in [&mut config.store.read, &mut config.store.write, &mut config.store.state] {
            credential.access_key_id = format!("tidegate-{}", credential.access_key_id);
        }
        config.credentials = Some(CredentialSource::Sts(StsSettings {
            endpoint: endpoint.parse().unwrap(),
            region: "us-east-1".to_owned(),
            role_arn: None,
            bounds_time: true,
        }));
        let clock = TestClock::new();
        let server = Server::start_with(&config, Arc::new(clock.clone())).await.unwrap();
        Self { child, server, config, clock, _folder: folder }
    }

    async fn enrolled(&self, name: &str, seed: u8) -> (Device, SessionReply) {
        let request = InviteRequest { user: name.to_owned(), devices: 1, lives: Duration::days(1) };
        let Config { signing_keys, public_url, .. } = &self.config;
        let invite = issue_invite(signing_keys, public_url, &request, OffsetDateTime::now_utc()).unwrap();
        let device = Device::new(&self.server.broker_url).await;
        let session = device.create_account(&invite.token, &Account::new(seed)).await;
        (device, session)
    }
}

/// The bucket and three users with the least rights that the broker needs, by `mc`.
fn make_keys(folder: &TempDir, endpoint: &str) {
    let mc = |arguments: &[&str]| {
        let mut command = Command::new(program("MC_PROGRAM"));
        command.arg("--config-dir").arg(folder.path().join("mc")).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "mc {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    mc(&["alias", "set", "store", endpoint, "operator", "operator-of-tests"]);
    mc(&["mb", &format!("store/{BUCKET}")]);
    let bucket = format!("arn:aws:s3:::{BUCKET}");
    let users = format!("{bucket}/users/*");
    let allow =
        |action: serde_json::Value, resource: &str| json!({ "Effect": "Allow", "Action": action, "Resource": [resource] });
    for (name, statements) in [
        ("read", vec![allow(json!(["s3:GetObject"]), &users), allow(json!(["s3:ListBucket"]), &bucket)]),
        ("write", vec![allow(json!(["s3:PutObject"]), &users)]),
        ("state", vec![allow(json!(["s3:*"]), &bucket), allow(json!(["s3:*"]), &format!("{bucket}/*"))]),
    ] {
        let path = folder.path().join(format!("{name}.json"));
        std::fs::write(&path, json!({ "Version": "2012-10-17", "Statement": statements }).to_string()).unwrap();
        let user = format!("tidegate-{name}");
        mc(&["admin", "policy", "create", "store", &user, path.to_str().unwrap()]);
        mc(&["admin", "user", "add", "store", &user, &secret(name)]);
        mc(&["admin", "policy", "attach", "store", &user, "--user", &user]);
    }
}

#[tokio::test]
#[ignore = "needs MinIO: just test-minio"]
async fn minio_makes_credentials_that_read_their_prefix_until_their_end_and_do_nothing_else() {
    let mut minio = Minio::start().await;
    let (mut anna, annas) = minio.enrolled("anna", 1).await;
    let (bert, berts) = minio.enrolled("bert", 2).await;
    assert!(!assert_reads_its_prefix_and_does_nothing_else((&anna, &annas), (&bert, &berts)).await, "MinIO lists by a header");

    // A clock that goes 14 minutes and 50 seconds behind: 15 minutes of life are 10 seconds.
    minio.clock.advance(Duration::seconds(-890));
    anna.fresh_nonce().await;
    let prefix = format!("users/{}/", annas.user_id);
    let reply = credentials_for(&anna, &annas, &prefix).await;
    let holder = Holder::new(&reply);
    let genesis = format!("{prefix}genesis.json");
    assert_eq!(holder.get(&genesis).await.status, 200);
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    assert_eq!(holder.get(&genesis).await.status, 403, "credentials outlive what was told of their end");
    assert!(minio.child.try_wait().unwrap().is_none());
}
