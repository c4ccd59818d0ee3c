//! Certificates, keys and authorities from PEM files.

use super::{TlsFault, TlsOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{RootCertStore, SignatureScheme};

/// Where systems keep the authorities they trust.
const SYSTEM_AUTHORITIES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// When each file was written last, to notice a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamps(Vec<Option<(SystemTime, u64)>>);

impl Stamps {
    pub(super) fn of(options: &TlsOptions) -> Stamps {
        let files =
            [&options.cert_file, &options.priv_key_file, &options.ca_list_file, &options.ca_list_path];
        let stamp = |path: &PathBuf| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        };
        Stamps(files.into_iter().map(|path| path.as_ref().and_then(stamp)).collect())
    }
}

/// The certificate and key we show, when `cert_file` is set. The two must fit.
pub(super) fn identity(
    options: &TlsOptions,
    provider: &CryptoProvider,
) -> Result<Option<Arc<CertifiedKey>>, TlsFault> {
    let Some(cert_file) = &options.cert_file else {
        return match &options.priv_key_file {
            None => Ok(None),
            Some(_) => Err(TlsFault("priv_key_file without cert_file".to_owned())),
        };
    };
    let chain = certificates("cert_file", cert_file)?;
    let (option, key_file) = match &options.priv_key_file {
        Some(file) => ("priv_key_file", file),
        None => ("cert_file", cert_file),
    };
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsFault(format!(
            "{option}={}: no private key in it that can be read; an encrypted one must be decrypted first \
             (openssl pkey -in FILE -out PLAIN)",
            key_file.display()
        )),
        other => unreadable(option, key_file, &other),
    })?;
    CertifiedKey::from_der(chain, key, provider).map(|key| Some(Arc::new(key))).map_err(|error| {
        TlsFault(format!("cert_file={} and the key in {}: {error}", cert_file.display(), key_file.display()))
    })
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let list: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    match list {
        Ok(list) if list.is_empty() => {
            Err(TlsFault(format!("{option}={}: no certificate in it", path.display())))
        }
        Ok(list) => Ok(list),
        Err(error) => Err(unreadable(option, path, &error)),
    }
}

fn unreadable(option: &str, path: &Path, error: &pem::Error) -> TlsFault {
    match error {
        pem::Error::Io(error) => TlsFault(format!("{option}={}: {error}", path.display())),
        other => TlsFault(format!("{option}={}: not a valid PEM file: {other}", path.display())),
    }
}

/// The authorities we trust: `ca_list_file` and `ca_list_path`, else the system's. `for_option` is what needs them.
pub(super) fn authorities(options: &TlsOptions, for_option: &str) -> Result<RootCertStore, TlsFault> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &options.ca_list_file {
        roots.add_parsable_certificates(certificates("ca_list_file", file)?);
    }
    if let Some(dir) = &options.ca_list_path {
        let broken = |error: std::io::Error| TlsFault(format!("ca_list_path={}: {error}", dir.display()));
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(broken)? {
            paths.push(entry.map_err(broken)?.path());
        }
        paths.sort();
        for path in paths.iter().filter(|path| path.is_file()) {
            // Such a directory holds lists, links and keys beside the certificates.
            if let Ok(found) = certificates("ca_list_path", path) {
                roots.add_parsable_certificates(found);
            }
        }
    }
    if options.ca_list_file.is_none() && options.ca_list_path.is_none() {
        for path in SYSTEM_AUTHORITIES.iter().map(Path::new).filter(|path| path.exists()) {
            roots.add_parsable_certificates(certificates("the system's list", path)?);
            if !roots.is_empty() {
                break;
            }
        }
    }
    if roots.is_empty() {
        return Err(TlsFault(format!(
            "{for_option}=yes needs authorities: set ca_list_file or ca_list_path"
        )));
    }
    Ok(roots)
}

/// Shows one certificate to everyone.
#[derive(Debug)]
pub(super) struct One(pub(super) Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl ResolvesClientCert for One {
    fn resolve(&self, _roots: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
