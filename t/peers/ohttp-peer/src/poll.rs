// Runs a future whose I/O blocks, on this thread.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Every source and sink here blocks and none wakes anybody, so "pending" can
/// only mean that a reader stopped between two reads: it is asked again.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());

    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
