//! HTTP/2 frame by frame (RFC 9113), for a client that no library keeps from being slow, late or careless.

use integration_tests::Deployment;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Whole headers of the table of RFC 7541 appendix A.
const GET: u8 = 0x82;
const POST: u8 = 0x83;
const HTTPS: u8 = 0x87;

/// Bytes of the largest frame that every server takes, and of a window before anybody has said otherwise.
const FRAME: i64 = 16_384;
const WINDOW: i64 = 65_535;

/// What bytes go over.
trait Wire: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}

/// A connection, with the newest request on it.
pub struct Connection {
    io: Box<dyn Wire>,
    stream: u32,
    /// Bytes that may be sent on the connection, on a new stream, and on the newest.
    window: i64,
    initial: i64,
    stream_window: i64,
    /// What has come of the newest request's answer.
    pub body: Vec<u8>,
    /// Whether the answer is whole.
    pub answered: bool,
    /// The streams that the server reset, with the error code; 0 stands for no error.
    pub resets: Vec<(u32, u32)>,
}

/// Opens a connection on which nothing has been sent.
pub async fn connect(deployment: &Deployment, who: &str) -> Connection {
    let identity = deployment.identity(who).unwrap().speaking(b"h2");
    let io = Box::new(identity.connect(&deployment.address).await.unwrap());
    let (body, resets) = (Vec::new(), Vec::new());
    let (window, initial, stream_window) = (WINDOW, WINDOW, WINDOW);
    Connection { io, stream: 0, window, initial, stream_window, body, answered: false, resets }
}

/// Opens a connection, and says what every client says first.
pub async fn greet(deployment: &Deployment, who: &str) -> Connection {
    greet_with(deployment, who, &[]).await
}

/// The same, with room for so many bytes of each answer: no more is ever given.
pub async fn greet_narrow(deployment: &Deployment, who: &str, room: u32) -> Connection {
    let [a, b, c, d] = room.to_be_bytes();
    greet_with(deployment, who, &[0, 4, a, b, c, d]).await
}

async fn greet_with(deployment: &Deployment, who: &str, settings: &[u8]) -> Connection {
    let mut connection = connect(deployment, who).await;
    connection.io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    connection.frame(SETTINGS, 0, 0, settings).await.unwrap();
    connection.io.flush().await.unwrap();
    connection
}

/// `:method`, `:scheme` `https`, `:authority` and `:path`.
fn head(method: u8, path: &str) -> Vec<u8> {
    let mut block = vec![method, HTTPS];
    literal(&mut block, 1, "localhost");
    literal(&mut block, 4, path);
    block
}

/// A header whose name is in that table.
fn literal(block: &mut Vec<u8>, name: u8, value: &str) {
    match name.checked_sub(15) {
        Some(rest) => block.extend([15, rest]),
        None => block.push(name),
    }
    // A length of one byte.
    assert!(value.len() < 127);
    block.push(u8::try_from(value.len()).unwrap());
    block.extend(value.as_bytes());
}

impl Connection {
    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags];
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.io.write_all(&frame).await
    }

    /// The head of a `GET`.
    pub async fn get(&mut self, path: &str) {
        self.ask(head(GET, path), END_HEADERS | END_STREAM).await;
    }

    /// The head of a `GET` with so many headers of 132 bytes each, name and value.
    pub async fn get_with(&mut self, path: &str, headers: usize) {
        let mut block = head(GET, path);
        // The first goes into the table as the newest (RFC 7541 section 6.2.1), from which the others are taken (6.1).
        block.extend([0x40 | 19, 126]);
        block.extend([b'x'; 126]);
        block.extend(std::iter::repeat_n(0x80 | 62, headers - 1));
        self.ask(block, END_HEADERS | END_STREAM).await;
    }

    /// The head of a `POST` of JSON, with the length that the body is said to have.
    pub async fn post(&mut self, path: &str, length: Option<usize>) {
        let mut block = head(POST, path);
        literal(&mut block, 31, "application/json");
        if let Some(length) = length {
            literal(&mut block, 28, &length.to_string());
        }
        self.ask(block, END_HEADERS).await;
    }

    /// The head of a `GET` that is never finished.
    pub async fn half_a_head(&mut self) {
        self.ask(head(GET, "/healthz"), 0).await;
    }

    /// Asks something small, and says whether that was answered: it is not where the connection is closed, or about to be.
    pub async fn still_answers(&mut self) -> bool {
        if self.try_to_ask(head(GET, "/healthz"), END_HEADERS | END_STREAM).await.is_err() {
            return false;
        }
        self.answer().await;
        self.answered
    }

    async fn ask(&mut self, block: Vec<u8>, flags: u8) {
        self.try_to_ask(block, flags).await.unwrap();
    }

    async fn try_to_ask(&mut self, block: Vec<u8>, flags: u8) -> std::io::Result<()> {
        self.stream = if self.stream == 0 { 1 } else { self.stream + 2 };
        (self.stream_window, self.answered) = (self.initial, false);
        self.body.clear();
        self.frame(HEADERS, flags, self.stream, &block).await?;
        self.io.flush().await
    }

    /// Sends so many bytes of the body, as the server has room for them. Gives how many went before the stream was reset.
    pub async fn send(&mut self, bytes: usize, end: bool) -> usize {
        let blank = vec![b' '; usize::try_from(FRAME).unwrap()];
        let mut sent = 0;
        while sent < bytes && !self.is_reset() {
            let room = self.window.min(self.stream_window).clamp(0, FRAME);
            let part = usize::try_from(room).unwrap().min(bytes - sent);
            if part == 0 {
                if !self.take().await {
                    break;
                }
                continue;
            }
            let flags = if end && sent + part == bytes { END_STREAM } else { 0 };
            if self.frame(DATA, flags, self.stream, &blank[..part]).await.is_err() {
                break;
            }
            let part_of_windows = i64::try_from(part).unwrap();
            self.window -= part_of_windows;
            self.stream_window -= part_of_windows;
            sent += part;
        }
        // A connection that is closed is seen by whoever reads next.
        let _ = self.io.flush().await;
        sent
    }

    fn is_reset(&self) -> bool {
        self.resets.iter().any(|(stream, _)| *stream == self.stream)
    }

    /// The answer, as text: whole, or what there is where the stream was reset or the connection closed before.
    pub async fn answer(&mut self) -> String {
        while !self.answered && !self.is_reset() && self.take().await {}
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Waits until the newest stream is reset; gives the error code.
    pub async fn reset(&mut self) -> Option<u32> {
        while !self.is_reset() && self.take().await {}
        self.resets.iter().find(|(stream, _)| *stream == self.stream).map(|(_, code)| *code)
    }

    /// Waits until the server closes the connection, and says nothing but what a client has to meanwhile.
    pub async fn closed(&mut self) {
        while self.take().await {}
    }

    /// Takes one frame in; false where there are no more.
    async fn take(&mut self) -> bool {
        let mut head = [0; 9];
        if self.io.read_exact(&mut head).await.is_err() {
            return false;
        }
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        if self.io.read_exact(&mut payload).await.is_err() {
            return false;
        }
        let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        let stream = u32::from_be_bytes(stream);
        match kind {
            SETTINGS if flags & ACK == 0 => {
                for at in (0..payload.len()).step_by(6).filter(|at| payload[*at..at + 2] == [0, 4]) {
                    let initial = i64::from(number(at + 2));
                    self.stream_window += initial - self.initial;
                    self.initial = initial;
                }
                let _ = self.frame(SETTINGS, ACK, 0, &[]).await;
            }
            PING if flags & ACK == 0 => {
                let _ = self.frame(PING, ACK, 0, &payload).await;
            }
            WINDOW_UPDATE if stream == 0 => self.window += i64::from(number(0)),
            WINDOW_UPDATE if stream == self.stream => self.stream_window += i64::from(number(0)),
            RST_STREAM => self.resets.push((stream, number(0))),
            DATA | HEADERS if stream == self.stream => {
                if kind == DATA {
                    self.body.extend(&payload);
                }
                self.answered |= flags & END_STREAM != 0;
            }
            _ => {}
        }
        let _ = self.io.flush().await;
        true
    }
}
