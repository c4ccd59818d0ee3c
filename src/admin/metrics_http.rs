//! `GET /metrics` over HTTP/1.1, and nothing else. Few connections, a small head, little time: it must never be the
//! part that falls.

use super::metrics::{CONTENT_TYPE, Scrape, render};
use crate::base::limits::{METRIC_CONNECTIONS, METRIC_REQUEST_BYTES, METRIC_REQUEST_SECS};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Asks the server for the numbers of one scrape.
pub type Source = mpsc::Sender<oneshot::Sender<Scrape>>;

/// Answers scrapes until `listener` fails for good or the future is dropped; with it go the connections. Errors of
/// one connection end that connection only.
pub async fn serve(listener: TcpListener, source: Source) -> io::Result<()> {
    serve_within(listener, source, Duration::from_secs(METRIC_REQUEST_SECS)).await
}

/// The same with another time than [`METRIC_REQUEST_SECS`] for each request.
pub async fn serve_within(listener: TcpListener, source: Source, limit: Duration) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(METRIC_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = places.clone().acquire_owned().await else {
            return Ok(());
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let source = source.clone();
                connections.spawn(async move {
                    // Late or broken: the connection is closed, which says it all.
                    let _ = timeout(limit, answer(stream, source, limit / 2)).await;
                    drop(place);
                });
            }
            // A connection that was reset before we took it; anything else (no descriptors) passes with time.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    source: Source,
    patience: Duration,
) -> io::Result<()> {
    let response = match head(&mut stream).await? {
        None => response(400, "Bad Request", "text/plain", "Not an HTTP request.\n", true),
        Some(head) => respond(&head, source, patience).await,
    };
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// The request's first line; `None` when the head is too long or no text.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<String>> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let mut part = [0; 1024];
        let count = stream.read(&mut part).await?;
        bytes.extend_from_slice(&part[..count]);
        if bytes.windows(4).any(|end| end == b"\r\n\r\n") || bytes.windows(2).any(|end| end == b"\n\n") {
            let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
            return Ok(std::str::from_utf8(line).ok().map(str::to_owned));
        }
        if count == 0 || bytes.len() > METRIC_REQUEST_BYTES {
            return Ok(None);
        }
    }
}

async fn respond(line: &str, source: Source, patience: Duration) -> String {
    let mut words = line.split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let (Some(method), Some(target), Some(true)) =
        (method, target, version.map(|v| v.starts_with("HTTP/1.")))
    else {
        return response(400, "Bad Request", "text/plain", "Not an HTTP request.\n", true);
    };
    if !matches!(method, "GET" | "HEAD") {
        return response(405, "Method Not Allowed", "text/plain", "Only GET and HEAD.\n", true);
    }
    let body = method == "GET";
    match target.split('?').next() {
        Some("/metrics") => match ask(source, patience).await {
            Some(scrape) => response(200, "OK", CONTENT_TYPE, &render(scrape), body),
            None => {
                response(503, "Service Unavailable", "text/plain", "The server is too busy to count.\n", body)
            }
        },
        Some("/") => response(200, "OK", "text/plain", "Jackfield. Metrics are at /metrics.\n", body),
        _ => response(404, "Not Found", "text/plain", "Metrics are at /metrics.\n", body),
    }
}

async fn ask(source: Source, patience: Duration) -> Option<Scrape> {
    let (sender, receiver) = oneshot::channel();
    source.try_send(sender).ok()?;
    timeout(patience, receiver).await.ok()?.ok()
}

fn response(status: u16, reason: &str, kind: &str, text: &str, body: bool) -> String {
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    if body { head + text } else { head }
}
