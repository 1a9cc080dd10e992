//! What is signed is accepted; what is changed by one byte is not.

use super::{ID, NOON, SECRET, Sent};
use crate::sigv4::{Refusal, Scope, Secret, canonical, key};
use proptest::prelude::*;

/// Requests of every shape. Paths are without the segments that count for nothing outside S3 (empty, `.` and `..`).
fn requests() -> impl Strategy<Value = Sent> {
    let segment = "([a-zA-Z0-9_~-]|%[2-7][0-9A-F]){1,8}";
    let path = prop::collection::vec(segment, 0..4).prop_map(|parts| format!("/{}", parts.join("/")));
    let query = prop::collection::vec("[a-zA-Z0-9.]{1,6}(=([a-z0-9~]|%2B|%C3%BC){0,6})?", 0..4);
    let headers = prop::collection::vec(("x-(amz-)?h[a-z]{1,6}", "[ -~]{0,20}|\\PC{0,5}"), 0..4);
    let body = prop::collection::vec(any::<u8>(), 0..50);
    ("GET|PUT|POST|DELETE", path, query, headers, body).prop_map(|(method, path, query, mut headers, body)| {
        headers.push(("host".to_owned(), "127.0.0.1:7600".to_owned()));
        let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        Sent { method, path, query: query.join("&"), headers, body }
    })
}

/// The signature moved into the query, as in a presigned URL.
fn presign(sent: &mut Sent, service: &str) {
    let mut names: Vec<&str> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let scope = Scope { date: "20260101".to_owned(), region: "us-west-2".to_owned(), service: service.to_owned() };
    let credential = format!("{ID}/{scope}").replace('/', "%2F");
    let parameters = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date=20260101T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders={}",
        names.join("%3B")
    );
    let query = [sent.query.as_str(), &parameters].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let query = query.join("&");
    let payload = if service == "s3" { "UNSIGNED-PAYLOAD".to_owned() } else { key::sha256_hex(&sent.body) };
    let presigned = Sent { query: query.clone(), ..sent.clone() };
    let text =
        presigned.with(|request| canonical::string_to_sign(request, "20260101T120000Z", &scope, &names, &payload));
    let signature = key::SigningKey::derive(&Secret::new(SECRET), &scope).sign(&text);
    sent.query = format!("{query}&X-Amz-Signature={signature}");
}

/// Changes one byte of a text to another that stands for itself.
fn change(text: &mut String, at: prop::sample::Index) -> bool {
    let places: Vec<usize> =
        text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()).map(|(at, _)| at).collect();
    // A changed digit of an escape may be the same escape in other letters; those are left alone.
    let places: Vec<usize> =
        places.into_iter().filter(|at| !text.as_bytes()[at.saturating_sub(2)..*at].contains(&b'%')).collect();
    let Some(&place) = places.get(at.index(places.len().max(1))) else { return false };
    let other = if text.as_bytes()[place] == b'q' { "r" } else { "q" };
    text.replace_range(place..=place, other);
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_signed_is_accepted_and_nothing_else(
        sent in requests(),
        service in prop::sample::select(vec!["bedrock", "lambda", "s3"]),
        in_query in any::<bool>(),
        what in 0..5usize,
        at in any::<prop::sample::Index>(),
    ) {
        let mut sent = sent;
        if in_query { presign(&mut sent, service) } else { sent.sign("us-west-2", service, NOON) }
        prop_assert_eq!(sent.verify(NOON), Ok(()));
        let mut changed = sent.clone();
        let is_changed = match what {
            0 => change(&mut changed.method, at),
            1 => change(&mut changed.path, at),
            2 => change(&mut changed.query, at),
            3 => {
                let index = at.index(changed.headers.len());
                let mut value = String::from_utf8_lossy(&changed.headers[index].1).into_owned();
                let is_changed = change(&mut value, at);
                changed.headers[index].1 = value.into_bytes();
                is_changed
            }
            // A presigned URL of S3 says nothing about the body.
            _ if in_query && service == "s3" => false,
            _ => {
                match changed.body.is_empty() {
                    true => changed.body.push(0),
                    false => { let index = at.index(changed.body.len()); changed.body[index] ^= 1 },
                }
                true
            }
        };
        if is_changed {
            prop_assert!(changed.verify(NOON).is_err(), "{changed:?}");
        }
        prop_assert!(sent.verify("2026-01-02T12:00:00Z").is_err());
    }

    /// Reading never panics, whatever stands there.
    #[test]
    fn anything_is_read_or_refused(
        authorization in "(AWS4-HMAC-SHA256 )?[ -~]{0,60}",
        query in "(X-Amz-(Algorithm|Signature|Date|Expires|Credential|SignedHeaders)=[!-~]{0,20}&?){0,6}",
        date in "[0-9TZ]{0,17}|\\PC{0,16}",
        chunks in "([0-9a-f]{0,3}(;chunk-signature=[0-9a-f]{0,4})?(\r\n)?[a-z]{0,4}(\r\n)?){0,5}",
    ) {
        let headers = vec![
            ("host".to_owned(), b"h".to_vec()),
            ("authorization".to_owned(), authorization.into_bytes()),
            ("x-amz-date".to_owned(), date.into_bytes()),
        ];
        let mut sent = Sent { method: "GET".to_owned(), path: "*".to_owned(), query, headers, body: Vec::new() };
        prop_assert!(sent.verify(NOON).is_err());
        sent.headers.remove(1);
        prop_assert!(matches!(sent.verify(NOON), Err(Refusal::Missing | Refusal::Incomplete(_) | Refusal::Scope(_) | Refusal::NotSigned(_))));
        let _ = crate::sigv4::chunked::decode(chunks.as_bytes(), None);
    }
}
