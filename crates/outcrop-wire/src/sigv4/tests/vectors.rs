//! What others have signed.

use super::{Sent, at};
use crate::sigv4::chunked::decode;
use crate::sigv4::{Claim, Credentials, Refusal, Request, Scope, Secret, canonical, key, sign};
use serde::Deserialize;

/// Requests signed by others: `botocore.json` is made by `sign_requests.py` beside it, `javascript.json` was taken down
/// from a socket that the JavaScript SDK (v3, November 2026) wrote to.
#[derive(Deserialize)]
struct Recorded {
    time: String,
    access_key_id: String,
    secret: String,
    requests: Vec<RecordedRequest>,
}

#[derive(Deserialize)]
struct RecordedRequest {
    name: String,
    service: String,
    region: String,
    token: Option<String>,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl RecordedRequest {
    fn sent(&self) -> Sent {
        Sent {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect(),
            body: self.body.as_bytes().to_vec(),
        }
    }
}

fn read(text: &str) -> Recorded {
    serde_json::from_str(text).expect("the file is ours")
}

#[test]
fn signs_like_botocore() {
    let recorded = read(include_str!("botocore.json"));
    let mut compared = 0;
    for request in &recorded.requests {
        let sent = request.sent();
        // Where botocore leaves the hash of the body out of the headers there is nothing to compare: ours is always there.
        if sent.header("authorization").is_none() || sent.header("x-amz-content-sha256").is_none() {
            continue;
        }
        let credentials = Credentials {
            access_key_id: recorded.access_key_id.clone(),
            secret_access_key: Secret::new(&*recorded.secret),
            session_token: request.token.as_deref().map(Secret::new),
        };
        let time = at(&recorded.time);
        let signed =
            sent.with(|received| sign(received, &sent.body, &credentials, &request.region, &request.service, time));
        for (name, value) in signed {
            assert_eq!(Some(value.as_str()), sent.header(name), "{name} of {}", request.name);
        }
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn accepts_what_sdks_sign() {
    let check = |recorded: &Recorded, expected: usize| {
        let verify = |sent: &Sent, secret: &str| {
            sent.with(|received| {
                let claim = Claim::read(received)?.ok_or(Refusal::Missing)?;
                assert_eq!(claim.access_key_id, recorded.access_key_id);
                claim.check_time(at(&recorded.time))?;
                claim.verify(received, &sent.body, &Secret::new(secret)).map(|_| claim.scope.service)
            })
        };
        for request in &recorded.requests {
            let sent = request.sent();
            assert_eq!(verify(&sent, &recorded.secret).as_deref(), Ok(request.service.as_str()), "{}", request.name);
            assert_eq!(verify(&sent, "another"), Err(Refusal::Mismatch), "{}", request.name);
        }
        assert_eq!(recorded.requests.len(), expected);
    };
    check(&read(include_str!("botocore.json")), 20);
    let javascript = read(include_str!("javascript.json"));
    check(&javascript, 2);
    let decoded = decode(javascript.requests[0].body.as_bytes(), None).expect("is fine");
    assert_eq!(decoded.body, b"hello");
}

/// The example of AWS's manual.
#[test]
fn signs_like_the_manual() {
    let headers: [(&str, &[u8]); 3] = [
        ("content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
        ("host", b"iam.amazonaws.com"),
        ("x-amz-date", b"20150830T123600Z"),
    ];
    let query = "Action=ListUsers&Version=2010-05-08";
    let request = Request { method: "GET", path: "/", query, headers: &headers };
    let scope = Scope { date: "20150830".to_owned(), region: "us-east-1".to_owned(), service: "iam".to_owned() };
    let names = ["content-type", "host", "x-amz-date"];
    let nothing = key::sha256_hex(b"");
    let text = canonical::string_to_sign(request, "20150830T123600Z", &scope, &names, &nothing);
    let key = key::SigningKey::derive(&Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), &scope);
    assert_eq!(key.sign(&text), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}
