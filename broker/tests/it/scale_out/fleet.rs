//! Three replicas of a broker behind nginx, over one SeaweedFS.

use std::array;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::PATIENCE;
use crate::multipart::seaweedfs::Weed;
use crate::process::{Operator, Serve, free_address};

pub(super) const REPLICAS: usize = 3;

/// nginx before the replicas. It asks another one when one is gone: what a proof allows may be repeated anywhere.
struct Nginx(Child);

impl Nginx {
    fn start(folder: &Path, listen: SocketAddr, replicas: &[SocketAddr]) -> Self {
        let servers: String = replicas.iter().map(|address| format!("server {address} max_fails=1 fail_timeout=1s;\n")).collect();
        let at = folder.display();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log {at}/nginx.log;\nevents {{}}\nhttp {{\n\
             access_log off;\nclient_body_temp_path {at}/b;\nproxy_temp_path {at}/p;\nfastcgi_temp_path {at}/f;\nuwsgi_temp_path {at}/u;\nscgi_temp_path {at}/s;\n\
             upstream brokers {{\n{servers}keepalive 16;\n}}\n\
             server {{\nlisten {listen};\nclient_max_body_size 4m;\nlocation / {{\n\
             proxy_pass http://brokers;\nproxy_http_version 1.1;\nproxy_set_header Connection \"\";\nproxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $remote_addr;\nproxy_connect_timeout 2s;\n\
             proxy_next_upstream error timeout non_idempotent;\n}}\n}}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let program = std::env::var("NGINX_PROGRAM").unwrap_or_else(|_| "nginx".to_owned());
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).arg("-p").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("nginx is installed, or NGINX_PROGRAM names it"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ended in this order: who serves, then the store.
pub(super) struct Fleet {
    replicas: [Option<Serve>; REPLICAS],
    _nginx: Nginx,
    /// Where clients go: nginx.
    pub(super) public: String,
    /// Where each replica listens.
    pub(super) urls: [String; REPLICAS],
    pub(super) configs: [PathBuf; REPLICAS],
    pub(super) operator: Operator,
    pub(super) weed: Weed,
    _folder: TempDir,
}

impl Fleet {
    /// Starts all of it. `more` says what the replicas' configuration has besides; it is told of a folder for what that names.
    pub(super) async fn start(more: impl FnOnce(&Path) -> String) -> Self {
        let weed = Weed::start().await;
        let (front, addresses) = (free_address(), array::from_fn::<_, REPLICAS, _>(|_| free_address()));
        let public = format!("http://{front}");
        let folder = tempfile::tempdir().unwrap();
        let mut operator = Operator::new(folder.path(), &public, &weed.config.store);
        operator.more = format!("trusted_proxies = [\"127.0.0.1/32\"]\n{}", more(folder.path()));
        let configs = addresses.map(|address| operator.write(&format!("{}.toml", address.port()), address));
        let replicas = array::from_fn(|replica| Some(Serve::start(&configs[replica])));
        let nginx = Nginx::start(folder.path(), front, &addresses);
        let began = Instant::now();
        while !reqwest::get(format!("{public}/healthz")).await.is_ok_and(|reply| reply.status() == 204) {
            assert!(began.elapsed() < PATIENCE, "nginx does not serve");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let urls = addresses.map(|address| format!("http://{address}"));
        Self { replicas, _nginx: nginx, public, urls, configs, operator, weed, _folder: folder }
    }

    /// Ends one as a power cut would.
    pub(super) fn kill(&mut self, replica: usize) {
        self.replicas[replica].take().unwrap().kill();
    }

    /// Starts it again, and waits until it serves.
    pub(super) fn restart(&mut self, replica: usize) {
        self.replicas[replica] = Some(Serve::start(&self.configs[replica]));
    }

    /// Asks all to end, and waits until they have.
    pub(super) fn end(mut self) {
        self.replicas.iter_mut().filter_map(Option::take).for_each(Serve::end);
    }
}
