//! An identity provider on loopback: it publishes keys, badly if the test wants it, and signs what it is given.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::Certificate;

/// A key of the provider, or of somebody who would like to be it.
pub struct Signer {
    id: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// An RSA key of 2048 bits, which signs with RS256 or PS256.
    pub fn rsa(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    /// A key of the curve P-256, which signs with ES256.
    pub fn p256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { id: id.to_owned(), pair: Pair::P256(pair) }
    }

    /// A key of the curve Ed25519, which signs with `EdDSA`.
    pub fn ed25519(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Pair::Ed25519(Ed25519KeyPair::generate().unwrap()) }
    }

    /// What is published of it.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                // A sequence of two numbers (RFC 8017 appendix A.1.1): nine bytes before the one of 2048 bits, two before the other.
                let (n, e) = pair.public_key().as_ref()[9..].split_at(256);
                json!({"kty": "RSA", "n": encoded(n), "e": encoded(&e[2..])})
            }
            Pair::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)})
            }
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref())})
            }
        };
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The header of its access tokens.
    pub fn header(&self) -> Value {
        let alg = match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
        };
        json!({"alg": alg, "typ": "at+jwt", "kid": self.id})
    }

    /// An access token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    /// The same with a header of the test's choice.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let bytes = signed.as_bytes();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let padding = if header["alg"] == "PS256" {
                    &RSA_PSS_SHA256 as &dyn aws_lc_rs::signature::RsaEncoding
                } else {
                    &RSA_PKCS1_SHA256
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), bytes, &mut signature).unwrap();
                signature
            }
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
        };
        format!("{signed}.{}", encoded(&signature))
    }
}

/// Header and claims of a JWT, as they are signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let parts = [header, claims].map(|part| encoded(part.to_string().as_bytes()));
    parts.join(".")
}

/// Base64url without padding.
pub fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What the provider answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This body.
    Body(String),
    /// This status, and this `Location`.
    Status(u16, String),
    /// Nothing, on a connection that stays open.
    Silence,
}

/// A provider. It ends with this value.
pub struct IdentityProvider {
    /// What its URL begins with.
    base: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    is_over: AtomicBool,
}

impl IdentityProvider {
    /// One that publishes these keys.
    pub fn start(keys: &[&Signer]) -> Self {
        Self::serving(keys, None)
    }

    /// The same over HTTPS, as `localhost`.
    pub fn start_tls(keys: &[&Signer], certificate: &Certificate) -> Self {
        let cert = CertificateDer::from_pem_slice(certificate.cert.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![cert], key).unwrap();
        Self::serving(keys, Some(Arc::new(config)))
    }

    fn serving(keys: &[&Signer], tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let base = match &tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let shared = Arc::new(Shared {
            tls,
            answer: Mutex::new(of_keys(keys)),
            asked: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread = Some(std::thread::spawn(move || serve(&listener, &of_thread)));
        Self { base, address, shared, thread }
    }

    /// Where its keys are.
    pub fn keys_url(&self) -> String {
        format!("{}/jwks.json", self.base)
    }

    /// From now on it publishes these keys.
    pub fn publish(&self, keys: &[&Signer]) {
        self.answer(of_keys(keys));
    }

    /// From now on it answers so.
    pub fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Otherwise it would wait for somebody for ever.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn of_keys(keys: &[&Signer]) -> Answer {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    Answer::Body(json!({ "keys": keys }).to_string())
}

fn serve(listener: &TcpListener, shared: &Shared) {
    let mut silent = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        // Whoever hangs up hears nothing.
        let left: Option<Box<dyn Read>> = match &shared.tls {
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                answer(StreamOwned::new(connection, stream), shared).map(|stream| Box::new(stream) as _)
            }
            None => answer(stream, shared).map(|stream| Box::new(stream) as _),
        };
        silent.extend(left);
    }
}

/// Gives back a connection that is left as it is.
fn answer<S: Read + Write>(mut stream: S, shared: &Shared) -> Option<S> {
    let head = BufReader::new(&mut stream).lines();
    if head.map_while(Result::ok).take_while(|line| !line.is_empty()).count() == 0 {
        return None;
    }
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let (status, more, body) = match shared.answer.lock().unwrap().clone() {
        Answer::Body(body) => (200, String::new(), body),
        Answer::Status(status, location) => (status, format!("Location: {location}\r\n"), String::new()),
        Answer::Silence => return Some(stream),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    drop(
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()))
            .and_then(|()| stream.flush()),
    );
    None
}
