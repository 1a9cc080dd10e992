//! A stand-in for a model's endpoint that costs next to nothing: Chat Completions with one fixed answer.
//!
//! One file without dependencies: `rustc -O bench/backend.rs`. A thread for each connection, which is kept alive. A
//! request with `"stream":true` is answered as a stream whose first piece is the time at which it was sent, in
//! nanoseconds since the epoch, `FIRST_MS` after the head; so whoever reads it knows how long it was on its way.
//!
//! ```text
//! backend PORT [FIRST_MS]        prints `listening` when it does
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ANSWER: &str = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Your order has shipped and arrives on Friday."},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":10,"total_tokens":30}}"#;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let first = Duration::from_millis(arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0));
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on {}", listener.local_addr()?);
    for connection in listener.incoming() {
        let connection = connection?;
        std::thread::spawn(move || serve(connection, first));
    }
    Ok(())
}

/// Answers until the other side hangs up.
fn serve(mut connection: TcpStream, first: Duration) -> Option<()> {
    connection.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(connection.try_clone().ok()?);
    let whole = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    loop {
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let head = line.trim();
            if head.is_empty() {
                break;
            }
            if let Some((name, value)) = head.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8_lossy(&body);
        if !body.contains(r#""stream":true"#) {
            connection.write_all(whole.as_bytes()).ok()?;
            continue;
        }
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").ok()?;
        std::thread::sleep(first);
        let sent = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos();
        piece(&mut connection, &format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{sent} "}}}}]}}"#))?;
        piece(&mut connection, r#"{"choices":[{"index":0,"delta":{"content":"shipped."},"finish_reason":"stop"}]}"#)?;
        piece(&mut connection, r#"{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":10,"total_tokens":30}}"#)?;
        piece(&mut connection, "[DONE]")?;
        connection.write_all(b"0\r\n\r\n").ok()?;
    }
}

fn piece(connection: &mut TcpStream, data: &str) -> Option<()> {
    let event = format!("data: {data}\n\n");
    connection.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).ok()
}
