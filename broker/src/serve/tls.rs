//! TLS in the process itself, for those without a proxy: rustls, TLS 1.2 and 1.3, certificates renewed without a restart.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls_pki_types::pem::{Error as PemError, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::TlsFiles;

/// How often the files are looked at: whoever renews certificates does so weeks before the old one ends.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Why the broker cannot speak TLS by these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no such thing in PEM form.
    #[error("{file} cannot be read as PEM: {source}")]
    Pem {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: PemError,
    },
    /// There is no certificate in the file.
    #[error("{0} holds no certificate")]
    NoCertificate(PathBuf),
    /// Certificate and key do not fit, or are of a kind that is not served.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Reads chain and key and checks that they belong together.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn read(files: &TlsFiles) -> Result<Arc<CertifiedKey>, TlsError> {
    let TlsFiles { certificate_file, key_file } = files;
    let in_certificate = |source| TlsError::Pem { file: certificate_file.clone(), source };
    let chain = CertificateDer::pem_file_iter(certificate_file).map_err(in_certificate)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(in_certificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate_file.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|source| TlsError::Pem { file: key_file.clone(), source })?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &default_provider())?))
}

/// The certificate that is served now.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    current: RwLock<(Arc<CertifiedKey>, Stamp)>,
}

/// When both files were written last.
type Stamp = [Option<SystemTime>; 2];

impl Certificate {
    pub(crate) fn open(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let stamp = stamp(files);
        Ok(Arc::new(Self { files: files.clone(), current: RwLock::new((read(files)?, stamp)) }))
    }

    /// What accepts TLS connections with it.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let versions = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions()?;
        let mut config = versions.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again whenever they have changed, for ever.
    pub(crate) async fn renew(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look();
        }
    }

    /// Takes over files that have changed. Half-written ones, or a key that does not fit yet, are looked at again the next time.
    fn look(&self) {
        let found = stamp(&self.files);
        if found == self.current.read().unwrap_or_else(PoisonError::into_inner).1 {
            return;
        }
        match read(&self.files) {
            Ok(key) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = (key, found);
                tracing::info!("the TLS certificate was renewed");
            }
            Err(error) => tracing::warn!(%error, "the TLS certificate has changed and cannot be used; the last one goes on"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

fn stamp(files: &TlsFiles) -> Stamp {
    [&files.certificate_file, &files.key_file].map(|file| file.metadata().and_then(|metadata| metadata.modified()).ok())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn write(folder: &Path, name: &str) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        fs::write(folder.join("tls.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn files(folder: &Path) -> TlsFiles {
        TlsFiles { certificate_file: folder.join("tls.pem"), key_file: folder.join("tls.key") }
    }

    fn served(certificate: &Certificate) -> CertificateDer<'static> {
        certificate.current.read().unwrap().0.cert[0].clone()
    }

    #[test]
    fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(folder.path(), "first.example.org");
        let certificate = Certificate::open(&files(folder.path())).unwrap();
        assert_eq!(served(&certificate), first);
        let second = write(folder.path(), "second.example.org");
        // Coarse clocks of file systems must not make both look the same.
        certificate.current.write().unwrap().1 = [None, None];
        certificate.look();
        assert_eq!(served(&certificate), second);
        fs::write(folder.path().join("tls.pem"), "-----BEGIN CERT").unwrap();
        certificate.current.write().unwrap().1 = [None, None];
        certificate.look();
        assert_eq!(served(&certificate), second);
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "first.example.org");
        let certificate = fs::read(folder.path().join("tls.pem")).unwrap();
        write(folder.path(), "second.example.org");
        fs::write(folder.path().join("tls.pem"), certificate).unwrap();
        assert!(matches!(read(&files(folder.path())), Err(TlsError::Unusable(_))));
        fs::write(folder.path().join("tls.pem"), "nothing").unwrap();
        assert!(matches!(read(&files(folder.path())), Err(TlsError::NoCertificate(_))));
        fs::remove_file(folder.path().join("tls.key")).unwrap();
        assert!(read(&files(folder.path())).is_err());
    }
}
