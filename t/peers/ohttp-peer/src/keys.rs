// Key configurations: the gateway makes one, the client picks a suite of it.

use ohttp::{
    KeyConfig, SymmetricSuite,
    hpke::{Aead, Kdf, Kem},
};

use crate::error::{Res, failed, usage};

const KEY_ID: u8 = 1;

/// Bytes before the list of suites: key id, KEM, X25519 public key, length.
const SUITES: usize = 1 + 2 + 32 + 2;

/// One fresh key for both suites.
pub fn generate() -> Res<KeyConfig> {
    let suites = vec![
        SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm),
        SymmetricSuite::new(Kdf::HkdfSha256, Aead::ChaCha20Poly1305),
    ];

    Ok(KeyConfig::new(KEY_ID, Kem::X25519Sha256, suites)?)
}

pub fn parse_suite(name: &str) -> Res<Aead> {
    match name {
        "aes128gcm" => Ok(Aead::Aes128Gcm),
        "chacha20poly1305" => Ok(Aead::ChaCha20Poly1305),
        _ => Err(usage(format!("unknown suite \"{name}\""))),
    }
}

/// The name of the suite that the head of a sealed message declares.
pub fn suite_name(head: &[u8]) -> &'static str {
    match head.get(..7) {
        Some([_, 0, 0x20, 0, 1, 0, 1]) => "aes128gcm",
        Some([_, 0, 0x20, 0, 1, 0, 3]) => "chacha20poly1305",
        _ => "unknown",
    }
}

/// The library seals with the first suite of a configuration. So the client
/// hands it the first usable configuration of the list with one suite left.
pub fn narrow(list: &[u8], aead: Aead) -> Res<Vec<u8>> {
    let wanted = [&1u16.to_be_bytes()[..], &u16::from(aead).to_be_bytes()].concat();
    let mut rest = list;

    while let [high, low, tail @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((config, next)) = tail.split_at_checked(len) else {
            break;
        };

        rest = next;

        if config.len() < SUITES || config[1..3] != [0, 0x20] {
            continue;
        }

        if config[SUITES..].chunks(4).any(|suite| suite == wanted) {
            return Ok([&config[..SUITES - 2], &[0, 4], &wanted].concat());
        }
    }

    Err(failed("no key configuration of the list has this suite"))
}
