//! Signatures against those that AWS publishes and botocore makes, and what must be refused.

mod chunks;
mod properties;
mod vectors;

use super::{Claim, Credentials, Refusal, Request, Secret};
use crate::Timestamp;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn credentials(token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: ID.to_owned(),
        secret_access_key: Secret::new(SECRET),
        session_token: token.map(Secret::new),
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

/// A request with owned parts, to be changed at will.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn with<T>(&self, work: impl FnOnce(Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        work(Request { method: &self.method, path: &self.path, query: &self.query, headers: &headers })
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| std::str::from_utf8(value).expect("text"))
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(key, _)| key != name);
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }

    /// Signs it as it is, in the header.
    fn sign(&mut self, region: &str, service: &str, now: &str) {
        let body = self.body.clone();
        let signed = self.with(|request| super::sign(request, &body, &credentials(None), region, service, at(now)));
        for (name, value) in signed {
            self.set(name, &value);
        }
    }

    /// All that the edge asks, in its order.
    fn verify(&self, now: &str) -> Result<(), Refusal> {
        self.with(|request| {
            let claim = Claim::read(request)?.ok_or(Refusal::Missing)?;
            claim.check_time(at(now))?;
            if claim.access_key_id != ID {
                return Err(Refusal::UnknownKey);
            }
            claim.verify(request, &self.body, &Secret::new(SECRET)).map(|_| ())
        })
    }
}

fn get_agent() -> Sent {
    let mut sent = Sent {
        method: "GET".to_owned(),
        path: "/agents/ABCDEFGHIJ/".to_owned(),
        query: "a=1".to_owned(),
        headers: vec![("host".to_owned(), b"127.0.0.1:7600".to_vec())],
        body: Vec::new(),
    };
    sent.sign("us-west-2", "bedrock", NOON);
    sent
}

const NOON: &str = "2026-01-01T12:00:00Z";

#[test]
fn time_has_its_limits() {
    let sent = get_agent();
    for (now, expected) in [
        (NOON, None),
        ("2026-01-01T12:05:00Z", None),
        ("2026-01-01T11:55:00Z", None),
        (
            "2026-01-01T12:05:01Z",
            Some(
                "Signature expired: 20260101T120000Z is now earlier than 20260101T120001Z (20260101T120501Z - 5 min.)",
            ),
        ),
        (
            "2026-01-01T11:54:59Z",
            Some(
                "Signature not yet current: 20260101T120000Z is still later than 20260101T115959Z (20260101T115459Z + 5 min.)",
            ),
        ),
    ] {
        let refused = sent.verify(now).err().map(|refusal| refusal.to_string());
        assert_eq!(refused.as_deref(), expected, "{now}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_in_awss_words() {
    let fine = get_agent();
    let authorization = fine.header("authorization").expect("is signed").to_owned();
    let with = |value: &str| {
        let mut sent = fine.clone();
        sent.set("authorization", value);
        sent.verify(NOON).expect_err(value).to_string()
    };
    let replaced = |from: &str, to: &str| with(&authorization.replace(from, to));
    for (message, expected) in [
        (
            with("Basic abc"),
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
        ),
        (with(""), "Authorization header requires 'Credential' parameter."),
        (with("AWS4-HMAC-SHA256"), "not a valid key=value pair"),
        (with("AWS4-HMAC-SHA256 Credential=a, x"), "not a valid key=value pair"),
        (with("AWS4-ECDSA-P256-SHA256 Credential=a"), "Unsupported AWS 'algorithm'"),
        (replaced(", Signature=", ", Signaturf="), "requires 'Signature' parameter"),
        (
            replaced("SignedHeaders=host;", "SignedHeaders=host;accept;"),
            "'accept' is named as a SignedHeader, but it does not exist in the HTTP request.",
        ),
        (replaced("SignedHeaders=host;", "SignedHeaders="), "'Host' must be a 'SignedHeader'"),
        (replaced(";x-amz-date", ""), "'x-amz-date' must be a 'SignedHeader'"),
        (
            replaced("SignedHeaders=host;", "SignedHeaders=host;host;"),
            "SignedHeaders must name headers in lower case, each once",
        ),
        (replaced("SignedHeaders=host;", "SignedHeaders=Host;"), "SignedHeaders must name headers in lower case"),
        (replaced("/aws4_request", ""), "exactly 5 slash-delimited elements"),
        (replaced("/aws4_request", "/aws5_request"), "valid terminator: 'aws4_request'"),
        (replaced("/20260101/", "/20260102/"), "Date in Credential scope does not match"),
        (replaced("/bedrock/", "//"), "empty elements"),
        (replaced(ID, "AKIAOTHER"), "The security token included in the request is invalid."),
        (replaced("/us-west-2/", "/us-west-3/"), "The request signature we calculated does not match"),
        (replaced("Signature=", "Signature=0"), "The request signature we calculated does not match"),
        (with(&format!("{authorization}, Signature=0")), "'Signature' is given more than once"),
    ] {
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
    let changed = |change: &dyn Fn(&mut Sent)| {
        let mut sent = fine.clone();
        change(&mut sent);
        sent.verify(NOON).expect_err("is refused").to_string()
    };
    for (message, expected) in [
        (changed(&|sent| sent.headers.retain(|(name, _)| name != "authorization")), "Missing Authentication Token"),
        (
            changed(&|sent| sent.headers.retain(|(name, _)| name != "x-amz-date")),
            "requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ),
        (changed(&|sent| sent.set("x-amz-date", "2026-01-01T12:00:00Z")), "Date must be in ISO-8601 'basic format'"),
        (changed(&|sent| sent.set("x-amz-date", "20261301T120000Z")), "Date must be in ISO-8601 'basic format'"),
        (changed(&|sent| sent.headers.push(("x-amz-date".to_owned(), b"20260101T120000Z".to_vec()))), "more than once"),
        (changed(&|sent| sent.headers.push(("authorization".to_owned(), b"x".to_vec()))), "more than once"),
        (changed(&|sent| sent.set("x-amz-target", "Other.Operation")), "'x-amz-target' must be a 'SignedHeader'"),
        (changed(&|sent| sent.query = "X-Amz-Signature=0".to_owned()), "Only one auth mechanism allowed"),
        (changed(&|sent| sent.body = b"{}".to_vec()), "The provided 'x-amz-content-sha256' header does not match"),
        (
            changed(&|sent| sent.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD")),
            "x-amz-content-sha256 must be the SHA-256",
        ),
    ] {
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
}

#[test]
fn presigned_queries_are_read_whole_or_not_at_all() {
    let complete = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260101%2Fus-west-2%2Fbedrock%2Faws4_request\
                    &X-Amz-Date=20260101T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
    let check = |query: &str, expected: &str| {
        let headers = vec![("host".to_owned(), b"h".to_vec())];
        let sent =
            Sent { method: "GET".to_owned(), path: "/".to_owned(), query: query.to_owned(), headers, body: Vec::new() };
        let message = sent.verify(NOON).expect_err(query).to_string();
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    };
    check(complete, "The request signature we calculated does not match");
    check("x-amz-signature=0", "Missing Authentication Token");
    check("X-Amz-Signature=0", "must include 'Credential' parameter.");
    check("X-Amz-Signature=0", "must include 'X-Amz-Expires'.");
    check(&complete.replace("&X-Amz-Expires=60", ""), "must include 'X-Amz-Expires'.");
    for expires in ["0", "604801", "-1", "+60", "x", "", "1e3", "99999999999999999999"] {
        check(
            &complete.replace("Expires=60", &format!("Expires={expires}")),
            "X-Amz-Expires must be a number of seconds",
        );
    }
    check(&complete.replace("HMAC-SHA256", "HMAC-SHA1"), "Unsupported AWS 'algorithm'");
    check(&complete.replace("=host", "=host%3Bx"), "'x' is named as a SignedHeader");
    check(&format!("{complete}&X-Amz-Date=20260101T120000Z"), "'X-Amz-Date' is given more than once");
    check(&format!("{complete}&X-Amz-Signature=1"), "'Signature' is given more than once");
}
