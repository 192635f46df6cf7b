// A connection: TCP, with or without TLS.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use openssl::ssl::{SslAcceptor, SslConnector, SslFiletype, SslMethod, SslVerifyMode};

use crate::error::{Res, failed};

pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

pub enum Trust<'a> {
    System,
    File(&'a str),
    Nobody,
}

pub fn acceptor(cert: &str, key: &str) -> Res<SslAcceptor> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;

    builder.set_private_key_file(key, SslFiletype::PEM)?;
    builder.set_certificate_chain_file(cert)?;
    builder.check_private_key()?;

    Ok(builder.build())
}

pub fn accept(acceptor: Option<&SslAcceptor>, tcp: TcpStream) -> Res<Box<dyn Stream>> {
    match acceptor {
        None => Ok(Box::new(tcp)),
        Some(acceptor) => match acceptor.accept(tcp) {
            Ok(stream) => Ok(Box::new(stream)),
            Err(e) => Err(failed(format!("TLS handshake: {e}"))),
        },
    }
}

pub fn connect(host: &str, trust: &Trust, tcp: TcpStream) -> Res<Box<dyn Stream>> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;

    match trust {
        Trust::System => {}
        Trust::File(file) => builder.set_ca_file(file)?,
        Trust::Nobody => builder.set_verify(SslVerifyMode::NONE),
    }

    match builder.build().connect(host, tcp) {
        Ok(stream) => Ok(Box::new(stream)),
        Err(e) => Err(failed(format!("TLS handshake: {e}"))),
    }
}
