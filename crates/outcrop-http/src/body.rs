//! Reading answers within limits.

use crate::{HttpError, HttpLimits};
use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::time::timeout;

/// An answer that is read while it comes. Dropping it before the end closes the connection.
#[derive(Debug)]
pub struct HttpStream {
    /// Any status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    idle_timeout: Duration,
    read_bytes: usize,
    response_bytes_max: usize,
}

impl HttpStream {
    pub(crate) fn new(answer: Response<Incoming>, limits: HttpLimits) -> Result<Self, HttpError> {
        let (head, body) = answer.into_parts();
        refuse_announced_excess(&body, limits.response_bytes_max)?;
        Ok(Self {
            status: head.status,
            headers: head.headers,
            body,
            idle_timeout: limits.idle_timeout,
            read_bytes: 0,
            response_bytes_max: limits.response_bytes_max,
        })
    }

    /// The next piece as it came, or nothing at the end; never an empty piece.
    ///
    /// Fails after `idle_timeout` without a byte, beyond the size limit, and when the connection breaks. Safe to drop
    /// between pieces: nothing is lost.
    pub async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        let piece = timeout(self.idle_timeout, next_piece(&mut self.body)).await.unwrap_or(Err(HttpError::TimedOut))?;
        if let Some(piece) = &piece {
            self.read_bytes = self.read_bytes.saturating_add(piece.len());
            if self.read_bytes > self.response_bytes_max {
                return Err(HttpError::TooLarge { limit: self.response_bytes_max });
            }
        }
        Ok(piece)
    }

    /// All that is left, as for the body of an error. Fails like [`HttpStream::next`].
    pub async fn rest(mut self) -> Result<Bytes, HttpError> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        whole.extend_from_slice(&second);
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

/// Reads to the end; the usual answer of one piece is not copied.
pub(crate) async fn read_whole(mut body: Incoming, response_bytes_max: usize) -> Result<Bytes, HttpError> {
    refuse_announced_excess(&body, response_bytes_max)?;
    let too_large = HttpError::TooLarge { limit: response_bytes_max };
    let Some(first) = next_piece(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() > response_bytes_max {
        return Err(too_large);
    }
    let Some(second) = next_piece(&mut body).await? else { return Ok(first) };
    let mut whole = BytesMut::from(first);
    let mut piece = second;
    loop {
        if whole.len().saturating_add(piece.len()) > response_bytes_max {
            return Err(too_large);
        }
        whole.extend_from_slice(&piece);
        match next_piece(&mut body).await? {
            Some(next) => piece = next,
            None => return Ok(whole.freeze()),
        }
    }
}

async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>, HttpError> {
    while let Some(frame) = body.frame().await {
        // Anything but data is trailers, which nobody here needs.
        if let Ok(data) = frame.map_err(|error| HttpError::of_body(&error))?.into_data()
            && !data.is_empty()
        {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn refuse_announced_excess(body: &Incoming, limit: usize) -> Result<(), HttpError> {
    let announced = body.size_hint().lower();
    if announced > limit as u64 { Err(HttpError::TooLarge { limit }) } else { Ok(()) }
}
