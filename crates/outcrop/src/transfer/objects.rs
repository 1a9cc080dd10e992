//! Objects that schemas are in, by S3's own API: buckets in the path, as every S3 takes them.

use crate::client::{Client, ClientError};
use bytes::Bytes;
use http::Method;
use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but unreserved characters and the slashes of a key.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// S3's name in a signature.
const SERVICE: &str = "s3";

/// An object store.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    client: Client,
}

impl Objects {
    /// The store that a client talks to.
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// An object as text; or why it cannot be had.
    pub(super) async fn text(&self, bucket: &str, key: &str) -> Result<String, String> {
        let (status, body) =
            self.send(Method::GET, &path(bucket, key), Bytes::new()).await.map_err(|error| error.to_string())?;
        match status {
            StatusCode::OK => String::from_utf8(body.to_vec()).map_err(|_| "it is not UTF-8 text".to_owned()),
            status => Err(format!("the object store answers {status}")),
        }
    }

    /// Puts an object where there is none; `Ok(false)` when there is one of another content.
    pub(super) async fn keep(&self, bucket: &str, key: &str, text: &str) -> Result<bool, String> {
        let told = |error: ClientError| error.to_string();
        let path = path(bucket, key);
        let (status, body) = self.send(Method::GET, &path, Bytes::new()).await.map_err(told)?;
        match status {
            StatusCode::OK => return Ok(body == text.as_bytes()),
            StatusCode::NOT_FOUND => {}
            status => return Err(format!("the object store answers {status}")),
        }
        // One that is there already is as good.
        self.send(Method::PUT, &format!("/{}", utf8_percent_encode(bucket, ENCODED)), Bytes::new())
            .await
            .map_err(told)?;
        let (status, _) = self.send(Method::PUT, &path, text.to_owned().into()).await.map_err(told)?;
        if status.is_success() { Ok(true) } else { Err(format!("the object store answers {status}")) }
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), ClientError> {
        self.client.raw(method, path, SERVICE, body).await
    }
}

fn path(bucket: &str, key: &str) -> String {
    format!("/{}/{}", utf8_percent_encode(bucket, ENCODED), utf8_percent_encode(key, ENCODED))
}
