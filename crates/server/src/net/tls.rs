//! TLS: who this server is to others, and whom it believes.
//!
//! ```text
//!   tls.certificate, tls.key ──▶ who we are, to clients and to other servers
//!   tls.authorities          ──▶ whose certificates of other servers are believed, and no others
//! ```
//!
//! What the machine trusts for its browsers does not count here: other servers speak for a whole
//! domain, and a lab has an authority of its own.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WantsServerCert;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use world::{Clock, Stream};

/// How long the two may take to agree on how they talk: some round trips, and no more for a peer
/// that does it a byte at a time.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The files that TLS is made of, each of PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The certificate of this server, and those between it and its authority.
    pub certificate: PathBuf,
    /// The private key that belongs to it.
    pub key: PathBuf,
    /// The certificates of the authorities that other servers are believed by.
    pub authorities: Option<PathBuf>,
}

impl TlsFiles {
    /// Could a server use them?
    ///
    /// # Errors
    ///
    /// What is wrong with the first that it could not use.
    pub fn check(&self) -> Result<(), TlsError> {
        Tls::read(self).map(drop)
    }
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct TlsError {
    /// The file that it is about.
    pub path: PathBuf,
    /// What is wrong, for people.
    pub why: String,
}

/// Both sides of TLS as this server has them.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// For the first that cannot be read, or does not go with the others.
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| wrong(&files.key, &e))?;
        let mut roots = RootCertStore::empty();
        if let Some(path) = &files.authorities {
            for authority in certificates(path)? {
                roots.add(authority).map_err(|error| wrong(path, &error))?;
            }
        }
        let roots = Arc::new(roots);
        let own = &files.certificate;
        let accepting = accepting(Arc::clone(&provider), &roots)
            .and_then(|verifier| verifier.with_single_cert(chain.clone(), key.clone_key()));
        let accepting = accepting.map_err(|error| wrong(own, &error))?;
        let connecting = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                let config = config.with_root_certificates(roots);
                config.with_client_auth_cert(chain, key)
            });
        let connecting = connecting.map_err(|error| wrong(own, &error))?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(accepting)),
            connector: TlsConnector::from(Arc::new(connecting)),
        })
    }

    /// Takes a client's connection.
    ///
    /// # Errors
    ///
    /// What is wrong with what the client says, or that it says nothing.
    pub(crate) async fn accept(
        &self,
        clock: &Clock,
        stream: Stream,
    ) -> io::Result<server::TlsStream<Stream>> {
        let accepted = clock.timeout(HANDSHAKE, self.acceptor.accept(stream));
        accepted.await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Talks to a server that shows a certificate for `name`.
    ///
    /// # Errors
    ///
    /// Why it is not believed, or does not believe us.
    pub(crate) async fn connect(
        &self,
        clock: &Clock,
        name: ServerName<'static>,
        stream: Stream,
    ) -> io::Result<client::TlsStream<Stream>> {
        let connected = clock.timeout(HANDSHAKE, self.connector.connect(name, stream));
        connected.await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

/// The certificate that a client has shown, and that has been found good.
#[derive(Clone, Debug)]
pub(crate) struct Certified(Arc<CertificateDer<'static>>);

impl Certified {
    /// What the client of a connection has shown, if anything.
    pub(crate) fn of(stream: &server::TlsStream<Stream>) -> Option<Self> {
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates()?.first()?;
        Some(Self(Arc::new(shown.clone().into_owned())))
    }

    /// Is it one of the host or the domain of this name? (RFC 6125)
    pub(crate) fn names(&self, name: &ServerName<'_>) -> bool {
        let parsed = ParsedCertificate::try_from(&*self.0);
        parsed.is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok())
    }
}

/// The server's side: clients may show a certificate, and need not.
fn accepting(
    provider: Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
) -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, rustls::Error> {
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    if roots.is_empty() {
        return Ok(config.with_no_client_auth());
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok(config.with_client_cert_verifier(verifier))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|error| wrong(path, &error))?;
    match certificates.is_empty() {
        true => Err(wrong(path, &"there is no certificate in it")),
        false => Ok(certificates),
    }
}

fn wrong(path: &Path, why: &dyn fmt::Display) -> TlsError {
    TlsError {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
