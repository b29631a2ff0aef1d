//! HTTP/1.1 by hand, for requests that no library would send.

use std::fmt::Write;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// One TCP connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Received and not looked at yet.
    unread: Vec<u8>,
}

/// One answer, as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(known, _)| known == name);
        named.map(|(_, value)| &**value)
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("a TCP option");
        Connection {
            stream,
            unread: Vec::new(),
        }
    }

    /// Sends what the peer takes; one that closes early says why in its answer.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let sending = self.stream.write_all(bytes);
        let _closed_early = timeout(PATIENCE, sending).await.expect("it reads");
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn finish(&mut self) {
        let _closed_already = self.stream.shutdown().await;
    }

    /// The next answer; `None` when the peer ended the connection before one was complete.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let head = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let rest = self.unread.split_off(end + 4);
                break std::mem::replace(&mut self.unread, rest);
            }
            self.receive().await?;
        };
        let head = String::from_utf8(head).expect("a head is text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("a length is a number");
            while self.unread.len() < length {
                self.receive().await?;
            }
            let rest = self.unread.split_off(length);
            answer.body = std::mem::replace(&mut self.unread, rest);
        }
        assert_eq!(
            answer.header("transfer-encoding"),
            None,
            "answers here have known lengths"
        );
        Some(answer)
    }

    /// What still comes until the peer ends the connection.
    pub(crate) async fn rest(&mut self) -> String {
        while self.receive().await.is_some() {}
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// Reads once; `None` at the end.
    async fn receive(&mut self) -> Option<()> {
        let reading = self.stream.read_buf(&mut self.unread);
        let read = timeout(PATIENCE, reading)
            .await
            .expect("an answer, or the connection's end");
        // A reset ends the connection, too.
        read.ok().filter(|count| *count > 0).map(|_| ())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// A request with these headers and no others but the host.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{line}\r\nhost: skyferry.test\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("text takes text");
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    request
}

/// A `POST` with a content type and its length.
pub(crate) fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    post_with(path, content_type, &[], body)
}

/// A `POST` with a content type, its length and further headers.
pub(crate) fn post_with(
    path: &str,
    content_type: &str,
    more: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let length = body.len().to_string();
    let mut headers = vec![("content-type", content_type), ("content-length", &length)];
    headers.extend_from_slice(more);
    request(&format!("POST {path} HTTP/1.1"), &headers, body)
}
