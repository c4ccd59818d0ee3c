//! The control socket: how `jackfield show …` and the console reach the running server.
//!
//! One question: a line of JSON `{"line":"pjsip show endpoints","format":"text"}`; one answer: a line of JSON
//! `{"text":"…","failed":false}`. The socket is in the tree's run directory and open to the server's user and group.

use super::runtime::Server;
use crate::admin::{Answer, Format};
use crate::base::limits;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

#[derive(Debug, Serialize, Deserialize)]
struct Question {
    line: String,
    /// `text`, `colour` or `json`.
    format: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answered {
    text: String,
    failed: bool,
}

/// Where the socket of a run directory is.
pub fn socket_path(run_dir: &Path) -> PathBuf {
    run_dir.join("jackfield.ctl")
}

/// Opens the socket. A stale one, whose server is gone, is replaced: the lock file says that no server runs.
pub fn listen(run_dir: &Path) -> io::Result<tokio::net::UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let path = socket_path(run_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = tokio::net::UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Serves questions until the task is aborted.
pub async fn serve(listener: tokio::net::UnixListener, server: Arc<Server>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, Arc::clone(&server)));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn converse(stream: tokio::net::UnixStream, server: Arc<Server>) {
    let (reader, mut writer) = stream.into_split();
    let most = limits::ADMIN_LINE_BYTES as u64;
    let mut reader = tokio::io::BufReader::new(reader);
    loop {
        let mut line = String::new();
        match (&mut reader).take(most).read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let answer = match serde_json::from_str::<Question>(&line) {
            Ok(question) => {
                let format = match question.format.as_str() {
                    "json" => Format::Json,
                    "colour" => Format::Text { colour: true },
                    _ => Format::PLAIN,
                };
                server.answer(&question.line, format).await
            }
            Err(error) => Answer::bad(format!("The question cannot be read: {error}\n")),
        };
        let answered = Answered { text: answer.text, failed: answer.failed };
        let Ok(mut bytes) = serde_json::to_vec(&answered) else { return };
        bytes.push(b'\n');
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// A client of a running server.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the server whose run directory this is.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn connect(run_dir: &Path) -> Result<Client, String> {
        let path = socket_path(run_dir);
        let stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
                "No server runs on this configuration (no socket {}). Start it with: jackfield run -C DIR",
                path.display()
            ),
            io::ErrorKind::PermissionDenied => {
                format!("{} is not open to you: be the server's user or in its group", path.display())
            }
            _ => format!("{}: {error}", path.display()),
        })?;
        Ok(Client { reader: BufReader::new(stream) })
    }
}

impl crate::admin::console::Ask for Client {
    fn ask(&mut self, line: &str, format: Format) -> io::Result<Answer> {
        let format = match format {
            Format::Json => "json",
            Format::Text { colour: true } => "colour",
            Format::Text { colour: false } => "text",
        };
        let question = Question { line: line.to_owned(), format: format.to_owned() };
        let mut bytes = serde_json::to_vec(&question).map_err(io::Error::other)?;
        bytes.push(b'\n');
        self.reader.get_mut().write_all(&bytes)?;
        let mut answer = String::new();
        // A million contacts as JSON are some hundred megabytes.
        self.reader.by_ref().take(4 << 30).read_line(&mut answer)?;
        if answer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server ended"));
        }
        let answered: Answered = serde_json::from_str(&answer).map_err(io::Error::other)?;
        Ok(Answer { text: answered.text, failed: answered.failed })
    }
}
