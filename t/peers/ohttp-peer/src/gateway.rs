// The demo enclave: opens sealed requests, answers them sealed.

use std::{
    fs,
    io::{self, Cursor, Read},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use bhttp::Message;
use futures::io::{AllowStdIo, AsyncReadExt};
use ohttp::{KeyConfig, Server};
use openssl::ssl::SslAcceptor;

use crate::{
    args::Args,
    capture::{Capture, Seen},
    chat,
    error::{Error, Res, failed},
    http1::{Conn, Framing, Head},
    keys, poll, sealed, tls,
};

/// The largest single-shot request, and the most that is read and thrown
/// away so that a refusal arrives.
const MAX_BODY: u64 = 64 << 20;

const PROBLEM_KEY: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";

struct Gateway {
    server: Server,
    keys: Vec<u8>,
    acceptor: Option<SslAcceptor>,
    capture: Capture,
    delay: Duration,
}

pub fn main(argv: &[String]) -> Res<()> {
    let args = Args::parse(
        argv,
        &[
            "listen", "tls-cert", "tls-key", "keys-out", "capture", "delay-ms",
        ],
        &[],
    )?;

    let config = keys::generate()?;
    let gateway = Arc::new(Gateway {
        keys: KeyConfig::encode_list(&[&config])?,
        server: Server::new(config)?,
        acceptor: match args.get("tls-cert") {
            None => None,
            Some(cert) => Some(tls::acceptor(cert, args.need("tls-key")?)?),
        },
        capture: Capture::open(args.get("capture"))?,
        delay: Duration::from_millis(args.number("delay-ms", 40)?),
    });

    let listener = TcpListener::bind(args.need("listen")?)?;

    if let Some(file) = args.get("keys-out") {
        write_whole(file, &gateway.keys)?;
    }

    println!("ready {}", listener.local_addr()?.port());

    for tcp in listener.incoming() {
        let gateway = gateway.clone();
        let tcp = tcp?;

        thread::spawn(move || {
            if let Err(e) = gateway.serve(tcp) {
                eprintln!("gateway: {e}");
            }
        });
    }

    Ok(())
}

/// A reader finds the old file, or the whole new one.
fn write_whole(file: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = format!("{file}.new");

    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, file)
}

impl Gateway {
    fn serve(&self, tcp: TcpStream) -> Res<()> {
        let peer = tcp.peer_addr()?.to_string();

        tcp.set_nodelay(true)?;

        let mut conn = Conn::new(tls::accept(self.acceptor.as_ref(), tcp)?);

        while let Some(head) = conn.read_head()? {
            self.exchange(&mut conn, &peer, &head)?;

            if head.is("Connection", "close") {
                break;
            }
        }

        Ok(())
    }

    fn exchange(&self, conn: &mut Conn, peer: &str, head: &Head) -> Res<()> {
        let framing = head.framing(Framing::Length(0))?;
        let seen = Seen::head(peer, head, framing);

        let mut words = head.first.split(' ');
        let method = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default();

        match (method, path, head.get("Content-Type")) {
            ("POST", _, Some("message/ohttp-req")) => self.whole(conn, framing, seen),
            ("POST", _, Some("message/ohttp-chunked-req")) => self.stream(conn, framing, seen),
            ("POST", _, _) => self.refuse(conn, framing, seen, 415),
            ("GET", "/keys", _) => respond(conn, "200 OK", "application/ohttp-keys", &self.keys),
            ("GET", _, _) => self.refuse(conn, framing, seen, 404),
            _ => self.refuse(conn, framing, seen, 405),
        }
    }

    /// message/ohttp-req
    fn whole(&self, conn: &mut Conn, framing: Framing, mut seen: Seen) -> Res<()> {
        let mut body = conn.body(framing);
        let mut bytes = Vec::new();

        let read = Read::take(&mut body, MAX_BODY).read_to_end(&mut bytes);

        seen.body(&body, 1);

        if let Err(e) = read {
            return self.give_up(seen, e.into());
        }

        let opened = match self.server.decapsulate(&bytes) {
            Ok((plain, sealer)) => read_request(&plain).map(|request| (request, sealer)),
            Err(e) => Err(e.into()),
        };

        let (request, sealer) = match opened {
            Ok(opened) => opened,
            Err(e) => return self.refuse_sealed(conn, seen, e),
        };

        let words = self.answer(&mut seen, &request)?;
        let answer = sealer.encapsulate(&chat::response(&words)?)?;

        respond(conn, "200 OK", "message/ohttp-res", &answer)
    }

    /// message/ohttp-chunked-req: opens each piece as it arrives.
    fn stream(&self, conn: &mut Conn, framing: Framing, mut seen: Seen) -> Res<()> {
        let mut body = conn.body(framing);
        let source = AllowStdIo::new(&mut body);
        let mut opener = self.server.clone().decapsulate_stream(source);
        let mut plain = Vec::new();
        let mut pieces = 0;

        let opened = loop {
            let mut piece = [0; 16384];

            match poll::now(opener.read(&mut piece)) {
                Ok(0) => break read_request(&plain),
                Ok(got) => plain.extend_from_slice(&piece[..got]),
                Err(e) => break Err(e.into()),
            }

            pieces += 1;
        };

        let pipe = sealed::Pipe::default();
        let sealer = opener.response(pipe.clone());

        drop(opener);
        seen.body(&body, pieces);

        let request = match opened {
            Ok(request) => request,
            Err(e) if e.is_transport() => return self.give_up(seen, e),
            Err(e) => {
                io::copy(&mut body.take(MAX_BODY), &mut io::sink())?;
                return self.refuse_sealed(conn, seen, e);
            }
        };

        let words = self.answer(&mut seen, &request)?;

        self.stream_answer(conn, &words, &mut sealer?, &pipe)
    }

    /// The answer, once the request stands in the capture.
    fn answer(&self, seen: &mut Seen, request: &Message) -> Res<Vec<String>> {
        let words = chat::answer(request);

        seen.request(request);
        seen.answer(&words);
        self.capture.write(seen)?;

        Ok(words)
    }

    fn stream_answer<S>(
        &self,
        conn: &mut Conn,
        words: &[String],
        sealer: &mut S,
        pipe: &sealed::Pipe,
    ) -> Res<()>
    where
        S: futures::io::AsyncWrite + Unpin,
    {
        conn.write(
            b"HTTP/1.1 200 OK\r\n\
              Content-Type: message/ohttp-chunked-res\r\n\
              Cache-Control: no-store\r\n\
              Incremental: ?1\r\n\
              Transfer-Encoding: chunked\r\n\r\n",
        )?;

        for part in chat::response_parts(words)? {
            conn.write_chunk(&sealed::next(sealer, pipe, Some(&part))?)?;
            thread::sleep(self.delay);
        }

        conn.write_chunk(&sealed::next(sealer, pipe, None)?)?;
        conn.end_chunks()?;

        Ok(())
    }

    /// The request cannot be opened.
    fn refuse_sealed(&self, conn: &mut Conn, mut seen: Seen, e: Error) -> Res<()> {
        seen.error(&e.to_string());
        self.capture.write(&seen)?;

        let kind = match e.is_key() {
            true => PROBLEM_KEY,
            false => "about:blank",
        };

        problem(conn, 400, kind, &e.to_string())
    }

    /// The request is not one for this gateway; its body is read and dropped.
    fn refuse(&self, conn: &mut Conn, framing: Framing, mut seen: Seen, status: u16) -> Res<()> {
        let mut body = conn.body(framing);

        io::copy(&mut Read::take(&mut body, MAX_BODY), &mut io::sink())?;

        seen.body(&body, 0);
        seen.error(reason(status));
        self.capture.write(&seen)?;

        problem(conn, status, "about:blank", reason(status))
    }

    /// The connection broke in the middle of a request.
    fn give_up(&self, mut seen: Seen, e: Error) -> Res<()> {
        seen.error(&e.to_string());
        self.capture.write(&seen)?;

        Err(e)
    }
}

fn read_request(plain: &[u8]) -> Res<Message> {
    let message = Message::read_bhttp(&mut Cursor::new(plain))?;

    match message.control().is_request() {
        true => Ok(message),
        false => Err(failed("the sealed message is not a request")),
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Unsupported Media Type",
    }
}

fn problem(conn: &mut Conn, status: u16, kind: &str, detail: &str) -> Res<()> {
    let title = reason(status);

    let body = serde_json::json!({
        "type": kind,
        "title": title,
        "status": status,
        "detail": detail,
    });

    respond(
        conn,
        &format!("{status} {title}"),
        "application/problem+json",
        body.to_string().as_bytes(),
    )
}

fn respond(conn: &mut Conn, status: &str, media_type: &str, body: &[u8]) -> Res<()> {
    let mut message = format!(
        "HTTP/1.1 {status}\r\n\
         Content-Type: {media_type}\r\n\
         Cache-Control: no-store\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();

    message.extend_from_slice(body);
    conn.write(&message)?;

    Ok(())
}
