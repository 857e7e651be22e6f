//! A mutually authenticated HTTP client: one connection, kept alive, HTTP/1.1 over TLS 1.3; or over TCP alone, for what is public.
//!
//! Used by the command line, the benchmarks, the demo and the black-box tests, so that all of them speak to the server as a
//! user's program would.

mod refusal;
mod wire;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
pub use hyper::{Method, StatusCode};
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use refusal::refusal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wire::Wire;

/// Largest answer read, in bytes, unless [`Client::limited`] says otherwise.
const MOST_ANSWER_BYTES: usize = 256 << 20;

/// How long a connection that broke off is waited for, to say why. It ends by itself, unless the other side takes nothing any
/// more.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A certificate or key that cannot be read.
    #[error("cannot read {path}: {reason}")]
    Credential {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// No connection.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// Where to.
        address: String,
        /// Why.
        reason: String,
    },
    /// The server does not accept the client's certificate, or the client the server's.
    #[error("turned away: {0}")]
    Refused(String),
    /// The connection broke off.
    #[error("the connection broke off: {0}")]
    Broken(String),
    /// The answer is not what was expected of it.
    #[error("the answer cannot be read: {0}")]
    Answer(String),
}

impl ClientError {
    /// Whether nothing of the request reached the server: there was no connection, or its handshake failed.
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Credential { .. } | Self::Connect { .. } | Self::Refused(_))
    }
}

/// Who the client is, and whom it trusts.
#[derive(Clone)]
pub struct Identity {
    config: Arc<rustls::ClientConfig>,
}

impl Identity {
    /// Reads a certificate chain, its key and the authority that the server's certificate must come from; all PEM.
    ///
    /// # Errors
    /// [`ClientError::Credential`], naming the file.
    pub fn read(certificate: &Path, key: &Path, authority: &Path) -> Result<Self, ClientError> {
        let chain = certificates(certificate)?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| failed(key, e))?;
        Self::build(authority, |builder| builder.with_client_auth_cert(chain, secret), certificate)
    }

    /// A client without a certificate: what a server must turn away, but at its address for everybody.
    ///
    /// # Errors
    /// [`ClientError::Credential`], naming the file.
    pub fn anonymous(authority: &Path) -> Result<Self, ClientError> {
        Self::build(authority, |builder| Ok(builder.with_no_client_auth()), authority)
    }

    /// The same, to speak another protocol than HTTP/1.1: its name of RFC 7301, as `h2`.
    #[must_use]
    pub fn speaking(&self, protocol: &[u8]) -> Self {
        let mut config = rustls::ClientConfig::clone(&self.config);
        config.alpn_protocols = vec![protocol.to_vec()];
        Self { config: Arc::new(config) }
    }

    /// A connection to the server at `host:port`, on which nothing has been sent yet. For whoever wants to send something
    /// else than whole requests, as a server has to expect.
    ///
    /// # Errors
    /// [`ClientError::Connect`]; [`ClientError::Refused`] where the handshake fails. What the server says of the client's
    /// certificate comes later: with the first bytes that are read or written.
    pub async fn connect(&self, address: &str) -> Result<TlsStream<TcpStream>, ClientError> {
        let failed = |reason: String| ClientError::Connect { address: address.to_owned(), reason };
        let tcp = TcpStream::connect(address).await.map_err(|e| failed(e.to_string()))?;
        tcp.set_nodelay(true).map_err(|e| failed(e.to_string()))?;
        let name = ServerName::try_from(host_of(address).to_owned()).map_err(|e| failed(e.to_string()))?;
        let connecting = TlsConnector::from(self.config.clone()).connect(name, tcp);
        connecting.await.map_err(|e| refusal(&e).map_or_else(|| failed(e.to_string()), ClientError::Refused))
    }

    fn build(
        authority: &Path,
        finish: impl FnOnce(
            rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert>,
        ) -> Result<rustls::ClientConfig, rustls::Error>,
        blame: &Path,
    ) -> Result<Self, ClientError> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in certificates(authority)? {
            roots.add(certificate).map_err(|e| failed(authority, e))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| failed(blame, e))?
            .with_root_certificates(roots);
        let mut config = finish(builder).map_err(|e| failed(blame, e))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }
}

fn failed(path: &Path, e: impl std::fmt::Display) -> ClientError {
    ClientError::Credential { path: path.display().to_string(), reason: e.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|e| failed(path, e))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|e| failed(path, e))?;
    if all.is_empty() { Err(failed(path, "it holds no certificate")) } else { Ok(all) }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// `content-type`.
    pub content_type: String,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`ClientError::Answer`], showing the start of a body that is none.
    pub fn json(&self) -> Result<serde_json::Value, ClientError> {
        serde_json::from_slice(&self.body).map_err(|e| {
            let start: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
            ClientError::Answer(format!("{e}: {start}"))
        })
    }
}

/// A connection that is opened when first used and again when it broke.
pub struct Client {
    address: String,
    host: String,
    /// Absent where no TLS is spoken.
    identity: Option<Identity>,
    connection: Option<Connection>,
    most_answer_bytes: usize,
}

impl Client {
    /// A client of the server at `host:port`. Nothing is connected yet.
    pub fn new(address: &str, identity: Identity) -> Self {
        Self::build(address, Some(identity))
    }

    /// The same without TLS: for what is public, and proves itself.
    pub fn plain(address: &str) -> Self {
        Self::build(address, None)
    }

    fn build(address: &str, identity: Option<Identity>) -> Self {
        let host = host_of(address).to_owned();
        Self { address: address.to_owned(), host, identity, connection: None, most_answer_bytes: MOST_ANSWER_BYTES }
    }

    /// Reads no answer that is longer, in bytes: for a server that is not one's own.
    pub fn limited(self, most_answer_bytes: usize) -> Self {
        Self { most_answer_bytes, ..self }
    }

    /// Opens the connection, where none is open. Nothing is sent on it yet.
    ///
    /// # Errors
    /// [`ClientError::Connect`], [`ClientError::Refused`].
    pub async fn open(&mut self) -> Result<(), ClientError> {
        let connection = self.opened().await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// `GET`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post(&mut self, path: &str, body: &impl serde::Serialize) -> Result<Answer, ClientError> {
        let body = serde_json::to_vec(body).map_err(|e| ClientError::Answer(e.to_string()))?;
        self.send(Method::POST, path, Some("application/json"), body.into()).await
    }

    /// Any request. A connection that the server closed while it was idle is opened anew, once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        if let Some(kind) = content_type {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Full::new(body)).map_err(|e| ClientError::Answer(e.to_string()))?;
        let mut connection = self.opened().await?;
        let (head, body) = match connection.exchange(request).await {
            Ok(answer) => answer.into_parts(),
            Err(e) => return Err(connection.broken(&e).await),
        };
        let body = http_body_util::Limited::new(body, self.most_answer_bytes)
            .collect()
            .await
            .map_err(|e| ClientError::Broken(e.to_string()))?
            .to_bytes();
        self.connection = Some(connection);
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        Ok(Answer { status: head.status, content_type: kind.to_owned(), body })
    }

    /// The connection that is open, or a new one.
    async fn opened(&mut self) -> Result<Connection, ClientError> {
        match self.connection.take() {
            Some(open) if !open.sender.is_closed() => Ok(open),
            _ => self.connect().await,
        }
    }

    async fn connect(&self) -> Result<Connection, ClientError> {
        match &self.identity {
            Some(identity) => self.greet(Wire(identity.connect(&self.address).await?)).await,
            None => {
                let tcp = TcpStream::connect(&self.address).await.map_err(|e| self.failed(e.to_string()))?;
                tcp.set_nodelay(true).map_err(|e| self.failed(e.to_string()))?;
                self.greet(tcp).await
            }
        }
    }

    async fn greet<S>(&self, stream: S) -> Result<Connection, ClientError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let greeting = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = greeting.map_err(|e| self.failed(e.to_string()))?;
        Ok(Connection { sender, task: tokio::spawn(connection) })
    }

    fn failed(&self, reason: String) -> ClientError {
        ClientError::Connect { address: self.address.clone(), reason }
    }
}

/// An open connection, and the task that carries it.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<hyper::Result<()>>,
}

impl Connection {
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    /// Why it broke off. What a request is told may be only that there is no connection any more; why, its task knows.
    async fn broken(self, told: &hyper::Error) -> ClientError {
        let Self { sender, task } = self;
        // Nothing is sent on it any more, so that it ends.
        drop(sender);
        let ended = match tokio::time::timeout(ENDS_WITHIN, task).await {
            Ok(Ok(Err(ended))) => Some(ended),
            _ => None,
        };
        let causes = [Some(told), ended.as_ref()];
        if let Some(refused) = causes.into_iter().flatten().find_map(|e| refusal(e)) {
            return ClientError::Refused(refused);
        }
        ClientError::Broken(describe(ended.as_ref().unwrap_or(told)))
    }
}

/// The host in `host:port`.
fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']'])
}

/// An error with its causes: hyper says only "connection error" of a refused certificate.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
