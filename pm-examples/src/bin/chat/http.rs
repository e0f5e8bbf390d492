//! The first request of a connection: the page, or a handshake to a WebSocket.

use std::io;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::handshake::machine::TryParse;
use async_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use async_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

const PAGE: &str = include_str!("page.html");
const LONGEST_HEAD: usize = 8 << 10;
/// Of what a user says at once, in bytes.
pub(crate) const LONGEST_MESSAGE: usize = 16 << 10;

/// Answers the first request. `None`: it was none for a WebSocket, and all is said.
pub(crate) async fn receive(stream: &mut TcpStream) -> io::Result<Option<Upgraded>> {
    let mut head = Vec::new();
    let (length, request) = loop {
        match Request::try_parse(&head) {
            Ok(Some(parsed)) => break parsed,
            Ok(None) if head.len() > LONGEST_HEAD => {
                return refuse(stream, "400 Bad Request").await;
            }
            Ok(None) => {}
            Err(_) => return refuse(stream, "400 Bad Request").await,
        }
        let mut part = [0; 2048];
        let count = stream.read(&mut part).await?;
        if count == 0 {
            return Ok(None);
        }
        head.extend_from_slice(&part[..count]);
    };
    match request.uri().path() {
        "/" => answer(stream, "200 OK", "text/html", PAGE).await?,
        "/chat" => match create_response(&request) {
            Ok(response) => {
                let mut bytes = Vec::new();
                write_response(&mut bytes, &response).map_err(io::Error::other)?;
                stream.write_all(&bytes).await?;
                return Ok(Some(Upgraded { rest: head.split_off(length) }));
            }
            Err(_) => return refuse(stream, "400 Bad Request").await,
        },
        _ => return refuse(stream, "404 Not Found").await,
    }
    Ok(None)
}

/// A connection is a WebSocket from now on.
pub(crate) struct Upgraded {
    /// What came behind the request.
    rest: Vec<u8>,
}

impl Upgraded {
    pub(crate) async fn web_socket(self, stream: TcpStream) -> WebSocketStream<TcpStream> {
        // The defaults take 128 KiB for each connection, and messages of 64 MiB.
        let config = WebSocketConfig::default()
            .read_buffer_size(4 << 10)
            .write_buffer_size(0)
            .max_message_size(Some(LONGEST_MESSAGE))
            .max_frame_size(Some(LONGEST_MESSAGE));
        WebSocketStream::from_partially_read(stream, self.rest, Role::Server, Some(config)).await
    }
}

async fn refuse(stream: &mut TcpStream, status: &str) -> io::Result<Option<Upgraded>> {
    answer(stream, status, "text/plain", status).await?;
    Ok(None)
}

async fn answer(stream: &mut TcpStream, status: &str, kind: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    // Nothing from elsewhere, whatever finds its way into the page.
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; connect-src 'self'; img-src data:\r\n\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).await
}
