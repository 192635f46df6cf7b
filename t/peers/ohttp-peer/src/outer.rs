// The outer connection of the client: to the relay.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use crate::{
    error::{Res, failed, usage},
    http1::Conn,
    tls::{self, Trust},
};

pub struct Url {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    pub authority: String,
    pub path: String,
}

impl Url {
    pub fn parse(url: &str) -> Res<Self> {
        let (tls, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(usage("--relay is an http:// or https:// URL")),
        };

        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);

        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (
                host,
                port.parse()
                    .map_err(|_| usage("the port of --relay is not a number"))?,
            ),
            _ => (authority, if tls { 443 } else { 80 }),
        };

        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_string(),
            port,
            authority: authority.to_string(),
            path: if path.is_empty() { "/" } else { path }.to_string(),
        })
    }

    /// A connection, and the address of its local end.
    pub fn connect(
        &self,
        bind: Option<&str>,
        trust: &Trust,
        timeout: Duration,
    ) -> Res<(Conn, SocketAddr)> {
        let address = (self.host.as_str(), self.port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| failed("the relay has no address"))?;

        let tcp = dial(address, bind, timeout)?;
        let local = tcp.local_addr()?;

        let conn = match self.tls {
            true => Conn::new(tls::connect(&self.host, trust, tcp)?),
            false => Conn::new(Box::new(tcp)),
        };

        Ok((conn, local))
    }
}

fn dial(address: SocketAddr, bind: Option<&str>, timeout: Duration) -> Res<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;

    if let Some(bind) = bind {
        let local: IpAddr = bind
            .parse()
            .map_err(|_| usage("--bind is not an address"))?;

        socket.bind(&SocketAddr::new(local, 0).into())?;
    }

    socket
        .connect_timeout(&address.into(), timeout)
        .map_err(|e| io::Error::new(e.kind(), format!("{address}: {e}")))?;
    socket.set_read_timeout(Some(timeout))?;
    socket.set_write_timeout(Some(timeout))?;
    socket.set_tcp_nodelay(true)?;

    Ok(socket.into())
}
