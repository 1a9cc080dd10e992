//! The form in which journal bodies stand in their rows: small, and with nothing large in it twice.
//!
//! Bodies are JSON texts. Long strings in them (results of tools, answers, files as text) are taken out and stand once,
//! compressed, under the hash of their bytes (`blobs.rs`): the event that brought a result and the row that ends the turn
//! have the same string in them. What is left is compressed with a dictionary of what rows usually say. Nothing here
//! depends on the text being JSON: what is unpacked is byte for byte what was packed.
//!
//! The first byte tells the form. What begins with another byte is a body as it is; so are all rows of before there were
//! forms, which begin with a brace.
//!
//! | first byte | what follows |
//! |---|---|
//! | 0 | the body, when it would begin with a byte below [`FIRST_OF_PLAIN`] |
//! | 1 | a zstd frame, with the dictionary `rows-1.dict` |
//! | 2 | a count of strings that were taken out; for each how many bytes after the one before it stood, and its hash; then what is left, in one of the other forms |
//!
//! Numbers are in seven bits a byte, lowest first. A dictionary is never edited: rows need the one they were written with.

mod compress;

use crate::error::StoreError;
use crate::journal::EVENT_BYTES_MAX;
use memchr::{memchr, memchr2};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ops::Range;

/// Address of a blob: SHA-256 of its bytes.
pub(crate) type Hash = [u8; 32];

/// Strings from this many bytes on stand in blobs of their own. Below it what a blob costs (its address in three places,
/// a row) is not much less than what it saves.
pub(crate) const STRING_BYTES_MIN: usize = 1_024;
/// Bodies from this many bytes on are compressed.
const COMPRESSED_BYTES_MIN: usize = 64;
/// Bytes below this one tell a form.
const FIRST_OF_PLAIN: u8 = 0x10;
const ESCAPED: u8 = 0;
const COMPRESSED: u8 = 1;
const PARTED: u8 = 2;

/// A body on its way into the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    /// What stands in the row.
    pub(crate) row: Vec<u8>,
    /// What was taken out and has to be kept with it.
    pub(crate) blobs: Vec<Blob>,
}

impl Packed {
    /// Addresses of what was taken out.
    pub(crate) fn hashes(&self) -> Vec<Hash> {
        self.blobs.iter().map(|blob| blob.hash).collect()
    }
}

/// A string of bytes that is kept once, under its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) hash: Hash,
    /// Its length as it is read.
    pub(crate) bytes: usize,
    pub(crate) form: BlobForm,
    /// Its bytes as they are stored.
    pub(crate) body: Vec<u8>,
}

/// How a blob is stored; the numbers stand in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlobForm {
    Plain = 0,
    Compressed = 1,
}

/// Packs a body. Of strings that `is_known` says yes to, only the address is written: whoever says so holds them.
pub(crate) fn pack(body: &[u8], is_known: impl Fn(&Hash) -> bool) -> Packed {
    let strings = long_strings(body);
    if strings.is_empty() {
        return Packed { row: small(body), blobs: Vec::new() };
    }
    let mut row = vec![PARTED];
    write_number(&mut row, strings.len());
    let (mut rest, mut blobs) = (Vec::new(), Vec::<Blob>::new());
    let mut after = 0;
    for range in strings {
        write_number(&mut row, range.start - after);
        let (string, hash) = (&body[range.clone()], hash(&body[range.clone()]));
        row.extend(hash);
        rest.extend_from_slice(&body[after..range.start]);
        after = range.end;
        if !is_known(&hash) && blobs.iter().all(|blob| blob.hash != hash) {
            blobs.push(Blob::new(string, hash));
        }
    }
    rest.extend_from_slice(&body[after..]);
    row.extend(small(&rest));
    Packed { row, blobs }
}

impl Blob {
    /// `hash` is the hash of the bytes.
    pub(crate) fn new(bytes: &[u8], hash: Hash) -> Self {
        let compressed = compress::blob(bytes).filter(|body| body.len() < bytes.len());
        let form = if compressed.is_some() { BlobForm::Compressed } else { BlobForm::Plain };
        Self { hash, bytes: bytes.len(), form, body: compressed.unwrap_or_else(|| bytes.to_vec()) }
    }
}

/// The bytes of a blob as it stands in the database.
///
/// # Errors
/// [`StoreError::Corrupt`] when they cannot be what was kept.
pub(crate) fn open_blob(form: i64, bytes: i64, body: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let length = usize::try_from(bytes).ok().filter(|bytes| *bytes <= EVENT_BYTES_MAX);
    let length = length.ok_or_else(|| StoreError::Corrupt(format!("a blob of {bytes} bytes")))?;
    let open = match form {
        0 => Some(body),
        1 => compress::open_blob(&body, length),
        other => {
            return Err(StoreError::Corrupt(format!("a blob of form {other}; a newer version may have written it")));
        }
    };
    open.filter(|open| open.len() == length).ok_or_else(|| StoreError::Corrupt("a blob cannot be unpacked".into()))
}

/// SHA-256 of bytes.
pub(crate) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Addresses of the blobs that a row needs; none for a row that cannot be read.
pub(crate) fn addresses(row: &[u8]) -> Vec<Hash> {
    parts(row).map_or_else(Vec::new, |parts| parts.taken.into_iter().map(|(_, hash)| hash).collect())
}

/// A row without the strings that were taken out: how many bytes are left, and their addresses. `None` when it is damaged.
pub(crate) fn measure(row: &[u8]) -> Option<(usize, Vec<Hash>)> {
    let Parts { taken, rest } = parts(row)?;
    let rest = open_small(rest, EVENT_BYTES_MAX)?.len();
    let mut at = 0_usize;
    for (gap, _) in &taken {
        at = at.checked_add(*gap).filter(|at| *at <= rest)?;
    }
    Some((rest, taken.into_iter().map(|(_, hash)| hash).collect()))
}

/// Whether what a row stands for is so, told by its beginning: strings that were taken out are left out.
pub(crate) fn begins(row: &[u8], is_so: impl Fn(&[u8]) -> bool) -> bool {
    parts(row).and_then(|parts| open_small(parts.rest, EVENT_BYTES_MAX)).is_some_and(|rest| is_so(&rest))
}

/// The body that a row stands for. `blobs` has what [`addresses`] names.
///
/// # Errors
/// [`StoreError::Corrupt`] for a row that was damaged or misses a blob; [`StoreError::TooLarge`] over `bytes_max`.
pub(crate) fn unpack<B: AsRef<[u8]>>(
    row: Vec<u8>,
    blobs: &HashMap<Hash, B>,
    bytes_max: usize,
) -> Result<Vec<u8>, StoreError> {
    if row.first().is_none_or(|first| *first >= FIRST_OF_PLAIN) {
        return Ok(row);
    }
    let damaged = || StoreError::Corrupt("a row of a journal cannot be unpacked".into());
    let Parts { taken, rest } = parts(&row).ok_or_else(damaged)?;
    let rest = open_small(rest, bytes_max).ok_or_else(damaged)?;
    if taken.is_empty() {
        return Ok(rest);
    }
    let (mut body, mut after) = (Vec::with_capacity(rest.len()), 0_usize);
    for (gap, hash) in taken {
        let at = after.checked_add(gap).filter(|at| *at <= rest.len()).ok_or_else(damaged)?;
        body.extend_from_slice(&rest[after..at]);
        let blob = blobs.get(&hash).ok_or_else(|| {
            StoreError::Corrupt(format!(
                "a row of a journal needs blob {}, which is not there",
                crate::migrate::hex(&hash)
            ))
        })?;
        body.extend_from_slice(blob.as_ref());
        if body.len() > bytes_max {
            return Err(StoreError::TooLarge(format!("more than {bytes_max} bytes in one read")));
        }
        after = at;
    }
    body.extend_from_slice(&rest[after..]);
    Ok(body)
}

/// A row, taken apart.
struct Parts<'a> {
    /// Where strings were taken out of what is left: how many bytes after the one before, and their addresses.
    taken: Vec<(usize, Hash)>,
    rest: &'a [u8],
}

fn parts(row: &[u8]) -> Option<Parts<'_>> {
    let Some((&PARTED, mut rest)) = row.split_first() else { return Some(Parts { taken: Vec::new(), rest: row }) };
    let count = read_number(&mut rest)?;
    // Each takes 33 bytes at least, so a damaged count asks for no more than the row's length.
    let mut taken = Vec::with_capacity(count.min(rest.len() / 33));
    for _ in 0..count {
        let gap = read_number(&mut rest)?;
        let (hash, more) = rest.split_first_chunk()?;
        taken.push((gap, *hash));
        rest = more;
    }
    // What is left has no parts of its own.
    (rest.first() != Some(&PARTED)).then_some(Parts { taken, rest })
}

/// The smallest of the forms without parts.
fn small(body: &[u8]) -> Vec<u8> {
    if body.len() >= COMPRESSED_BYTES_MIN
        && let Some(frame) = compress::row(body)
        && frame.len() + 1 < body.len()
    {
        return [&[COMPRESSED], frame.as_slice()].concat();
    }
    match body.first() {
        Some(first) if *first < FIRST_OF_PLAIN => [&[ESCAPED], body].concat(),
        _ => body.to_vec(),
    }
}

fn open_small(row: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    match row.split_first() {
        Some((&ESCAPED, body)) => Some(body.to_vec()),
        Some((&COMPRESSED, frame)) => compress::open_row(frame, bytes_max),
        Some((first, _)) if *first < FIRST_OF_PLAIN => None,
        _ => Some(row.to_vec()),
    }
}

/// What stands between quotes and is long, in order.
fn long_strings(body: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    if body.len() < STRING_BYTES_MIN {
        return found;
    }
    while let Some(quote) = memchr(b'"', &body[at..]) {
        let begin = at + quote + 1;
        let Some(length) = string_length(&body[begin..]) else { break };
        if length >= STRING_BYTES_MIN {
            found.push(begin..begin + length);
        }
        at = begin + length + 1;
    }
    found
}

/// Bytes up to the quote that ends a string.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[found] == b'"' {
            return Some(found);
        }
        at = found + 2;
    }
}

fn write_number(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        // The cut is meant: seven bits, and the sign that more follow.
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn read_number(from: &mut &[u8]) -> Option<usize> {
    let (mut number, mut shift) = (0_usize, 0);
    loop {
        let (first, rest) = from.split_first()?;
        *from = rest;
        // Five groups are more than any length here needs.
        if shift > 28 {
            return None;
        }
        number |= usize::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests;
