//! Whether a claim is true.

use super::chunked::ChunkSignatures;
use super::key::{self, Secret, SigningKey};
use super::{Claim, Refusal, Request, canonical};

/// What stands for the hash of a body that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// The same, with the body in chunks and a checksum after it.
const UNSIGNED_CHUNKS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
/// Chunks with a signature each.
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
/// The same, and a signed trailer.
const SIGNED_CHUNKS_AND_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";

/// What the signature says about the body.
enum Payload<'a> {
    /// Has this hash.
    Hash(&'a str),
    /// Nothing was said, so it is hashed as it is.
    Body,
    /// Not covered.
    Unsigned(&'a str),
    /// In chunks that are signed themselves.
    SignedChunks { word: &'a str, trailer: bool },
}

impl Claim {
    /// Whether the request was signed with this secret and is still what it was then, the body included.
    ///
    /// Compares in constant time. Time is another question: [`Claim::check_time`]. When the body is in signed chunks its
    /// first signature is verified here, and what comes back verifies the others while the body is
    /// [decoded](super::chunked::decode).
    pub fn verify(
        &self,
        request: Request<'_>,
        body: &[u8],
        secret: &Secret,
    ) -> Result<Option<ChunkSignatures>, Refusal> {
        let payload = self.payload()?;
        let hash_of_body;
        let payload_line = match payload {
            Payload::Hash(hash) => hash,
            Payload::Body => {
                hash_of_body = key::sha256_hex(body);
                &hash_of_body
            }
            Payload::Unsigned(word) | Payload::SignedChunks { word, .. } => word,
        };
        let names: Vec<&str> = self.signed_headers.iter().map(String::as_str).collect();
        let text = canonical::string_to_sign(request, &self.amz_date, &self.scope, &names, payload_line);
        let key = SigningKey::derive(secret, &self.scope);
        if !key.verify(&text, &self.signature) {
            return Err(Refusal::Mismatch);
        }
        match payload {
            Payload::Hash(hash) if key::sha256_hex(body) != hash => Err(Refusal::Body),
            Payload::SignedChunks { trailer, .. } => Ok(Some(ChunkSignatures {
                key,
                amz_date: self.amz_date.clone(),
                scope: self.scope.clone(),
                seed: self.signature.clone(),
                trailer,
            })),
            _ => Ok(None),
        }
    }

    fn payload(&self) -> Result<Payload<'_>, Refusal> {
        let is_s3 = self.scope.service == "s3";
        match self.declared_payload.as_deref() {
            // A presigned URL is made before there is a body; S3 leaves it out, the others sign that there is none.
            None if is_s3 && self.expires.is_some() => Ok(Payload::Unsigned(UNSIGNED)),
            None => Ok(Payload::Body),
            Some(hash) if key::unhex(hash).is_some() => Ok(Payload::Hash(hash)),
            Some(word @ (UNSIGNED | UNSIGNED_CHUNKS)) if is_s3 => Ok(Payload::Unsigned(word)),
            Some(word @ SIGNED_CHUNKS) if is_s3 => Ok(Payload::SignedChunks { word, trailer: false }),
            Some(word @ SIGNED_CHUNKS_AND_TRAILER) if is_s3 => Ok(Payload::SignedChunks { word, trailer: true }),
            Some(_) => Err(Refusal::Incomplete(
                "x-amz-content-sha256 must be the SHA-256 of the body, or for S3 UNSIGNED-PAYLOAD or one of the forms STREAMING-….".to_owned(),
            )),
        }
    }
}
