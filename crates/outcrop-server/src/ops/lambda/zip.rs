//! A look at a zip file before it is kept: is it one, and does its table of contents stay within the limits?
//!
//! Only the table of contents is read. The host reads the rest when it unpacks, and does not believe this table.

/// Most bytes that a zip file may have when it is unpacked: Lambda's limit.
pub(super) const UNPACKED_BYTES_MAX: u64 = 250 * 1024 * 1024;

const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: usize = u16::MAX as usize;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;

/// What is wrong with a zip file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZipProblem {
    /// It is no zip file, is broken, encrypted, or has names that lead out of it.
    Unreadable,
    /// It has no entries.
    Empty,
    /// It would unpack to too much.
    TooLarge,
}

/// Looks at the table of contents.
pub(super) fn check(bytes: &[u8]) -> Result<(), ZipProblem> {
    let end = find_end(bytes).ok_or(ZipProblem::Unreadable)?;
    let entries = u16_at(bytes, end + 10).ok_or(ZipProblem::Unreadable)?;
    let table_bytes = u32_at(bytes, end + 12).ok_or(ZipProblem::Unreadable)?;
    let table_at = u32_at(bytes, end + 16).ok_or(ZipProblem::Unreadable)?;
    if entries == u16::MAX || table_bytes == u32::MAX || table_at == u32::MAX {
        // The large form, with a table of another shape. Few write it; the host judges.
        return Ok(());
    }
    if entries == 0 {
        return Err(ZipProblem::Empty);
    }
    // Counted back from the end, since something may stand before the archive.
    let mut at =
        usize::try_from(table_bytes).ok().and_then(|size| end.checked_sub(size)).ok_or(ZipProblem::Unreadable)?;
    let mut unpacked: u64 = 0;
    for _ in 0..entries {
        let entry = read_entry(&bytes[..end], at).ok_or(ZipProblem::Unreadable)?;
        if entry.encrypted || leads_out(entry.name) {
            return Err(ZipProblem::Unreadable);
        }
        unpacked += u64::from(entry.unpacked_bytes);
        at = entry.next;
    }
    if unpacked > UNPACKED_BYTES_MAX { Err(ZipProblem::TooLarge) } else { Ok(()) }
}

struct Entry<'a> {
    name: &'a [u8],
    encrypted: bool,
    unpacked_bytes: u32,
    next: usize,
}

fn read_entry(bytes: &[u8], at: usize) -> Option<Entry<'_>> {
    if bytes.get(at..)?.get(..ENTRY.len())? != ENTRY {
        return None;
    }
    let length = |offset: usize| u16_at(bytes, at + offset).map(usize::from);
    let name_at = at + ENTRY_BYTES;
    let name_end = name_at + length(28)?;
    Some(Entry {
        name: bytes.get(name_at..name_end)?,
        encrypted: u16_at(bytes, at + 8)? & 1 == 1,
        unpacked_bytes: u32_at(bytes, at + 24)?,
        next: name_end + length(30)? + length(32)?,
    })
}

/// The last end record; a comment may follow it.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let first = bytes.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    (first..=bytes.len().checked_sub(END_BYTES)?).rev().find(|&at| bytes[at..].starts_with(END))
}

fn leads_out(name: &[u8]) -> bool {
    name.starts_with(b"/") || name.contains(&0) || name.split(|&b| b == b'/' || b == b'\\').any(|part| part == b"..")
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// A zip file with stored entries, for tests.
#[cfg(test)]
pub(super) fn build(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut table) = (Vec::new(), Vec::new());
    let short = |length: usize| u16::try_from(length).expect("short").to_le_bytes();
    let long = |length: usize| u32::try_from(length).expect("long").to_le_bytes();
    for (name, content) in entries {
        let at = file.len();
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        common.extend(crc32(content).to_le_bytes());
        common.extend(long(content.len()));
        common.extend(long(content.len()));
        common.extend(short(name.len()));
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(*content);
        table.extend(ENTRY);
        table.extend([20, 0]);
        table.extend(&common);
        table.extend([0; 10]);
        table.extend(long(at));
        table.extend(name.as_bytes());
    }
    let table_at = file.len();
    file.extend(&table);
    file.extend(END);
    file.extend([0; 4]);
    file.extend(short(entries.len()));
    file.extend(short(entries.len()));
    file.extend(long(table.len()));
    file.extend(long(table_at));
    file.extend([0, 0]);
    file
}

#[cfg(test)]
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_tables_of_contents() {
        let good = build(&[("app.py", b"def handler(): pass"), ("lib/a..b.py", b"")]);
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut file = good.clone();
            change(&mut file);
            check(&file)
        };
        assert_eq!(check(&good), Ok(()));
        assert_eq!(with(&|file| file.splice(0..0, *b"#!/bin/sh\n").for_each(drop)), Ok(()), "something before it");
        assert_eq!(with(&|file| file.extend(b"comment")), Ok(()), "a comment after it");
        assert_eq!(check(b""), Err(ZipProblem::Unreadable));
        assert_eq!(check(b"not a zip, but long enough for one"), Err(ZipProblem::Unreadable));
        assert_eq!(check(&build(&[])), Err(ZipProblem::Empty));
        assert_eq!(with(&|file| file.truncate(file.len() - 1)), Err(ZipProblem::Unreadable), "cut");
        for name in ["../app.py", "a/../../b", "/etc/passwd", "a\\..\\b", "a\0b"] {
            assert_eq!(check(&build(&[(name, b"")])), Err(ZipProblem::Unreadable), "{name}");
        }
        let table = good.windows(4).position(|window| window == ENTRY).expect("a table");
        assert_eq!(with(&|file| file[table + 8] = 1), Err(ZipProblem::Unreadable), "encrypted");
        assert_eq!(with(&|file| file[table + 27] = 0x10), Err(ZipProblem::TooLarge));
    }

    #[test]
    fn never_panics() {
        let good = build(&[("app.py", b"x"), ("b", b"yy")]);
        for at in 0..good.len() {
            let _ = check(&good[..at]);
            let _ = check(&good[at..]);
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = good.clone();
                broken[at] = value;
                let _ = check(&broken);
            }
        }
    }
}
