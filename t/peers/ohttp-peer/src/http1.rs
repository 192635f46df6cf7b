// HTTP/1.1 on a connection: heads, bodies read as they arrive, chunks.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
};

use crate::{
    error::{Res, failed},
    tls::Stream,
};

const MAX_HEAD: usize = 65536;
const MAX_LINE: u64 = 4096;

/// How many body bytes a body remembers.
const PREFIX: usize = 64;

pub struct Conn(BufReader<Box<dyn Stream>>);

pub struct Head {
    pub raw: Vec<u8>,
    pub first: String,
    pub fields: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// A body that is read as it arrives. It ends where its framing says; a
/// connection that ends earlier is an error.
pub struct Body<'a> {
    conn: &'a mut Conn,
    framing: Framing,
    left: u64,
    done: bool,
    pub bytes: u64,
    pub chunks: u64,
    pub prefix: Vec<u8>,
    pub copy: Option<File>,
}

impl Conn {
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self(BufReader::new(stream))
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.0.get_mut();

        stream.write_all(bytes)?;
        stream.flush()
    }

    /// One HTTP chunk in one write. The empty chunk would end the body.
    pub fn write_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }

        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();

        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk)
    }

    pub fn end_chunks(&mut self) -> io::Result<()> {
        self.write(b"0\r\n\r\n")
    }

    /// The next head; `None` when the peer closed between two messages.
    pub fn read_head(&mut self) -> Res<Option<Head>> {
        let mut raw = Vec::new();

        while !raw.ends_with(b"\r\n\r\n") {
            let room = (MAX_HEAD - raw.len()) as u64;

            if Read::take(&mut self.0, room).read_until(b'\n', &mut raw)? == 0 {
                return match raw.len() {
                    0 => Ok(None),
                    MAX_HEAD => Err(failed("HTTP head too large")),
                    _ => Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                };
            }
        }

        Head::parse(raw).map(Some)
    }

    pub fn body(&mut self, framing: Framing) -> Body<'_> {
        let left = match framing {
            Framing::Length(n) => n,
            _ => 0,
        };

        Body {
            conn: self,
            framing,
            left,
            done: framing == Framing::Length(0),
            bytes: 0,
            chunks: 0,
            prefix: Vec::new(),
            copy: None,
        }
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();

        Read::take(&mut self.0, MAX_LINE).read_until(b'\n', &mut line)?;

        if !line.ends_with(b"\n") {
            return Err(ErrorKind::UnexpectedEof.into());
        }

        Ok(latin1(&line).trim_end().to_string())
    }
}

impl Head {
    fn parse(raw: Vec<u8>) -> Res<Self> {
        let text = latin1(&raw);
        let mut lines = text.trim_end().split("\r\n");
        let first = lines.next().unwrap_or_default().to_string();
        let mut fields = Vec::new();

        for line in lines {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| failed("HTTP header line without a colon"))?;

            fields.push((name.to_string(), value.trim().to_string()));
        }

        Ok(Self { raw, first, fields })
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name)
            .is_some_and(|v| v.eq_ignore_ascii_case(value))
    }

    /// `none` is the framing of a message that declares none.
    pub fn framing(&self, none: Framing) -> Res<Framing> {
        if self.is("Transfer-Encoding", "chunked") {
            return Ok(Framing::Chunked);
        }

        match self.get("Content-Length") {
            None => Ok(none),
            Some(v) => match v.parse() {
                Ok(n) => Ok(Framing::Length(n)),
                Err(_) => Err(failed("Content-Length is not a number")),
            },
        }
    }
}

impl Framing {
    pub fn name(self) -> &'static str {
        match self {
            Framing::Length(_) => "length",
            Framing::Chunked => "chunked",
            Framing::UntilClose => "close",
        }
    }
}

impl Body<'_> {
    pub fn is_complete(&self) -> bool {
        self.done
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let line = self.conn.read_line()?;
        let size = line.split(';').next().unwrap_or_default().trim();

        self.left = u64::from_str_radix(size, 16)
            .map_err(|_| io::Error::new(ErrorKind::InvalidData, "HTTP chunk without a size"))?;

        if self.left > 0 {
            self.chunks += 1;
            return Ok(());
        }

        while !self.conn.read_line()?.is_empty() {}

        self.done = true;
        Ok(())
    }

    fn remember(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = PREFIX - self.prefix.len();

        self.prefix
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.bytes += bytes.len() as u64;

        match &mut self.copy {
            Some(file) => file.write_all(bytes),
            None => Ok(()),
        }
    }

    fn after_read(&mut self, got: usize) -> io::Result<()> {
        if self.framing == Framing::UntilClose {
            self.done = got == 0;
            return Ok(());
        }

        if got == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }

        self.left -= got as u64;

        if self.left == 0 {
            match self.framing {
                Framing::Chunked => drop(self.conn.read_line()?),
                _ => self.done = true,
            }
        }

        Ok(())
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.framing == Framing::Chunked && self.left == 0 && !self.done {
            self.next_chunk()?;
        }

        if self.done || buf.is_empty() {
            return Ok(0);
        }

        let room = match self.framing {
            Framing::UntilClose => buf.len(),
            _ => buf
                .len()
                .min(usize::try_from(self.left).unwrap_or(usize::MAX)),
        };

        let got = self.conn.0.read(&mut buf[..room])?;

        self.remember(&buf[..got])?;
        self.after_read(got)?;

        Ok(got)
    }
}

/// Bytes as text, one character for each byte: nothing is lost.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
