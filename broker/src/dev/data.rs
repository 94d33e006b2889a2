//! The data folder of a development server: keys made at the first start, and where it last served.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use tidegate_protocol::capability::StoreProfile;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::config::ServerIdKey;
use crate::identity::{Invite, InviteError, InviteRequest, issue_invite};
use crate::session::{InvalidSigningKey, NewSigningKey, SigningKeys};
use crate::store::StoreConfig;

const FORMAT: &str = "tidegate/dev/v1";
const PERSISTED: &str = "dev.json";
const SERVER_ID_KEY: &str = "server-id.key";
const STORE_KEYS: &str = "store-keys.json";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made, written or read.
    #[error("the data folder cannot be used: {path}")]
    Io {
        /// What in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file in it is not what it was.
    #[error("the file {path} in the data folder is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A signing key in it cannot be used.
    #[error("a signing key in the data folder cannot be used")]
    SigningKey(#[from] InvalidSigningKey),
    /// No server has run in it.
    #[error("no development server has run in {0} yet")]
    NeverStarted(PathBuf),
    /// The invite asked for is out of bounds.
    #[error(transparent)]
    Invite(#[from] InviteError),
}

/// What the last start left.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Persisted {
    format: String,
    public_url: String,
    pub(super) store_port: u16,
}

impl Persisted {
    pub(super) fn new(public_url: &str, store_port: u16) -> Self {
        Self { format: FORMAT.to_owned(), public_url: public_url.to_owned(), store_port }
    }
}

/// The store's three access keys.
#[derive(Serialize, Deserialize)]
pub(super) struct StoreKeys {
    pub(super) read: StoreKey,
    pub(super) write: StoreKey,
    pub(super) state: StoreKey,
}

/// One access key.
#[derive(Serialize, Deserialize)]
pub(super) struct StoreKey {
    pub(super) id: String,
    pub(super) secret: String,
}

/// An invite to the server that last ran in this folder, whether it runs now or not.
///
/// # Errors
/// [`DataDirError`].
pub fn invite_from(folder: &Path, request: &InviteRequest, now: OffsetDateTime) -> Result<Invite, DataDirError> {
    let data = DataDir { path: folder.to_owned() };
    let last = data.last_start()?;
    Ok(issue_invite(&data.signing_keys(now)?, &last.public_url, request, now)?)
}

/// How the store of the server that last ran in this folder is reached.
///
/// # Errors
/// [`DataDirError`].
pub fn store_config_from(folder: &Path) -> Result<StoreConfig, DataDirError> {
    let data = DataDir { path: folder.to_owned() };
    let url = format!("http://127.0.0.1:{}", data.last_start()?.store_port);
    Ok(super::store_config(&data.store_keys()?, &url, StoreProfile::ATOMIC))
}

/// Where the signing keys of the server that last ran in this folder lie.
///
/// # Errors
/// [`DataDirError`].
pub fn signing_folder_from(folder: &Path) -> Result<PathBuf, DataDirError> {
    let data = DataDir { path: folder.to_owned() };
    data.last_start()?;
    Ok(data.signing_dir())
}

/// The folder.
pub(super) struct DataDir {
    path: PathBuf,
}

impl DataDir {
    pub(super) fn open(path: &Path) -> Result<Self, DataDirError> {
        let data = Self { path: path.to_owned() };
        make_private_folder(path)?;
        make_private_folder(&data.secrets_dir())?;
        make_private_folder(&data.signing_dir())?;
        Ok(data)
    }

    pub(super) fn store_dir(&self) -> PathBuf {
        self.path.join("store")
    }

    fn secrets_dir(&self) -> PathBuf {
        self.path.join("secrets")
    }

    fn signing_dir(&self) -> PathBuf {
        self.secrets_dir().join("signing")
    }

    fn last_start(&self) -> Result<Persisted, DataDirError> {
        self.persisted()?.ok_or_else(|| DataDirError::NeverStarted(self.path.clone()))
    }

    pub(super) fn persisted(&self) -> Result<Option<Persisted>, DataDirError> {
        let path = self.path.join(PERSISTED);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| DataDirError::Damaged { path })
    }

    pub(super) fn persist(&self, persisted: &Persisted) -> Result<(), DataDirError> {
        let bytes = serde_json::to_vec_pretty(persisted).expect("plain fields always serialise");
        write_private_file(&self.path.join(PERSISTED), &bytes)
    }

    pub(super) fn store_keys(&self) -> Result<StoreKeys, DataDirError> {
        let path = self.secrets_dir().join(STORE_KEYS);
        if let Some(bytes) = read(&path)? {
            return serde_json::from_slice(&bytes).map_err(|_| DataDirError::Damaged { path });
        }
        let key = |id: &str| StoreKey { id: id.to_owned(), secret: hex::encode(random::<32>().as_slice()) };
        let keys = StoreKeys { read: key("tidegate-read"), write: key("tidegate-write"), state: key("tidegate-state") };
        let bytes = Zeroizing::new(serde_json::to_vec_pretty(&keys).expect("plain fields always serialise"));
        write_private_file(&path, &bytes)?;
        Ok(keys)
    }

    pub(super) fn server_id_key(&self) -> Result<ServerIdKey, DataDirError> {
        let path = self.secrets_dir().join(SERVER_ID_KEY);
        let mut key = random::<32>();
        match read(&path)? {
            Some(text) => {
                hex::decode_to_slice(text.trim_ascii(), key.as_mut_slice()).map_err(|_| DataDirError::Damaged { path })?
            }
            None => write_private_file(&path, hex::encode(key.as_slice()).as_bytes())?,
        }
        Ok(ServerIdKey::new(*key))
    }

    pub(super) fn signing_keys(&self, now: OffsetDateTime) -> Result<SigningKeys, DataDirError> {
        let folder = self.signing_dir();
        let mut pems = Vec::new();
        let entries = fs::read_dir(&folder).map_err(|source| DataDirError::Io { path: folder.clone(), source })?;
        for entry in entries {
            let path = entry.map_err(|source| DataDirError::Io { path: folder.clone(), source })?.path();
            let is_pem = path.extension().is_some_and(|extension| extension == "pem");
            if let Some(kid) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_pem) {
                let bytes = read(&path)?.unwrap_or_default();
                let pem = std::str::from_utf8(&bytes).map_err(|_| DataDirError::Damaged { path: path.clone() })?;
                pems.push((kid.to_owned(), Zeroizing::new(pem.to_owned())));
            }
        }
        if pems.is_empty() {
            let NewSigningKey { kid, pem } = NewSigningKey::generate(now);
            write_private_file(&folder.join(format!("{kid}.pem")), pem.as_bytes())?;
            pems.push((kid, pem));
        }
        Ok(SigningKeys::from_pems(pems.iter().map(|(kid, pem)| (kid.as_str(), pem.as_str())), None)?)
    }
}

fn random<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(bytes.as_mut_slice()).expect("the system has randomness");
    bytes
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, DataDirError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DataDirError::Io { path: path.to_owned(), source }),
    }
}

fn make_private_folder(path: &Path) -> Result<(), DataDirError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| DataDirError::Io { path: path.to_owned(), source })
}

/// Writes beside and renames, so that a crash leaves the old file or the new one.
fn write_private_file(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    crate::private_file::write(path, bytes).map_err(|source| DataDirError::Io { path: path.to_owned(), source })
}
