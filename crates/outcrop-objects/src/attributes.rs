//! What a file cannot say about itself, and checksums.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::Metadata;
use std::time::UNIX_EPOCH;

/// Which file something was said of: if size or time differ, it was another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    size: u64,
    modified_nanos: u128,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        // Folders stand for objects without content; what is put into them changes nothing about that.
        let modified = modified.filter(|_| metadata.is_file());
        Self {
            size: if metadata.is_file() { metadata.len() } else { 0 },
            modified_nanos: modified.map_or(0, |since| since.as_nanos()),
        }
    }
}

/// What was said of an object when it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attributes {
    /// The object's, so that a person can tell the records apart.
    pub(crate) key: String,
    pub(crate) stamp: Stamp,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) headers: Headers,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) checksums: Checksums,
    pub(crate) tags: Vec<(String, String)>,
}

/// Headers that a client sets and gets back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Headers {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    /// As a date of RFC 3339.
    pub(crate) expires: Option<String>,
    pub(crate) website_redirect_location: Option<String>,
}

/// Checksums in base64; one of several parts ends with a hyphen and their number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Checksums {
    pub(crate) crc32: Option<String>,
    pub(crate) crc32c: Option<String>,
    pub(crate) crc64nvme: Option<String>,
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
}

/// The algorithms, in the order of the members of [`Checksums`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// S3's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn hasher(self) -> Hasher {
        match self {
            Self::Crc32 => Hasher::Crc32(Crc32::new()),
            Self::Crc32c => Hasher::Crc32c(Crc32c::new()),
            Self::Crc64Nvme => Hasher::Crc64Nvme(Crc64Nvme::new()),
            Self::Sha1 => Hasher::Sha1(Sha1::new()),
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
        }
    }
}

impl Checksums {
    pub(crate) fn get(&self, algorithm: Algorithm) -> Option<&str> {
        match algorithm {
            Algorithm::Crc32 => self.crc32.as_deref(),
            Algorithm::Crc32c => self.crc32c.as_deref(),
            Algorithm::Crc64Nvme => self.crc64nvme.as_deref(),
            Algorithm::Sha1 => self.sha1.as_deref(),
            Algorithm::Sha256 => self.sha256.as_deref(),
        }
    }

    pub(crate) fn set(&mut self, algorithm: Algorithm, value: String) {
        let place = match algorithm {
            Algorithm::Crc32 => &mut self.crc32,
            Algorithm::Crc32c => &mut self.crc32c,
            Algorithm::Crc64Nvme => &mut self.crc64nvme,
            Algorithm::Sha1 => &mut self.sha1,
            Algorithm::Sha256 => &mut self.sha256,
        };
        *place = Some(value);
    }

    /// The algorithms that are there.
    pub(crate) fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        Algorithm::ALL.into_iter().filter(|algorithm| self.get(*algorithm).is_some())
    }

    /// Whether one is made of those of parts.
    pub(crate) fn is_composite(&self) -> bool {
        self.algorithms().any(|algorithm| self.get(algorithm).is_some_and(|value| value.contains('-')))
    }

    /// The checksum of several parts: over theirs.
    pub(crate) fn composite<'a>(
        algorithm: Algorithm,
        parts: impl ExactSizeIterator<Item = &'a Self>,
    ) -> Option<String> {
        let count = parts.len();
        let mut hasher = algorithm.hasher();
        for part in parts {
            hasher.update(&STANDARD.decode(part.get(algorithm)?).ok()?);
        }
        Some(format!("{}-{count}", hasher.finish()))
    }
}

enum Hasher {
    Crc32(Crc32),
    Crc32c(Crc32c),
    Crc64Nvme(Crc64Nvme),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::Crc32c(hasher) => hasher.update(bytes),
            Self::Crc64Nvme(hasher) => hasher.update(bytes),
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Crc32(hasher) => STANDARD.encode(hasher.finalize()),
            Self::Crc32c(hasher) => STANDARD.encode(hasher.finalize()),
            Self::Crc64Nvme(hasher) => STANDARD.encode(hasher.finalize()),
            Self::Sha1(hasher) => STANDARD.encode(hasher.finalize()),
            Self::Sha256(hasher) => STANDARD.encode(hasher.finalize()),
        }
    }
}

/// Takes in a body and knows its MD5 and the checksums that are wanted.
pub(crate) struct Digests {
    md5: Md5,
    others: Vec<(Algorithm, Hasher)>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digested {
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Checksums,
}

impl Digested {
    /// As the ETag of an object in one piece.
    pub(crate) fn etag(&self) -> String {
        hex(&self.md5)
    }

    /// As `Content-MD5` says it.
    pub(crate) fn md5_base64(&self) -> String {
        STANDARD.encode(self.md5)
    }
}

impl Digests {
    pub(crate) fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let others = algorithms.into_iter().map(|algorithm| (algorithm, algorithm.hasher())).collect();
        Self { md5: Md5::new(), others }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        for (_, hasher) in &mut self.others {
            hasher.update(bytes);
        }
    }

    pub(crate) fn finish(self) -> Digested {
        let mut checksums = Checksums::default();
        for (algorithm, hasher) in self.others {
            checksums.set(algorithm, hasher.finish());
        }
        Digested { md5: self.md5.finalize(), checksums }
    }
}

/// The ETag of an object of several parts: over the MD5 of each, with their number.
pub(crate) fn etag_of_parts(etags: &[String]) -> Option<String> {
    let mut md5 = Md5::new();
    for etag in etags {
        md5.update(&unhex(etag)?);
    }
    Some(format!("{}-{}", hex(&md5.finalize()), etags.len()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_s3() {
        let mut digests = Digests::new(Algorithm::ALL);
        digests.update(b"hel");
        digests.update(b"lo");
        let found = digests.finish();
        assert_eq!(found.etag(), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(found.md5_base64(), "XUFAKrxLKna5cZ2REBfFkg==");
        let of = |algorithm: Algorithm| found.checksums.get(algorithm).unwrap_or_default().to_owned();
        assert_eq!(of(Algorithm::Crc32), "NhCmhg==");
        assert_eq!(of(Algorithm::Crc32c), "mnG7TA==");
        assert_eq!(of(Algorithm::Sha1), "qvTGHdzF6KLavt4PO0gs2a6pQ00=");
        assert_eq!(of(Algorithm::Sha256), "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
        assert_eq!(Checksums::composite(Algorithm::Crc32, [&found.checksums; 2].into_iter()).unwrap().len(), 10);
        assert_eq!(Checksums::composite(Algorithm::Crc32, [&Checksums::default()].into_iter()), None);
        // MD5 over the bytes of two MD5s.
        let etag = etag_of_parts(&[found.etag(), found.etag()]).unwrap();
        assert!(etag.ends_with("-2") && etag.len() == 34);
        assert_eq!(etag_of_parts(&["no hex".to_owned()]), None);
    }
}
