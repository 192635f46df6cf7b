// The demo client: seals a chat-like request, sends it through the relay,
// opens the answer. It succeeds only when the answer is complete.

use std::{
    fs,
    io::{self, Cursor, Read, Write},
    thread,
    time::Duration,
};

use bhttp::{ControlData, FieldSection, Message, stream::AsyncReadMessage};
use futures::io::{AllowStdIo, AsyncRead, AsyncReadExt};
use ohttp::{ClientRequest, hpke::Aead};

use crate::{
    args::Args,
    chat, chunked,
    error::{Res, failed, usage},
    http1::{Body, Conn, Framing, Head, hex, latin1},
    keys,
    outer::Url,
    poll, sealed,
    tls::Trust,
};

/// Between the pieces of a request that is sent in several.
const PAUSE: Duration = Duration::from_millis(30);

const SHOWN_BYTES: usize = 48;

struct Client<'a> {
    args: &'a Args,
    url: Url,
    conn: Conn,
}

pub fn main(argv: &[String]) -> Res<()> {
    let args = Args::parse(
        argv,
        &[
            "relay",
            "keys",
            "suite",
            "prompt",
            "request-chunks",
            "header",
            "bind",
            "ca",
            "timeout",
            "raw-out",
            "raw-answer",
        ],
        &["chunked", "insecure", "show", "text", "http1"],
    )?;

    let url = Url::parse(args.need("relay")?)?;
    let suite = args.get("suite").unwrap_or("aes128gcm");
    let aead = keys::parse_suite(suite)?;
    let list = fs::read(args.need("keys")?)?;
    let config = keys::narrow(&list, aead)?;

    let chunked = args.has("chunked");
    let prompt = args.get("prompt").unwrap_or("Hello?");
    let (message, plain) = chat::request(prompt, chunked)?;

    let trust = match args.get("ca") {
        _ if args.has("insecure") => Trust::Nobody,
        Some(file) => Trust::File(file),
        None => Trust::System,
    };

    let timeout = Duration::from_secs(args.number("timeout", 30)?);
    let (conn, local) = url.connect(args.get("bind"), &trust, timeout)?;

    if args.has("show") {
        println!("# from {}", local.ip());
        println!("# suite {suite}");
        show_request(&message);
    }

    let mut client = Client {
        args: &args,
        url,
        conn,
    };

    match chunked {
        true if aead == Aead::ChaCha20Poly1305 => client.stream_chacha(&config, &plain),
        true => client.stream(ClientRequest::from_encoded_config(&config)?, &plain),
        false => client.whole(ClientRequest::from_encoded_config(&config)?, &plain),
    }
}

fn show_request(message: &Message) {
    if let ControlData::Request {
        method,
        scheme,
        authority,
        path,
    } = message.control()
    {
        let [method, scheme, authority, path] =
            [method, scheme, authority, path].map(|bytes| latin1(bytes));

        println!("# inner {method} {scheme}://{authority}{path}");
    }

    println!("# inner {}", String::from_utf8_lossy(message.content()));
}

impl Client<'_> {
    /// message/ohttp-req
    fn whole(&mut self, sealer: ClientRequest, plain: &[u8]) -> Res<()> {
        let (bytes, opener) = sealer.encapsulate(plain)?;
        let length = format!("Content-Length: {}", bytes.len());

        self.record(&bytes)?;

        let head = self.head("message/ohttp-req", &[&length]);
        let sent = self.conn.write(&[head.as_bytes(), &bytes].concat());

        let head = self.response(sent, "message/ohttp-res")?;
        let mut answer = Vec::new();

        self.body(&head)?.read_to_end(&mut answer)?;

        let plain = opener.decapsulate(&answer)?;
        let message = Message::read_bhttp(&mut Cursor::new(&plain))?;

        show_head(message.control(), message.header());

        let mut show = Show::new(self.args);

        show.piece(message.content())?;
        show.end()?;

        Ok(())
    }

    /// message/ohttp-chunked-req
    fn stream(&mut self, sealer: ClientRequest, plain: &[u8]) -> Res<()> {
        let pipe = sealed::Pipe::default();
        let mut sealer = sealer.encapsulate_stream(pipe.clone())?;

        let head = self.send_stream(plain, |piece| sealed::next(&mut sealer, &pipe, piece))?;
        let args = self.args;
        let mut body = self.body(&head)?;

        read_stream(args, sealer.response(AllowStdIo::new(&mut body))?)?;
        check_end(&body)
    }

    fn stream_chacha(&mut self, config: &[u8], plain: &[u8]) -> Res<()> {
        let mut sealer = chunked::Sealer::new(config)?;

        let head = self.send_stream(plain, |piece| sealer.next(piece))?;
        let args = self.args;
        let mut body = self.body(&head)?;

        read_stream(args, AllowStdIo::new(sealer.opener(&mut body)?))?;
        check_end(&body)
    }

    /// Seals and sends a request; returns the outer head of the answer.
    fn send_stream(
        &mut self,
        plain: &[u8],
        mut seal: impl FnMut(Option<&[u8]>) -> Res<Vec<u8>>,
    ) -> Res<Head> {
        let pieces = match self.args.number("request-chunks", 1)? {
            0 => return Err(usage("--request-chunks is at least 1")),
            n => n,
        };

        let mut parts = Vec::new();

        for part in plain.chunks(plain.len().div_ceil(pieces)) {
            parts.push(seal(Some(part))?);
        }

        parts.push(seal(None)?);
        self.record(&parts.concat())?;

        let sent = self.send_parts(&parts);

        self.response(sent, "message/ohttp-chunked-res")
    }

    fn send_parts(&mut self, parts: &[Vec<u8>]) -> io::Result<()> {
        let head = self.head(
            "message/ohttp-chunked-req",
            &["Incremental: ?1", "Transfer-Encoding: chunked"],
        );

        self.conn.write(head.as_bytes())?;

        for (i, part) in parts.iter().enumerate() {
            if i > 0 && i + 1 < parts.len() {
                thread::sleep(PAUSE);
            }

            self.conn.write_chunk(part)?;
        }

        self.conn.end_chunks()
    }

    /// The outer head. A header given on the command line replaces ours.
    fn head(&self, media_type: &str, more: &[&str]) -> String {
        let ours = [
            format!("Host: {}", self.url.authority),
            format!("Content-Type: {media_type}"),
        ];
        let given: Vec<&str> = self.args.all("header").collect();
        let mut head = format!("POST {} HTTP/1.1\r\n", self.url.path);

        for line in ours.iter().map(String::as_str).chain(more.iter().copied()) {
            if !given
                .iter()
                .any(|g| name(g).eq_ignore_ascii_case(name(line)))
            {
                head += &format!("{line}\r\n");
            }
        }

        for line in given {
            head += &format!("{line}\r\n");
        }

        if self.args.has("show") {
            head.lines().for_each(|line| println!("> {line}"));
        }

        head + "\r\n"
    }

    fn record(&self, bytes: &[u8]) -> io::Result<()> {
        if self.args.has("show") {
            let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];

            println!("# sealed {} bytes {}", bytes.len(), hex(shown));
        }

        match self.args.get("raw-out") {
            Some(file) => fs::write(file, bytes),
            None => Ok(()),
        }
    }

    fn body(&mut self, head: &Head) -> Res<Body<'_>> {
        let mut body = self.conn.body(head.framing(Framing::UntilClose)?);

        if let Some(file) = self.args.get("raw-answer") {
            body.copy = Some(fs::File::create(file)?);
        }

        Ok(body)
    }

    /// The outer head of the answer. A relay may refuse before it has read
    /// everything, so a failed write matters only if no answer comes.
    fn response(&mut self, sent: io::Result<()>, media_type: &str) -> Res<Head> {
        let head = match (self.conn.read_head(), sent) {
            (Ok(Some(head)), _) => head,
            (_, Err(e)) => return Err(e.into()),
            (Err(e), Ok(())) => return Err(e),
            (Ok(None), Ok(())) => return Err(failed("the relay closed without an answer")),
        };

        println!("< {}", head.first);
        head.fields.iter().for_each(|(n, v)| println!("< {n}: {v}"));

        let status = head.first.split(' ').nth(1).unwrap_or_default();

        if status != "200" || !head.is("Content-Type", media_type) {
            let mut text = Vec::new();

            self.body(&head)?.take(65536).read_to_end(&mut text)?;
            println!("{}", String::from_utf8_lossy(&text));

            return Err(failed(format!("no {media_type} but status {status}")));
        }

        Ok(head)
    }
}

fn name(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

fn show_head(control: &ControlData, fields: &FieldSection) {
    let status = control.status().map_or(0, |status| status.code());

    println!("= {status}");

    for field in fields.fields() {
        println!("= {}: {}", latin1(field.name()), latin1(field.value()));
    }

    println!();
}

/// Prints an answer as it arrives: as it is, or the text in it alone. The text
/// stands in whole lines, and a line may come in several pieces.
struct Show {
    text: bool,
    pending: Vec<u8>,
}

impl Show {
    fn new(args: &Args) -> Self {
        Self {
            text: args.has("text"),
            pending: Vec::new(),
        }
    }

    fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut out = io::stdout();

        self.pending.extend_from_slice(piece);

        if !self.text {
            out.write_all(&std::mem::take(&mut self.pending))?;
        } else if let Some(end) = self.pending.iter().rposition(|b| *b == b'\n') {
            let rest = self.pending.split_off(end + 1);
            let lines = std::mem::replace(&mut self.pending, rest);

            write!(out, "{}", chat::text(&String::from_utf8_lossy(&lines)))?;
        }

        out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.piece(b"\n")?;

        if self.text {
            println!();
        }

        Ok(())
    }
}

/// Reads an answer up to its final chunk and shows each piece as it comes.
fn read_stream<S>(args: &Args, mut opener: S) -> Res<()>
where
    S: AsyncRead + Unpin,
{
    let mut message = Message::async_read(&mut opener);
    let header = poll::now(message.header())?;
    let mut piece = vec![0; 16384];

    show_head(header.control(), &header);

    let mut content = message.body()?;
    let mut show = Show::new(args);

    loop {
        match poll::now(content.read(&mut piece))? {
            0 => break,
            got => show.piece(&piece[..got])?,
        }
    }

    poll::now(message.trailer())?;
    show.end()?;

    // What is sealed after the message is padding; the final chunk must come.

    while poll::now(opener.read(&mut piece))? > 0 {}

    Ok(())
}

fn check_end(body: &Body) -> Res<()> {
    match body.is_complete() {
        true => Ok(()),
        false => Err(failed("the answer has no end")),
    }
}
