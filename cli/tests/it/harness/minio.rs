//! MinIO with bucket, rights and keys as `minio/bootstrap.sh` makes them for self-hosters.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use tidegate_testkit::port::free_port;

use super::server::Server;

/// What `minio/bootstrap.sh` calls the broker's credential of this name.
pub(crate) fn user(name: &str) -> String {
    format!("tidegate-{name}")
}

/// The secret of that credential.
pub(crate) fn secret(name: &str) -> String {
    format!("{name}-secret-for-tests")
}

/// Starts MinIO over a folder, with this administrator, and runs the bootstrap, which changes nothing that is right already.
/// `MINIO_PROGRAM` and `MC_PROGRAM` name the programs.
pub(crate) fn start(folder: &Path, port: u16, bucket: &str, administrator: &str, password: &str) -> Server {
    let (data, secrets) = (folder.join("minio"), folder.join("minio-secrets"));
    fs::create_dir_all(&data).unwrap();
    fs::create_dir_all(&secrets).unwrap();
    let files = [("minio-root-user", administrator.to_owned()), ("minio-root-password", password.to_owned())];
    let credentials = ["read", "write", "state"].map(|name| (name, format!("store-{name}")));
    let all = files.into_iter().map(|(file, text)| (file.to_owned(), text));
    for (file, text) in all.chain(credentials.into_iter().map(|(name, file)| (file, secret(name)))) {
        fs::write(secrets.join(file), text).unwrap();
    }

    let mut command = Command::new(env::var_os("MINIO_PROGRAM").expect("MINIO_PROGRAM names the MinIO program"));
    command.env("MINIO_ROOT_USER_FILE", secrets.join("minio-root-user"));
    command.env("MINIO_ROOT_PASSWORD_FILE", secrets.join("minio-root-password")).env("MINIO_BROWSER", "off");
    command.arg("server").arg(&data).args(["--address", &format!("127.0.0.1:{port}")]);
    command.args(["--console-address", &format!("127.0.0.1:{}", free_port())]);
    let health = format!("http://127.0.0.1:{port}/minio/health/ready");
    let server = Server::other(&mut command, || super::status_of(&health) == Some(200));

    let client = env::var_os("MC_PROGRAM").expect("MC_PROGRAM names the MinIO client");
    let beside = Path::new(&client).parent().unwrap().to_owned();
    let path = env::join_paths([beside].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap_or_default()))).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../minio/bootstrap.sh");
    let mut bootstrap = Command::new("sh");
    bootstrap.arg(script).env("PATH", path).env("MC_CONFIG_DIR", folder.join("mc")).stdin(Stdio::null());
    bootstrap.env("STORE_URL", format!("http://127.0.0.1:{port}")).env("BUCKET", bucket).env("SECRETS", &secrets);
    let ran = bootstrap.output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    server
}
