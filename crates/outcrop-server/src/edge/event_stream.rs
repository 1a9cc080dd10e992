//! Events to frames, one body chunk each, through a bounded channel: a slow reader slows its own turn and nothing else.

use super::respond::Body;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Frames that may wait for a slow reader. Traces come in bursts of four or five.
const FRAMES_WAITING_MAX: usize = 16;

/// Where a turn puts its frames. When the reader is gone, frames are dropped and the turn goes on.
#[derive(Clone, Debug)]
pub struct FrameSender {
    frames: mpsc::Sender<Bytes>,
    given_up: Arc<AtomicBool>,
    /// How long a reader may take nothing before it counts as gone: its turn holds the session.
    reader_timeout: Duration,
}

impl FrameSender {
    /// Sends an event's payload under its type.
    pub async fn event(&self, event_type: &str, payload: &[u8]) {
        self.send(outcrop_wire::event_stream::encode_event(event_type, payload)).await;
    }

    /// Sends an exception, which is the last frame.
    pub async fn exception(&self, exception_type: &str, payload: &[u8]) {
        self.send(outcrop_wire::event_stream::encode_exception(exception_type, payload)).await;
    }

    /// Waits until the reader is gone.
    pub async fn closed(&self) {
        self.frames.closed().await;
    }

    async fn send(&self, frame: Bytes) {
        if self.given_up.load(Ordering::Relaxed) {
            return;
        }
        let Err(TrySendError::Full(frame)) = self.frames.try_send(frame) else {
            // Sent, or the reader is gone: the turn is finished all the same, there is only nobody to tell.
            return;
        };
        match tokio::time::timeout(self.reader_timeout, self.frames.reserve()).await {
            Ok(Ok(place)) => place.send(frame),
            Ok(Err(_)) => {}
            Err(_) => {
                tracing::info!("a reader took nothing for {:?}; its stream is broken off", self.reader_timeout);
                self.given_up.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// A sender and the body that carries what it sends; the body ends when all senders are dropped, and breaks off when
/// its reader took nothing for that long.
pub fn channel(reader_timeout: Duration) -> (FrameSender, Body) {
    let (sender, receiver) = mpsc::channel(FRAMES_WAITING_MAX);
    let given_up = Arc::new(AtomicBool::new(false));
    let body = FrameBody { frames: receiver, given_up: given_up.clone() };
    (FrameSender { frames: sender, given_up, reader_timeout }, body.boxed())
}

struct FrameBody {
    frames: mpsc::Receiver<Bytes>,
    given_up: Arc<AtomicBool>,
}

impl http_body::Body for FrameBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.given_up.load(Ordering::Relaxed) {
            // Frames are missing from here on: the reader must not take the end for the end.
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut))));
        }
        self.frames.poll_recv(context).map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}
