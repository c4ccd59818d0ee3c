//! TLS of one transport: certificates from files, verified before they are used, swapped when the files change.
//! Connections that are up keep the certificate they were opened with.

mod certificate;
mod cipher;
mod files;
mod verify;

pub use certificate::CertificateFacts;

use crate::base::ids::Name;
use files::Stamps;
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

/// What a `type=transport` with `protocol=tls` says about TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The section's name.
    pub name: Name,
    /// `cert_file`: the certificate and what leads to its authority.
    pub cert_file: Option<PathBuf>,
    /// `priv_key_file`; the key is looked for in `cert_file` when it is not set.
    pub priv_key_file: Option<PathBuf>,
    /// `ca_list_file`.
    pub ca_list_file: Option<PathBuf>,
    /// `ca_list_path`.
    pub ca_list_path: Option<PathBuf>,
    /// `verify_server`.
    pub verify_server: bool,
    /// `allow_wildcard_certs`.
    pub allow_wildcard_certs: bool,
    /// `verify_client`.
    pub verify_client: bool,
    /// `require_client_cert`.
    pub require_client_cert: bool,
    /// `method`.
    pub versions: Versions,
    /// `cipher`, as OpenSSL names or numbers; empty for all.
    pub ciphers: Vec<String>,
}

/// `method`, as far as it can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 and 1.3.
    #[default]
    Safe,
    /// Only TLS 1.2.
    Tls12,
    /// Only TLS 1.3.
    Tls13,
}

impl Versions {
    /// Reads `method`. What is older than TLS 1.2 is refused, in words that say what to write instead.
    pub fn from_method(method: &str) -> Result<Versions, TlsFault> {
        match method {
            "" | "default" | "unspecified" | "sslv23" => Ok(Versions::Safe),
            "tlsv1_2" => Ok(Versions::Tls12),
            "tlsv1_3" => Ok(Versions::Tls13),
            old => Err(TlsFault(format!(
                "method={old} cannot be had: it is broken (RFC 8996); leave method away for TLS 1.2 and 1.3"
            ))),
        }
    }

    fn list(self) -> &'static [&'static SupportedProtocolVersion] {
        static NEWEST_FIRST: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match self {
            Versions::Safe => &NEWEST_FIRST,
            Versions::Tls13 => &NEWEST_FIRST[..1],
            Versions::Tls12 => &NEWEST_FIRST[1..],
        }
    }
}

/// Why TLS could not be set up: a sentence that names the option and the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault(pub(super) String);

impl TlsFault {
    /// A fault that was found before the files were looked at.
    pub fn new(text: impl Into<String>) -> TlsFault {
        TlsFault(text.into())
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsFault {}

/// What a look at the files brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Nothing changed, or a change that was told of already.
    Unchanged,
    /// New connections get the new certificate.
    Swapped,
    /// The files changed but cannot be used; the certificate in use stays.
    Kept(TlsFault),
}

/// TLS of one transport.
#[derive(Debug)]
pub struct Tls {
    current: RwLock<Arc<Loaded>>,
    /// What the current state was made from. Locked for the whole of a change.
    source: Mutex<Source>,
}

#[derive(Debug)]
struct Source {
    options: TlsOptions,
    seen: Stamps,
}

/// What the files gave.
#[derive(Debug)]
struct Loaded {
    server: Option<Arc<ServerConfig>>,
    client: Arc<ClientConfig>,
    certificate: Option<CertificateFacts>,
    notes: Vec<String>,
}

impl Tls {
    /// Reads the files and checks that they fit each other.
    pub fn load(options: TlsOptions) -> Result<Tls, TlsFault> {
        let seen = Stamps::of(&options);
        let current = build(&options)?;
        let source = Mutex::new(Source { options, seen });
        Ok(Tls { current: RwLock::new(Arc::new(current)), source })
    }

    /// Takes other options; what is in use stays when they are bad. Whether anything is different now. Reads files.
    ///
    /// # Errors
    /// What is wrong with the new options or their files.
    pub fn reconfigure(&self, options: TlsOptions) -> Result<bool, TlsFault> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        if source.options == options {
            return Ok(false);
        }
        let seen = Stamps::of(&options);
        let loaded = build(&options)?;
        *source = Source { options, seen };
        self.swap(loaded);
        Ok(true)
    }

    fn swap(&self, loaded: Loaded) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }

    fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of the certificate we show; `None` without `cert_file`.
    pub fn certificate(&self) -> Option<CertificateFacts> {
        self.current().certificate.clone()
    }

    /// What the options ask for and do not get, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        self.current().notes.clone()
    }

    /// Looks whether the files changed, and takes the new ones if they can be used. Reads files: not for a runtime's
    /// own threads.
    pub fn refresh(&self) -> Refresh {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Stamps::of(&source.options);
        if source.seen == now {
            return Refresh::Unchanged;
        }
        source.seen = now;
        match build(&source.options) {
            Ok(loaded) => {
                self.swap(loaded);
                Refresh::Swapped
            }
            Err(fault) => Refresh::Kept(fault),
        }
    }

    /// What accepts connections now; `None` without `cert_file`.
    pub fn acceptor(&self) -> Option<TlsAcceptor> {
        self.current().server.clone().map(TlsAcceptor::from)
    }

    /// Opens TLS on a connection to `address`, whose certificate must bear `host` (or the address, without one).
    pub async fn connect(
        &self,
        io: TcpStream,
        host: Option<&str>,
        address: IpAddr,
    ) -> Result<client::TlsStream<TcpStream>, Cow<'static, str>> {
        let name = match host {
            Some(host) => ServerName::try_from(host.trim_end_matches('.').to_owned())
                .map_err(|_| format!("TLS: '{host}' is no host name"))?,
            None => ServerName::from(address),
        };
        let connector = TlsConnector::from(Arc::clone(&self.current().client));
        connector.connect(name, io).await.map_err(|error| Cow::Owned(format!("TLS: {error}")))
    }
}

fn build(options: &TlsOptions) -> Result<Loaded, TlsFault> {
    let mut notes = Vec::new();
    let provider = Arc::new(CryptoProvider {
        cipher_suites: cipher::suites(&options.ciphers, &mut notes)?,
        ..ring::default_provider()
    });
    let versions = options.versions.list();
    let unusable = |error| TlsFault(format!("method and cipher leave nothing in common: {error}"));
    let identity = files::identity(options, &provider)?;
    let certificate = identity.as_ref().and_then(|key| CertificateFacts::read(key.cert.first()?));
    let server = match &identity {
        None => {
            notes.push("no cert_file: TLS connections from outside are refused".to_owned());
            None
        }
        Some(identity) => {
            let builder =
                ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions);
            let verifier = client_verifier(options, &provider)?;
            let mut config = builder
                .map_err(unusable)?
                .with_client_cert_verifier(verifier)
                .with_cert_resolver(Arc::new(files::One(Arc::clone(identity))));
            // A refused ticket costs a handshake, never a connection.
            if let Ok(ticketer) = ring::Ticketer::new() {
                config.ticketer = ticketer;
            }
            Some(Arc::new(config))
        }
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions);
    let builder = builder
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(verify::server_verifier(options, &provider)?);
    let client = match identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(files::One(identity))),
        None => builder.with_no_client_auth(),
    };
    Ok(Loaded { server, client: Arc::new(client), certificate, notes })
}

fn client_verifier(
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn tokio_rustls::rustls::server::danger::ClientCertVerifier>, TlsFault> {
    match (options.verify_client, options.require_client_cert) {
        (false, false) => Ok(WebPkiClientVerifier::no_client_auth()),
        (false, true) => Ok(Arc::new(verify::AnyClient::new(Arc::clone(provider)))),
        (true, required) => {
            let roots = files::authorities(options, "verify_client")?;
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            let builder = if required { builder } else { builder.allow_unauthenticated() };
            builder.build().map_err(|error| TlsFault(format!("verify_client: {error}")))
        }
    }
}

#[cfg(test)]
mod tests;
