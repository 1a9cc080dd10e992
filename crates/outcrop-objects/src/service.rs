//! The S3 API as one function from request to response.

use crate::folder::Folder;
use crate::path;
use crate::s3::Objects;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Collected, Full};
use outcrop_ports::Ids;
use s3s::host::{S3Host, VirtualHost};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::validation::NameValidation;
use s3s::xml::Serializer;
use s3s::{S3Result, s3_error};
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

/// Hosts below which a bucket's name may stand: `bucket.localhost`, and what clients make of S3's own names when a
/// proxy or a file of hosts brings them here.
const DOMAINS: [&str; 2] = ["localhost", "s3.localhost"];

/// What the service has to know.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Where buckets are that nobody gave a place.
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
}

/// Answers S3 requests whose sender is known and whose body is plain: what belonged to the signature is taken off.
#[derive(Clone)]
pub struct Service {
    service: S3Service,
}

impl Service {
    /// A service over a folder. Blocks to remove what broken-off uploads left behind; `now` says how old they are.
    pub fn new(folder: Folder, ids: Arc<dyn Ids>, settings: S3Settings, now: SystemTime) -> Self {
        if let Err(error) = folder.sweep_staging().and_then(|()| folder.sweep_uploads(now)) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                folder = %folder.root().display(),
                "cannot remove what broken-off uploads left behind"
            );
        }
        let S3Settings { region, account_id } = settings;
        let mut builder = S3ServiceBuilder::new(Objects { folder, ids, region, account_id });
        builder.set_host(Hosts);
        builder.set_validation(Names);
        Self { service: builder.build() }
    }

    /// Answers one request. Errors are responses in S3's form.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<BoxBody<Bytes, io::Error>> {
        match self.service.call(request.map(s3s::Body::from)).await {
            Ok(response) if response.status().is_client_error() || response.status().is_server_error() => {
                with_message(response).await
            }
            Ok(response) => response.map(|body| body.map_err(io::Error::other).boxed()),
            Err(error) => {
                tracing::error!(error = ?error, "an S3 request broke off");
                let mut response = Response::new(http_body_util::Empty::new().map_err(|never| match never {}).boxed());
                *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }
}

/// An error with a message: the library's own have a code only, and programs print messages.
async fn with_message(response: Response<s3s::Body>) -> Response<BoxBody<Bytes, io::Error>> {
    let (mut head, body) = response.into_parts();
    // Made just now, from a few short texts.
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let body = match code {
        Some(code) if !text.contains("<Message>") => {
            let message = match code {
                "MalformedXML" => {
                    "The XML you provided was not well-formed or did not validate against our published schema"
                }
                "MethodNotAllowed" => "The specified method is not allowed against this resource.",
                "InvalidBucketName" => "The specified bucket is not valid.",
                "KeyTooLongError" => "Your key is too long",
                "InvalidURI" => "Couldn't parse the specified URI.",
                _ => "The request was refused.",
            };
            Bytes::from(text.replace("</Code>", &format!("</Code><Message>{message}</Message>")))
        }
        _ => body,
    };
    head.headers.remove(http::header::CONTENT_LENGTH);
    Response::from_parts(head, Full::new(body).map_err(|never| match never {}).boxed())
}

/// The body of an error in S3's form.
pub fn error_body(code: &str, message: &str, request_id: &str) -> Vec<u8> {
    let mut body = Vec::new();
    let mut writer = Serializer::new(&mut body);
    let text = |writer: &mut Serializer<_>, name: &str, value: &str| writer.content(name, value);
    // Writing to a vector cannot fail.
    let _ = writer.decl();
    let _ = writer.element("Error", |writer| {
        text(writer, "Code", code)?;
        text(writer, "Message", message)?;
        text(writer, "RequestId", request_id)
    });
    body
}

/// The bucket that a host names: `bucket.localhost:7600` → `bucket`.
pub fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host });
    let bucket = |domain: &&str| name.strip_suffix(domain)?.strip_suffix('.').filter(|bucket| !bucket.is_empty());
    // The longest first: `b.s3.localhost` is `b`.
    DOMAINS.iter().rev().find_map(bucket).filter(|bucket| *bucket != "s3")
}

struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let found = VirtualHost::new(host);
        match bucket_of_host(host) {
            Some(bucket) if path::is_bucket(bucket) => Ok(found.with_bucket(bucket)),
            Some(_) => Err(s3_error!(InvalidBucketName)),
            None => Ok(found),
        }
    }
}

struct Names;

impl NameValidation for Names {
    /// Folders that were made by hand may have names that S3 does not take.
    fn validate_bucket_name(&self, name: &str) -> bool {
        path::is_bucket(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_buckets() {
        for (host, bucket) in [
            ("docs.localhost:7600", Some("docs")),
            ("my.docs.localhost", Some("my.docs")),
            ("docs.s3.localhost:1", Some("docs")),
            ("localhost:7600", None),
            ("s3.localhost", None),
            ("127.0.0.1:7600", None),
            (".localhost", None),
            ("example.com", None),
        ] {
            assert_eq!(bucket_of_host(host), bucket, "{host}");
        }
    }
}
