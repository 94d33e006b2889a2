//! The servers that are compared, each a process of its own over an empty folder.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_embedded_s3::{AccessKey, Config, Store};
use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, Presigner};

use crate::Fallible;
use crate::load::{Connection, Load, now};

/// First argument of the process that serves this crate's store.
pub(crate) const SERVE: &str = "serve-embedded";
const BUCKET: &str = "bench-store";
const ACCESS_KEY: &str = "owner";
const SECRET_KEY: &str = "owner-secret-of-the-benchmark";
/// A server that has not come up by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Embedded,
    SeaweedFs,
    Minio,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Embedded, Self::SeaweedFs, Self::Minio];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::SeaweedFs => "SeaweedFS",
            Self::Minio => "MinIO",
        }
    }

    pub(crate) fn is_available(self) -> bool {
        self.program().is_some()
    }

    fn program(self) -> Option<OsString> {
        match self {
            Self::Embedded => env::current_exe().ok().map(Into::into),
            Self::SeaweedFs => env::var_os("WEED_PROGRAM"),
            Self::Minio => env::var_os("MINIO_PROGRAM"),
        }
    }
}

/// A running server.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    signer: Signer,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Fallible<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let mut command = Command::new(kind.program().ok_or("the program is not named")?);
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let data = folder.path().join("data");
        let mut master = None;
        match kind {
            Kind::Embedded => drop(command.arg(SERVE).arg(&data).arg(address.to_string())),
            Kind::Minio => {
                command.env("MINIO_ROOT_USER", ACCESS_KEY).env("MINIO_ROOT_PASSWORD", SECRET_KEY);
                // Without it, MinIO answers before the data is on the disk.
                command.env("MINIO_FS_OSYNC", "on").env("MINIO_UPDATE", "off").env("MINIO_BROWSER", "off");
                command.arg("server").arg(&data).args(["--address", &address.to_string()]);
            }
            Kind::SeaweedFs => {
                fs::create_dir_all(&data)?;
                let identities = folder.path().join("s3.json");
                let text = format!(
                    r#"{{"identities":[{{"name":"owner","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}],"actions":["Admin","Read","Write","List"]}}]}}"#
                );
                fs::write(&identities, text)?;
                command.arg("mini").arg(format!("-dir={}", data.display())).arg(format!("-s3.config={}", identities.display()));
                command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"]);
                command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]).arg(format!("-s3.port={}", address.port()));
                let ports = [free_address()?, free_address()?, free_address()?, free_address()?].map(|address| address.port());
                for (name, port) in ["master.port", "filer.port", "volume.port", "admin.port"].iter().zip(ports) {
                    command.arg(format!("-{name}={port}"));
                }
                master = Some(ports[0]);
            }
        }
        let process = command.spawn()?;
        let endpoint = Endpoint::new(&format!("http://{address}"), BUCKET, AddressingStyle::Path)?;
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None);
        let signer = Signer { presigner: Presigner::new(credentials, "us-east-1", endpoint).into(), stored: Arc::default() };
        let server = Self { process, address, signer, _folder: folder };
        server.wait()?;
        if let Some(master) = master {
            sync_writes_of_seaweedfs(master)?;
        }
        Ok(server)
    }

    fn wait(&self) -> Fallible<()> {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if started.elapsed() > PATIENCE {
                return Err("a server does not come up".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Makes the bucket as soon as the server can: some listen before they are ready.
    pub(crate) async fn create_bucket(&self) -> Fallible<()> {
        let url = self.signer.presigner.at(now()).presign(Method::Put, "", &[], &[], 300)?;
        let request = format!("PUT {} HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\n\r\n", path_of(&url), self.address);
        let started = Instant::now();
        loop {
            let made = Connection::open(self).await?.exchange(request.as_bytes()).await;
            match made {
                Ok(_) => return Ok(()),
                Err(error) if error.to_string().contains("BucketAlreadyOwnedByYou") => return Ok(()),
                Err(error) if started.elapsed() > PATIENCE => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn signer(&self) -> Signer {
        self.signer.clone()
    }

    /// Processor time of the process so far; 0 where the system does not tell.
    pub(crate) fn processor_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
        // proc(5): utime and stime are fields 14 and 15, the state, with which `fields` begins, is 3; a tick is a hundredth.
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// How many objects a client stored: by their size, the number of clients, and which of them it was.
type Stored = HashMap<(usize, usize, usize), usize>;

/// Signs requests as a broker does, and remembers how many objects each client has stored.
#[derive(Clone)]
pub(crate) struct Signer {
    presigner: Arc<Presigner>,
    stored: Arc<Mutex<Stored>>,
}

impl Signer {
    /// A whole request.
    pub(crate) fn request(&self, method: Method, key: &str, body: &[u8], checksum: &str) -> Fallible<Vec<u8>> {
        let length = body.len().to_string();
        let pinned = [
            ("content-length", length.as_str()),
            ("content-type", "application/octet-stream"),
            ("if-none-match", "*"),
            ("x-amz-checksum-sha256", checksum),
        ];
        let is_put = method == Method::Put;
        let url = self.presigner.at(now()).presign(method, key, &[], if is_put { &pinned } else { &[] }, 900)?;
        let host = self.presigner.endpoint().host();
        let mut request = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", method.as_str(), path_of(&url));
        if is_put {
            pinned.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        if is_put {
            request.extend_from_slice(body);
        }
        Ok(request)
    }

    pub(crate) fn store(&self, load: &Load, client: usize, count: usize) {
        if load.method == Method::Put {
            self.lock().insert((load.size, load.clients, client), count);
        }
    }

    pub(crate) fn stored(&self, load: &Load, client: usize) -> usize {
        self.lock().get(&(load.size, load.clients, client)).copied().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves this crate's store: data directory, address.
pub(crate) fn serve_embedded(arguments: &[String]) -> Fallible<()> {
    let [data, address] = arguments else { return Err("a data directory and an address are wanted".into()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(Config::new(data, vec![AccessKey::administrator(ACCESS_KEY, SECRET_KEY)]))?;
        let listener = tokio::net::TcpListener::bind(address).await?;
        store.serve(listener, std::future::pending()).await?;
        Ok(())
    })
}

/// Tells the filer that every write below the bucket is synced: <https://github.com/seaweedfs/seaweedfs/wiki/Path-Specific-Configuration>.
fn sync_writes_of_seaweedfs(master: u16) -> Fallible<()> {
    let started = Instant::now();
    let program = Kind::SeaweedFs.program().ok_or("the program is not named")?;
    loop {
        let mut shell = Command::new(&program);
        shell.arg("shell").arg(format!("-master=127.0.0.1:{master}"));
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        if let Some(mut input) = shell.stdin.take() {
            input.write_all(format!("fs.configure -locationPrefix=/buckets/{BUCKET}/ -fsync -apply\nexit\n").as_bytes())?;
        }
        let told = String::from_utf8_lossy(&shell.wait_with_output()?.stdout).into_owned();
        if told.contains("fsync") && told.contains(BUCKET) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("SeaweedFS does not take fs.configure: {told}").into());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn free_address() -> Fallible<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Path and query of a URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}
