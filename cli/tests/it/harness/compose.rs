//! `minio/compose.yaml` as a self-hoster runs it, in a copy of its folder, over images that are there already.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// A project of Compose; its containers end with it.
pub(crate) struct Compose {
    folder: PathBuf,
    /// Where devices reach the broker.
    pub(crate) broker: String,
}

/// Two names that an authority of Caddy's own certifies. `scripts/compose-test` lets them lead to this machine.
const TLS_NAMES: [&str; 2] = ["https://tidegate.localhost", "https://objects.localhost"];

impl Compose {
    /// Copies the folder, names images and ports in `.env`, and runs `setup`. `COMPOSE_PROGRAM` names Compose.
    pub(crate) fn set_up(folder: &Path, profiles: &str, broker_port: u16, store_port: u16) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../minio");
        fs::create_dir_all(folder).unwrap();
        for entry in fs::read_dir(source).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file()) {
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        let example = fs::read_to_string(folder.join(".env.example")).unwrap();
        let [broker, store] = if profiles.contains("tls") {
            TLS_NAMES.map(str::to_owned)
        } else {
            [broker_port, store_port].map(|port| format!("http://127.0.0.1:{port}"))
        };
        let settings = [
            ("COMPOSE_PROFILES", profiles.to_owned()),
            ("PUBLIC_URL", broker.clone()),
            ("STORE_PUBLIC_URL", store),
            ("BROKER_PORT", broker_port.to_string()),
            ("STORE_PORT", store_port.to_string()),
            ("MINIO_IMAGE", "tidegate-test/minio".to_owned()),
            ("SEAWEEDFS_IMAGE", "tidegate-test/weed".to_owned()),
            ("CADDY_IMAGE", "tidegate-test/caddy".to_owned()),
            ("BROKER_IMAGE", "tidegate-test/broker".to_owned()),
        ];
        let line = |line: &str| {
            let set = settings.iter().find(|(name, _)| line.split_once('=').is_some_and(|(left, _)| left == *name));
            set.map_or_else(|| line.to_owned(), |(name, value)| format!("{name}={value}"))
        };
        let mut lines: Vec<String> = example.lines().map(line).collect();
        lines.push(format!("PROJECT=tidegate-test-{broker_port}"));
        fs::write(folder.join(".env"), lines.join("\n") + "\n").unwrap();
        let compose = Self { folder: folder.to_owned(), broker };
        // By its interpreter: what another thread starts at this moment holds the copy open for writing, and nothing executes that.
        finish(Command::new("sh").arg("./setup").arg("--no-image").env("COMPOSE", program()).current_dir(folder));
        compose
    }

    /// `docker compose up -d --wait`: done when every health check says so.
    pub(crate) fn up(&self) {
        self.run(&["up", "--detach", "--wait", "--no-build"]);
    }

    /// The certificate of Caddy's own authority, once it has made it.
    pub(crate) fn root_certificate(&self) -> String {
        let root = "/data/caddy/pki/authorities/local/root.crt";
        self.run(&["exec", "-T", "caddy", "sh", "-c", &format!("until [ -s {root} ]; do sleep 1; done; cat {root}")])
    }

    /// Any other command, which must work; gives its standard output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        finish(Command::new(program()).args(arguments).current_dir(&self.folder))
    }

    /// A command that may end otherwise: its exit code and its standard output.
    pub(crate) fn try_run(&self, arguments: &[&str]) -> (i32, String) {
        let ran = Command::new(program()).args(arguments).current_dir(&self.folder).stdin(Stdio::null()).output().unwrap();
        (ran.status.code().unwrap(), String::from_utf8_lossy(&ran.stdout).into_owned())
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = Command::new(program()).args(["logs", "--no-color", "--tail", "40"]).current_dir(&self.folder).output();
            eprintln!("{}", logs.map(|logs| String::from_utf8_lossy(&logs.stdout).into_owned()).unwrap_or_default());
        }
        let down = ["down", "--volumes", "--timeout", "2"];
        let _ = Command::new(program()).args(down).current_dir(&self.folder).stderr(Stdio::null()).status();
    }
}

fn program() -> std::ffi::OsString {
    env::var_os("COMPOSE_PROGRAM").expect("COMPOSE_PROGRAM names Docker Compose: scripts/compose-test sets it")
}

fn finish(command: &mut Command) -> String {
    let ran = command.stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", ran.status);
    stdout.into_owned()
}
