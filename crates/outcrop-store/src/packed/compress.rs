//! zstd, as rows and blobs use it. The library keeps its tables between calls, so each thread has its own.

use std::cell::RefCell;
use std::sync::LazyLock;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe;

/// Words that rows of journals are made of, from rows of the tests (`bench/README.md` tells how it was made).
const ROWS: &[u8] = include_bytes!("rows-1.dict");
/// Of blobs and long rows, which are texts. Higher levels take off a few bytes in a hundred for twice the time.
const LEVEL: i32 = 3;
/// Of short rows, which are mostly words of the dictionary: finding those is nearly all there is to gain, and a turn writes
/// five of them.
const SHORT_LEVEL: i32 = -5;
/// Rows from this many bytes on are long.
const LONG_BYTES_MIN: usize = 512;
/// Inputs above are compressed with tables that are given back afterwards: they grow with the input.
const KEPT_TABLES_BYTES_MAX: usize = 64 * 1024;

static TO_LONG_ROWS: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(ROWS, LEVEL));
static TO_SHORT_ROWS: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(ROWS, SHORT_LEVEL));
static FROM_ROWS: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(ROWS));

thread_local! {
    static SHORT_ROW: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static LONG_ROW: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static OPEN_ROW: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    static BLOB: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// A row's frame; `None` when the library cannot, which is no loss.
pub(super) fn row(body: &[u8]) -> Option<Vec<u8>> {
    let (dictionary, kept) = match body.len() {
        0..LONG_BYTES_MIN => (&TO_SHORT_ROWS, &SHORT_ROW),
        _ => (&TO_LONG_ROWS, &LONG_ROW),
    };
    let make = || {
        let mut made = Compressor::with_prepared_dictionary(dictionary).ok()?;
        // There is one dictionary for a form, so its number is four bytes for nothing.
        made.include_dictid(false).ok()?;
        Some(made)
    };
    compress(kept, body, make)
}

/// A blob's frame.
pub(super) fn blob(bytes: &[u8]) -> Option<Vec<u8>> {
    compress(&BLOB, bytes, || Compressor::new(LEVEL).ok())
}

fn compress(
    kept: &'static std::thread::LocalKey<RefCell<Option<Compressor<'static>>>>,
    bytes: &[u8],
    make: impl Fn() -> Option<Compressor<'static>>,
) -> Option<Vec<u8>> {
    if bytes.len() > KEPT_TABLES_BYTES_MAX {
        return make()?.compress(bytes).ok();
    }
    kept.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = make();
        }
        kept.as_mut()?.compress(bytes).ok()
    })
}

/// The body in a row's frame; `None` when it is damaged or longer than that.
pub(super) fn open_row(frame: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let length = length(frame).filter(|length| *length <= bytes_max)?;
    OPEN_ROW.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Decompressor::with_prepared_dictionary(&FROM_ROWS).ok();
        }
        kept.as_mut()?.decompress(frame, length).ok()
    })
}

/// The bytes in a blob's frame, which are so many.
pub(super) fn open_blob(frame: &[u8], bytes: usize) -> Option<Vec<u8>> {
    // What the frame says of itself must agree before memory is taken for it.
    let length = length(frame).filter(|length| *length == bytes)?;
    zstd::bulk::decompress(frame, length).ok()
}

fn length(frame: &[u8]) -> Option<usize> {
    usize::try_from(zstd_safe::get_frame_content_size(frame).ok()??).ok()
}
