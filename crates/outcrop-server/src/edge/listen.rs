//! Sockets: one port, HTTP/1.1 and HTTP/2 without TLS, and an orderly end.

use super::authenticate::AuthMode;
use super::dispatch;
use super::stalled::Stalling;
use crate::App;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the listener allows.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections at once; more wait in the system's queue.
    pub connections_max: usize,
    /// Time a client has to send the head of a request.
    pub header_timeout: Duration,
    /// Time running requests have to end after the listener was told to stop.
    pub shutdown_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            header_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(25),
        }
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: ServerLimits,
}

impl Server {
    /// Binds. Port 0 lets the system choose. In open mode only loopback addresses are bound.
    pub async fn bind(address: SocketAddr, limits: ServerLimits, auth: &AuthMode) -> io::Result<Self> {
        if matches!(auth, AuthMode::Open) && !address.ip().is_loopback() {
            let message = format!(
                "{address} is not a loopback address, and without authentication (auth.mode = \"open\") only loopback is served: use 127.0.0.1, or set auth.mode = \"sigv4\" with [[auth.key]] or [[auth.bearer]]"
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(Self { listener: TcpListener::bind(address).await?, limits })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is cancelled, then:
    /// 1. accepts no more connections,
    /// 2. lets requests that are being answered come to their end, within the limit,
    /// 3. drops the connections that are left; their turns are the application's to end.
    pub async fn run(self, app: Arc<App>, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.limits.connections_max));
        let graceful = GracefulShutdown::new();
        let connections = TaskTracker::new();
        // A turn lets go of a slow reader first; then what it left goes, too.
        let stall_timeout = app.settings.reader_timeout * 2;
        let dropped = CancellationToken::new();
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.header_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(1_000)
            .keep_alive_interval(Duration::from_secs(60));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.listener, &slots) => accepted,
            };
            let Some((stream, slot)) = accepted else { continue };
            let app = app.clone();
            let service = service_fn(move |request| {
                let app = app.clone();
                async move { Ok::<_, Infallible>(dispatch::answer(app, request).await) }
            });
            let connection = graceful.watch(
                builder.serve_connection(TokioIo::new(Stalling::new(stream, stall_timeout)), service).into_owned(),
            );
            let dropped = dropped.clone();
            connections.spawn(async move {
                tokio::select! {
                    () = dropped.cancelled() => {}
                    ended = connection => {
                        if let Err(error) = ended {
                            tracing::debug!(error = error.to_string(), "connection ended early");
                        }
                    }
                }
                drop(slot);
            });
        }
        drop(self.listener);
        connections.close();
        if tokio::time::timeout(self.limits.shutdown_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections are still open at the end of the time for shutdown; closing them");
        }
        dropped.cancel();
        connections.wait().await;
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Frames are small and must not wait for an acknowledgement.
            let _ = stream.set_nodelay(true);
            Some((stream, slot))
        }
        Err(error) => {
            // Such as too many open files: the other connections go on, this one is tried again a little later.
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
