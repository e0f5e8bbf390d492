//! A stream from its opening to its end, as its type has it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::outbox::Outlet;
use super::{Outbox, StreamMessages};
use crate::child::job::Outcome;
use crate::stream::{Batch, Channel, Taken};
use crate::wire::bulk::{Bulk, Parcel};
use crate::wire::codec;
use crate::wire::message::Refusal;

/// Opens a stream, and gives its further life; or says why there is none.
pub(crate) type RunStream = fn(Parcel, Arc<Outlet>) -> Opening;

/// A stream that is being opened.
pub(crate) type Opening = Pin<Box<dyn Future<Output = Result<Life, Outcome>>>>;

/// An open stream. `Err`: an input made no sense.
pub(crate) type Life = Pin<Box<dyn Future<Output = Result<(), Refusal>>>>;

/// After so many inputs in a row the pool sees what came of them, and others have their turn.
const TURN: u32 = 32;

pub(crate) fn run_stream<S: StreamMessages>(mut request: Parcel, outlet: Arc<Outlet>) -> Opening {
    Box::pin(async move {
        let opening = codec::decode_message::<S::Request>(&mut request);
        let opening = opening.map_err(|error| Outcome::Refused(Refusal::Decode(error.note())))?;
        // No other request opens a stream.
        let mut stream = S::into_opening(opening).ok_or(Outcome::Dropped)?;
        let channel = outlet.channel.clone();
        let out = Outbox::new(outlet, |output| {
            let response = S::output(output);
            (codec::encode(&response), S::into_result(response).ok())
        });
        if let Err(error) = stream.open(&out).await {
            let refused = codec::encode_message(&S::failure(error), Bulk::new());
            return Err(match refused {
                Ok(answer) => Outcome::Answer(answer),
                Err(error) => Outcome::Refused(Refusal::Encode(error.note())),
            });
        }
        let life: Life = Box::pin(live(stream, channel, out));
        Ok(life)
    })
}

async fn live<S: StreamMessages>(
    mut stream: S,
    channel: Arc<Channel>,
    out: Outbox<S::Output>,
) -> Result<(), Refusal> {
    let mut batch = Batch::default();
    let mut turn = 0;
    while next(&channel, &mut batch).await {
        while let Some(message) = batch.next() {
            let input = codec::decode::<S::Request>(message)
                .map_err(|error| Refusal::Decode(error.note()))?;
            let Some(input) = S::into_input(input) else { continue };
            if let Err(error) = stream.write(input, &out).await {
                Box::pin(fail::<S>(&channel, &out, error)).await?;
            }
            channel.read(&mut batch);
            turn += 1;
            if turn % TURN == 0 {
                out.show();
                smol::future::yield_now().await;
            }
        }
    }
    match stream.end(&out).await {
        Ok(()) => Ok(()),
        Err(error) => Box::pin(fail::<S>(&channel, &out, error)).await,
    }
}

/// Takes the next inputs. `false`: there are no more.
async fn next(channel: &Arc<Channel>, batch: &mut Batch) -> bool {
    poll_fn(|cx| match channel.poll_take(batch, Some(cx)) {
        Taken::Some => Poll::Ready(true),
        Taken::Later => Poll::Pending,
        Taken::Over(_) => Poll::Ready(false),
    })
    .await
}

/// Tells the reader of an error, after which the stream goes on. It is in a box where it is called:
/// what is rare takes no room in every stream.
async fn fail<S: StreamMessages>(
    channel: &Arc<Channel>,
    out: &Outbox<S::Output>,
    error: S::Error,
) -> Result<(), Refusal> {
    let message = codec::encode(&S::failure(error));
    let mut message = message.map_err(|error| Refusal::Encode(error.note()))?;
    // Where nobody takes outputs, nobody hears of errors.
    let _ = poll_fn(|cx| channel.poll_send(&mut message, Some(cx))).await;
    out.flush();
    Ok(())
}
