// The client's side of the chunked form for ChaCha20-Poly1305.
//
// The streaming reader of ohttp (0.7.2 as 0.8.0) keeps the response nonce in
// 16 bytes and panics for a suite whose nonce has 32. So this suite is sealed
// and opened here, over the same HPKE, HKDF and AEAD crates that ohttp uses.
// The gateway is the library's for both suites, which checks what is here.

use std::io::{self, ErrorKind, Read};

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use hpke::{
    Deserializable, OpModeS, Serializable,
    aead::{AeadCtxS, ChaCha20Poly1305 as Suite},
    kdf::HkdfSha256,
    kem::{Kem, X25519HkdfSha256 as X25519},
    setup_sender,
};
use sha2::Sha256;

use crate::error::{Res, failed};

const INFO: &[u8] = b"message/bhttp chunked request";
const LABEL: &[u8] = b"message/bhttp chunked response";
const FINAL: &[u8] = b"final";

const KEY: usize = 32;
const NONCE: usize = 12;
const TAG: usize = 16;
const MAX_PIECE: usize = 16384;

pub struct Sealer {
    context: AeadCtxS<Suite, HkdfSha256, X25519>,
    enc: Vec<u8>,
    head: Vec<u8>,
}

impl Sealer {
    /// `config` is one key configuration with this suite alone.
    pub fn new(config: &[u8]) -> Res<Self> {
        let [id, kem @ ..] = config else {
            return Err(failed("empty key configuration"));
        };

        let (kem, rest) = kem.split_at(2);
        let (key, suites) = rest.split_at(32);
        let head = [&[*id], kem, &suites[2..6]].concat();

        let key = <X25519 as Kem>::PublicKey::from_bytes(key).map_err(hpke_failed)?;
        let info = [INFO, &[0], &head].concat();
        let mut rng = rand::rng();

        let (enc, context) = setup_sender::<_, _, X25519, _>(&OpModeS::Base, &key, &info, &mut rng)
            .map_err(hpke_failed)?;
        let enc = enc.to_bytes().to_vec();

        Ok(Self {
            context,
            head: [&head[..], &enc].concat(),
            enc,
        })
    }

    /// Seals one piece, or the empty final one, and returns its bytes.
    pub fn next(&mut self, plain: Option<&[u8]>) -> Res<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.head);

        let Some(plain) = plain else {
            write_length(0, &mut bytes);
            bytes.extend(self.context.seal(b"", FINAL).map_err(hpke_failed)?);

            return Ok(bytes);
        };

        for part in plain.chunks(MAX_PIECE) {
            let sealed = self.context.seal(part, b"").map_err(hpke_failed)?;

            write_length(sealed.len(), &mut bytes);
            bytes.extend(sealed);
        }

        Ok(bytes)
    }

    pub fn opener<R: Read>(&self, source: R) -> Res<Opener<R>> {
        let mut secret = [0; KEY];

        self.context
            .export(LABEL, &mut secret)
            .map_err(hpke_failed)?;

        Ok(Opener {
            source,
            secret,
            enc: self.enc.clone(),
            keys: None,
            plain: Vec::new(),
            sequence: 0,
            done: false,
        })
    }
}

fn hpke_failed(e: hpke::HpkeError) -> crate::error::Error {
    failed(format!("HPKE: {e}"))
}

/// A length is a variable-length integer, as in QUIC.
fn write_length(len: usize, out: &mut Vec<u8>) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend((len as u16 | 0x4000).to_be_bytes()),
        _ => out.extend((len as u32 | 0x8000_0000).to_be_bytes()),
    }
}

/// Reads a sealed answer; the end of file is the end of its final chunk.
pub struct Opener<R> {
    source: R,
    secret: [u8; KEY],
    enc: Vec<u8>,
    keys: Option<(ChaCha20Poly1305, [u8; NONCE])>,
    plain: Vec<u8>,
    sequence: u64,
    done: bool,
}

impl<R: Read> Opener<R> {
    fn read_keys(&mut self) -> io::Result<()> {
        let mut nonce = [0; KEY];

        self.source.read_exact(&mut nonce)?;

        let salt = [&self.enc[..], &nonce].concat();
        let (_, prk) = Hkdf::<Sha256>::extract(Some(&salt), &self.secret);
        let mut key = [0; KEY];
        let mut base = [0; NONCE];

        prk.expand(b"key", &mut key)
            .and_then(|()| prk.expand(b"nonce", &mut base))
            .map_err(|_| io::Error::other("HKDF refuses the length"))?;

        self.keys = Some((ChaCha20Poly1305::new(&key.into()), base));
        Ok(())
    }

    fn read_length(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 8];

        self.source.read_exact(&mut bytes[..1])?;

        let more = (1 << (bytes[0] >> 6)) - 1;

        bytes[0] &= 0x3f;
        self.source.read_exact(&mut bytes[1..=more])?;

        let len = u64::from_be_bytes(bytes) >> (8 * (7 - more));

        match usize::try_from(len) {
            Ok(len) if len <= MAX_PIECE + TAG => Ok(len),
            _ => Err(io::Error::new(ErrorKind::InvalidData, "chunk too large")),
        }
    }

    fn open(&mut self, sealed: &[u8], aad: &[u8]) -> io::Result<Vec<u8>> {
        let Some((cipher, base)) = &self.keys else {
            return Err(io::Error::other("the answer has no nonce"));
        };

        let mut nonce = *base;

        for (n, s) in nonce[NONCE - 8..]
            .iter_mut()
            .zip(self.sequence.to_be_bytes())
        {
            *n ^= s;
        }

        self.sequence += 1;

        cipher
            .decrypt(&nonce.into(), Payload { msg: sealed, aad })
            .map_err(|_| io::Error::other("the answer does not open"))
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if self.keys.is_none() {
            self.read_keys()?;
        }

        let len = self.read_length()?;
        let mut sealed = vec![0; len];

        if len > 0 {
            self.source.read_exact(&mut sealed)?;
            self.plain = self.open(&sealed, b"")?;
            return Ok(());
        }

        let limit = (MAX_PIECE + TAG) as u64;

        self.source.by_ref().take(limit).read_to_end(&mut sealed)?;
        self.plain = self.open(&sealed, FINAL)?;
        self.done = true;

        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.plain.is_empty() && !self.done {
            self.next_chunk()?;
        }

        let got = buf.len().min(self.plain.len());

        buf[..got].copy_from_slice(&self.plain[..got]);
        self.plain.drain(..got);

        Ok(got)
    }
}
