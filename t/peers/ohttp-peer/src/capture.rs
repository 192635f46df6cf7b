// What the gateway saw, one JSON line per request.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    sync::Mutex,
};

use bhttp::{ControlData, Message};
use serde_json::{Value, json};

use crate::http1::{Body, Framing, Head, hex, latin1};
use crate::keys;

pub struct Capture(Option<Mutex<File>>);

/// A request as far as it came.
pub struct Seen {
    pub line: Value,
}

impl Capture {
    pub fn open(path: Option<&str>) -> io::Result<Self> {
        let file = match path {
            None => None,
            Some(path) => Some(Mutex::new(
                OpenOptions::new().create(true).append(true).open(path)?,
            )),
        };

        Ok(Self(file))
    }

    pub fn write(&self, seen: &Seen) -> io::Result<()> {
        match &self.0 {
            None => Ok(()),
            Some(file) => writeln!(file.lock().unwrap(), "{}", seen.line),
        }
    }
}

impl Seen {
    pub fn head(peer: &str, head: &Head, framing: Framing) -> Self {
        let line = json!({
            "peer": peer,
            "head": latin1(&head.raw),
            "framing": framing.name(),
        });

        Self { line }
    }

    /// `pieces` counts the reads that gave plaintext before the request ended.
    pub fn body(&mut self, body: &Body, pieces: u64) {
        self.line["body_bytes"] = body.bytes.into();
        self.line["body_prefix"] = hex(&body.prefix).into();
        self.line["http_chunks"] = body.chunks.into();
        self.line["complete"] = body.is_complete().into();
        self.line["suite"] = keys::suite_name(&body.prefix).into();
        self.line["pieces"] = pieces.into();
    }

    pub fn request(&mut self, message: &Message) {
        let fields: Vec<_> = message
            .header()
            .fields()
            .iter()
            .map(|field| [latin1(field.name()), latin1(field.value())])
            .collect();

        if let ControlData::Request {
            method,
            scheme,
            authority,
            path,
        } = message.control()
        {
            self.line["request"] = json!({
                "method": latin1(method),
                "scheme": latin1(scheme),
                "authority": latin1(authority),
                "path": latin1(path),
                "fields": fields,
                "content": String::from_utf8_lossy(message.content()),
            });
        }
    }

    pub fn answer(&mut self, words: &[String]) {
        self.line["answer"] = words.concat().into();
    }

    pub fn error(&mut self, text: &str) {
        self.line["error"] = text.into();
    }
}
