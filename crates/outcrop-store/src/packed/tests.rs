use super::*;
use proptest::prelude::*;

fn nothing_known(_: &Hash) -> bool {
    false
}

fn open(packed: Packed) -> Vec<u8> {
    let blobs: HashMap<Hash, Vec<u8>> = packed
        .blobs
        .into_iter()
        .map(|blob| {
            let bytes = i64::try_from(blob.bytes).unwrap();
            (blob.hash, open_blob(blob.form as i64, bytes, blob.body).unwrap())
        })
        .collect();
    unpack(packed.row, &blobs, EVENT_BYTES_MAX).unwrap()
}

fn check(body: impl AsRef<[u8]>, blobs: usize) -> usize {
    let packed = pack(body.as_ref(), nothing_known);
    assert_eq!(packed.blobs.len(), blobs);
    assert_eq!(addresses(&packed.row).is_empty(), blobs == 0);
    let bytes = packed.row.len() + packed.blobs.iter().map(|blob| blob.body.len()).sum::<usize>();
    assert_eq!(open(packed), body.as_ref());
    bytes
}

#[test]
fn bodies_come_back_as_they_were() {
    let long = "once upon a time ".repeat(1_000);
    let exact = "x".repeat(STRING_BYTES_MIN);
    let short = "x".repeat(STRING_BYTES_MIN - 1);
    check("", 0);
    check([0], 0);
    check([1, 2, 3], 0);
    check([2; 3_000], 0);
    check("{}", 0);
    check(format!("{{\"a\":\"{short}\"}}"), 0);
    check(format!("{{\"a\":\"{exact}\"}}"), 1);
    // Twice the same is kept once; a quote inside does not end a string.
    check(format!("{{\"a\":\"{long}\",\"b\":[\"{long}\"],\"c\":\"{long}\\\"{long}\\\\\"}}"), 2);
    // Texts that only look like JSON.
    check(format!("\"{long}"), 0);
    check(format!("{{\"a\":\"{long}\\"), 0);
    check(format!("\"{long}\"{long}\"{long}\"\""), 1);
}

#[test]
fn a_row_is_a_fraction_of_its_body() {
    let body = br#"{"event":{"modelReplied":{"startedAt":"2026-11-27T10:00:00.123456789Z","at":"2026-11-27T10:00:00.223456789Z","callId":"5f0c6a52-4b38-4c37-9be3-1f1c2f6cf0aa","reply":{"message":{"role":"assistant","content":[{"text":"It ships on Friday."}]},"stopReason":"end_turn","usage":{"inputTokens":100,"outputTokens":10}}}}}"#;
    let bytes = check(body, 0);
    assert!(bytes * 2 < body.len(), "{bytes} bytes of {}", body.len());
}

#[test]
fn what_is_known_is_only_named() {
    let long = "once upon a time ".repeat(1_000);
    let body = format!("{{\"a\":\"{long}\"}}");
    let packed = pack(body.as_bytes(), |known| *known == hash(long.as_bytes()));
    assert_eq!((packed.blobs.len(), addresses(&packed.row)), (0, vec![hash(long.as_bytes())]));
    assert!(packed.row.len() < 64);
    let blobs = HashMap::from([(hash(long.as_bytes()), long.into_bytes())]);
    assert_eq!(unpack(packed.row.clone(), &blobs, EVENT_BYTES_MAX).unwrap(), body.as_bytes());
    assert!(matches!(unpack(packed.row.clone(), &blobs, 100), Err(StoreError::TooLarge(_))));
    let told = unpack(packed.row, &HashMap::<Hash, Vec<u8>>::new(), EVENT_BYTES_MAX).unwrap_err().to_string();
    assert!(told.contains("needs blob"), "{told}");
}

#[test]
fn blobs_that_are_not_what_they_say_are_refused() {
    let long = "once upon a time ".repeat(100);
    let blob = Blob::new(long.as_bytes(), hash(long.as_bytes()));
    assert_eq!(blob.form, BlobForm::Compressed);
    let bytes = i64::try_from(blob.bytes).unwrap();
    assert_eq!(open_blob(1, bytes, blob.body.clone()).unwrap(), long.as_bytes());
    for (form, bytes, body) in [
        (0, bytes, blob.body.clone()),
        (1, bytes - 1, blob.body.clone()),
        (1, i64::MAX, blob.body.clone()),
        (1, -1, blob.body.clone()),
        (2, bytes, blob.body.clone()),
        (1, bytes, blob.body[..20].to_vec()),
        (1, bytes, Vec::new()),
    ] {
        assert!(matches!(open_blob(form, bytes, body), Err(StoreError::Corrupt(_))), "{form} {bytes}");
    }
}

proptest! {
    /// Bodies as they come, JSON or not.
    #[test]
    fn any_body_comes_back(pieces in prop::collection::vec(
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            Just(b"\"".to_vec()), Just(b"\\".to_vec()), Just(b"{\"a\":\"".to_vec()), Just(vec![b'x'; 1_100]),
            Just("once upon a time ".repeat(80).into_bytes()),
        ], 0..12)
    ) {
        let body = pieces.concat();
        prop_assert_eq!(open(pack(&body, nothing_known)), body);
    }

    /// Whatever stands in a row, reading it ends, and without a panic.
    #[test]
    fn damaged_rows_are_refused_or_read(mut row in prop::collection::vec(any::<u8>(), 0..200), first in 0_u8..4) {
        row.insert(0, first);
        addresses(&row);
        let _ = unpack(row, &HashMap::<Hash, Vec<u8>>::new(), EVENT_BYTES_MAX);
    }

    #[test]
    fn numbers_come_back(number in 0_usize..(1 << 34)) {
        let mut bytes = Vec::new();
        write_number(&mut bytes, number);
        prop_assert_eq!(read_number(&mut bytes.as_slice()), Some(number));
    }
}
