// Sealing in pieces: what the streaming sealers of the library write is
// collected until whoever writes HTTP takes it, so one piece is one HTTP chunk.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures::io::{AsyncWrite, AsyncWriteExt};

use crate::{error::Res, poll};

#[derive(Clone, Default)]
pub struct Pipe(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Seals one piece, or the empty final one, and returns its bytes.
pub fn next<S>(sealer: &mut S, pipe: &Pipe, plain: Option<&[u8]>) -> Res<Vec<u8>>
where
    S: AsyncWrite + Unpin,
{
    match plain {
        Some(plain) => {
            poll::now(sealer.write_all(plain))?;
            poll::now(sealer.flush())?;
        }
        None => poll::now(sealer.close())?,
    }

    Ok(std::mem::take(&mut *pipe.0.lock().unwrap()))
}
