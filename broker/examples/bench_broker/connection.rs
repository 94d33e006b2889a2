//! A plain HTTP/1.1 connection: requests as bytes, answers with a length.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::Fallible;

pub(crate) struct Connection(BufReader<TcpStream>);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) nonce: Option<String>,
    pub(crate) body: String,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Fallible<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(128 << 10, stream)))
    }

    pub(crate) fn exchange(&mut self, request: &[u8]) -> Fallible<Answer> {
        self.0.get_mut().write_all(request)?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
        let (mut length, mut nonce) = (0, None);
        loop {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err("the connection was closed".into());
            }
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse()?,
                Some((name, value)) if name.eq_ignore_ascii_case("dpop-nonce") => nonce = Some(value.trim().to_owned()),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, nonce, body: String::from_utf8(body)? })
    }

    /// A nonce as every client gets its first one: by a refusal.
    pub(crate) fn nonce(&mut self) -> Fallible<String> {
        let asked = format!("POST {} HTTP/1.1\r\nhost: bench\r\ncontent-length: 0\r\n\r\n", crate::client::ROUTE);
        Ok(self.exchange(asked.as_bytes())?.nonce.ok_or("the broker gave no nonce")?)
    }
}
