//! Keys: secrets, the key of a scope, signatures.

use super::{Scope, TERMINATOR};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fmt::Write;

/// A secret: never printed, compared in constant time.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for a header or a key, never for a message.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is the secret, without telling by the time taken how much of it is right.
    pub fn matches(&self, presented: &[u8]) -> bool {
        // Comparing keyed digests hides the length, too.
        let digest = |text: &[u8]| mac(b"outcrop compares secrets").chain_update(text);
        digest(self.0.as_bytes()).verify(&digest(presented).finalize().into_bytes()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••")
    }
}

/// Signs on behalf of one secret within one scope.
#[derive(Clone)]
pub(super) struct SigningKey([u8; 32]);

impl SigningKey {
    pub(super) fn derive(secret: &Secret, scope: &Scope) -> Self {
        let mut key = hmac(format!("AWS4{}", secret.reveal()).as_bytes(), scope.date.as_bytes());
        for part in [scope.region.as_str(), scope.service.as_str(), TERMINATOR] {
            key = hmac(&key, part.as_bytes());
        }
        Self(key)
    }

    /// The signature in hexadecimal.
    pub(super) fn sign(&self, text: &str) -> String {
        hex(&hmac(&self.0, text.as_bytes()))
    }

    /// Whether a hexadecimal signature is the one of this text, in constant time.
    pub(super) fn verify(&self, text: &str, signature: &str) -> bool {
        let Some(signature) = unhex(signature) else { return false };
        mac(&self.0).chain_update(text.as_bytes()).verify(&signature.into()).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••")
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads 64 hexadecimal digits, small letters only as every client writes them.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    mac(key).chain_update(text).finalize().into_bytes().into()
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}
