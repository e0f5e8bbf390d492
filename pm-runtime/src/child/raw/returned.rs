use std::convert::Infallible;
use std::fmt::Display;

use crate::error::cut;

/// How the function of a raw worker ended: with nothing, or with an error.
#[derive(Debug)]
pub struct Return(pub(super) Result<(), Box<str>>);

/// What the function of a raw worker may return: nothing, or a `Result` whose error can be shown.
#[diagnostic::on_unimplemented(
    message = "a `#[worker_raw]` function returns `()` or `Result<(), E>` whose `E` is `Display`",
    label = "this is neither"
)]
pub trait RawReturn {
    #[doc(hidden)]
    fn into_return(self) -> Return;
}

impl RawReturn for () {
    fn into_return(self) -> Return {
        Return(Ok(()))
    }
}

impl<E: Display> RawReturn for Result<(), E> {
    fn into_return(self) -> Return {
        // Errors that know their sources tell of them in this form.
        Return(self.map_err(|error| cut(&format!("{error:#}")).into()))
    }
}

/// Of a function that ends with an error only.
impl<E: Display> RawReturn for Result<Infallible, E> {
    fn into_return(self) -> Return {
        let Err(error) = self;
        Err::<(), E>(error).into_return()
    }
}
