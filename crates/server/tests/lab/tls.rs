//! An authority, what it certifies, and a client that shows it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use server::TlsFiles;
use tempfile::TempDir;

use super::http::{Wire, connect};

/// Who certifies. Its files go with it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        let authority = Self {
            issuer: Issuer::new(params, key),
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(authority.file("authorities"), own.pem()).unwrap();
        authority
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }

    /// A certificate for these names and addresses, whose holder believes this authority.
    pub fn certify(&self, names: &[&str]) -> TlsFiles {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let (certificate, key) = (names[0].clone(), format!("{}-key", names[0]));
        let (certificate, key_file) = (self.file(&certificate), self.file(&key));
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(&certificate, signed.pem()).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        TlsFiles {
            certificate,
            key: key_file,
            authorities: Some(self.file("authorities")),
        }
    }
}

/// A connection over TLS to `localhost` there, by somebody who believes whom this one does, and
/// shows a certificate or none.
pub fn dial(at: SocketAddr, trusts: &TlsFiles, shows: Option<&TlsFiles>) -> impl Wire + use<> {
    let read = |path| {
        CertificateDer::pem_file_iter(path)
            .unwrap()
            .map(Result::unwrap)
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(read(trusts.authorities.as_ref().unwrap()));
    let config = ClientConfig::builder().with_root_certificates(roots);
    let config = match shows {
        Some(files) => {
            let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
            let chain = read(&files.certificate).collect();
            config.with_client_auth_cert(chain, key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, connect(at))
}
