//! Events to frames, one body chunk each, through a bounded channel: a slow reader slows its own turn and nothing else.

use super::respond::Body;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Frames that may wait for a slow reader. Traces come in bursts of four or five.
const FRAMES_WAITING_MAX: usize = 16;

/// Where a turn puts its frames. When the reader is gone, frames are dropped and the turn goes on.
#[derive(Clone, Debug)]
pub struct FrameSender(mpsc::Sender<Bytes>);

impl FrameSender {
    /// Sends an event's payload under its type.
    pub async fn event(&self, event_type: &str, payload: &[u8]) {
        self.send(outcrop_wire::event_stream::encode_event(event_type, payload)).await;
    }

    /// Sends an exception, which is the last frame.
    pub async fn exception(&self, exception_type: &str, payload: &[u8]) {
        self.send(outcrop_wire::event_stream::encode_exception(exception_type, payload)).await;
    }

    async fn send(&self, frame: Bytes) {
        // The reader is gone: the turn is finished all the same, there is only nobody to tell.
        let _ = self.0.send(frame).await;
    }
}

/// A sender and the body that carries what it sends; the body ends when all senders are dropped.
pub fn channel() -> (FrameSender, Body) {
    let (sender, receiver) = mpsc::channel(FRAMES_WAITING_MAX);
    (FrameSender(sender), FrameBody(receiver).boxed())
}

struct FrameBody(mpsc::Receiver<Bytes>);

impl http_body::Body for FrameBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}
