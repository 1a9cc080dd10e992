//! Bodies in chunks: the examples of S3's manual, and what must not pass.

use super::{SECRET, Sent, at};
use crate::sigv4::chunked::{ChunkError, ChunkSignatures, Decoded, decode};
use crate::sigv4::{Claim, Secret, key};

const CONTENT_BYTES: usize = 66_560;

/// The request of the manual, without its signature, which is computed here from its parts.
fn upload(word: &str, more: &[(&str, &str)]) -> (Sent, ChunkSignatures) {
    let mut sent = Sent {
        method: "PUT".to_owned(),
        path: "/examplebucket/chunkObject.txt".to_owned(),
        query: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let common = [
        ("content-encoding", "aws-chunked"),
        ("host", "s3.amazonaws.com"),
        ("x-amz-content-sha256", word),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    for (name, value) in common.iter().chain(more) {
        sent.set(name, value);
    }
    let mut names: Vec<String> = sent.headers.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    let scope =
        crate::sigv4::Scope { date: "20130524".to_owned(), region: "us-east-1".to_owned(), service: "s3".to_owned() };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let text =
        sent.with(|request| crate::sigv4::canonical::string_to_sign(request, "20130524T000000Z", &scope, &names, word));
    let signature = key::SigningKey::derive(&Secret::new(SECRET), &scope).sign(&text);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={},Signature={signature}",
        super::ID,
        names.join(";")
    );
    sent.set("authorization", &authorization);
    let signatures = sent.with(|request| {
        let claim = Claim::read(request).expect("is read").expect("is signed");
        assert_eq!(claim.check_time(at("2013-05-24T00:00:00Z")), Ok(()));
        claim.verify(request, b"", &Secret::new(SECRET)).expect("is fine").expect("is in signed chunks")
    });
    assert_eq!(signatures.seed, signature);
    (sent, signatures)
}

/// A body of the manual's content in its three chunks.
fn body(signatures: [&str; 3], trailer: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (size, signature) in [65_536, 1_024, 0].into_iter().zip(signatures) {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.extend(std::iter::repeat_n(b'a', size));
        if size > 0 {
            body.extend_from_slice(b"\r\n");
        }
    }
    body.extend_from_slice(trailer.as_bytes());
    body.extend_from_slice(b"\r\n");
    body
}

#[test]
fn the_manuals_signed_chunks_are_accepted() {
    let (_, signatures) = upload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &[("content-length", "66824")]);
    assert_eq!(signatures.seed, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    let good = body(
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
        "",
    );
    assert_eq!(good.len(), 66_824);
    let decoded = Decoded { body: vec![b'a'; CONTENT_BYTES], trailers: Vec::new() };
    assert_eq!(decode(&good, Some(&signatures)), Ok(decoded.clone()));
    assert_eq!(decode(&good, None), Ok(decoded));
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = good.clone();
        change(&mut changed);
        decode(&changed, Some(&signatures)).expect_err("is refused")
    };
    assert_eq!(refused(&|body| body[100] = b'b'), ChunkError::Signature);
    assert_eq!(refused(&|body| body[30] ^= 1), ChunkError::Signature);
    // Ended early, with and without the last chunk's honest signature.
    assert!(matches!(refused(&|body| body.truncate(66_000)), ChunkError::Malformed(_)));
    assert!(matches!(refused(&|body| body.truncate(66_736)), ChunkError::Malformed(_)));
    let without_second = |body: &mut Vec<u8>| drop(body.drain(65_626..66_738));
    assert_eq!(refused(&without_second), ChunkError::Signature);
}

#[test]
fn the_manuals_signed_trailer_is_accepted() {
    let word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    let (_, signatures) = upload(word, &[("x-amz-trailer", "x-amz-checksum-crc32c")]);
    assert_eq!(signatures.seed, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    let chunks = [
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ];
    let trailer = "x-amz-checksum-crc32c:sOO8/Q==\r\n";
    let signature = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
    let signed = format!("{trailer}x-amz-trailer-signature:{signature}\r\n");
    let decoded = decode(&body(chunks, &signed), Some(&signatures)).expect("is fine");
    assert_eq!(decoded.body.len(), CONTENT_BYTES);
    assert_eq!(decoded.trailers, [("x-amz-checksum-crc32c".to_owned(), "sOO8/Q==".to_owned())]);
    for trailer in [
        "",
        trailer,
        &signed.replace("sOO8", "sOO9"),
        &signed.replace("d81f", "d81e"),
        &format!("x-amz-trailer-signature:{signature}\r\n"),
    ] {
        assert_eq!(decode(&body(chunks, trailer), Some(&signatures)), Err(ChunkError::Signature), "{trailer}");
    }
}

#[test]
fn only_the_form_is_looked_at_without_signatures() {
    let fine =
        |text: &str| decode(text.as_bytes(), None).map(|decoded| String::from_utf8_lossy(&decoded.body).into_owned());
    for (text, expected) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "hello"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ] {
        assert_eq!(fine(text).as_deref(), Ok(expected));
    }
    for broken in [
        "",
        "0",
        "0\r\n",
        "0\r\n\r",
        "\r\n",
        "5\r\nhello",
        "5\r\nhello\r\n",
        "5\r\nhello0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n\r\n",
        "fffffffffffffff\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\nauthorization:x\r\n\r\n",
        "0\r\nx-amz-checksum-crc32:\u{fffd}",
        "5\nhello\n0\n\n",
    ] {
        assert!(matches!(fine(broken), Err(ChunkError::Malformed(_))), "{broken:?}");
    }
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(5_000));
    assert!(fine(&long).is_err());
}
