//! A thread that takes little time to start.
#![allow(unsafe_code, reason = "a thread without what the standard library adds to each")]

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// More than enough for what is no code of the application, and for its share of thread-locals.
const STACK: usize = 256 << 10;

/// Starts a thread that has no name and says nothing where its stack overflows: to prepare for that
/// takes a thread of the standard library longer than everything else, and as much memory.
///
/// A panic in it ends the process.
pub(crate) fn spawn<F: FnOnce() + Send + 'static>(run: F) -> io::Result<()> {
    extern "C" fn enter<F: FnOnce()>(run: *mut c_void) -> *mut c_void {
        // SAFETY: it is the box that was made for this thread, which alone has it.
        let run = unsafe { Box::from_raw(run.cast::<F>()) };
        run();
        null_mut()
    }
    let run = Box::into_raw(Box::new(run));
    // SAFETY: all pointers are valid, the attributes are initialized by the first call, and what
    // the thread gets is `Send`, lives until it ends, and is what it takes it for.
    let error = unsafe {
        let mut attributes = MaybeUninit::uninit();
        libc::pthread_attr_init(attributes.as_mut_ptr());
        libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK);
        let detached = libc::PTHREAD_CREATE_DETACHED;
        libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), detached);
        let mut thread = MaybeUninit::uninit();
        let (thread, attributes) = (thread.as_mut_ptr(), attributes.as_mut_ptr());
        let error = libc::pthread_create(thread, attributes, enter::<F>, run.cast());
        libc::pthread_attr_destroy(attributes);
        error
    };
    if error == 0 {
        return Ok(());
    }
    // SAFETY: there is no thread that could have it.
    drop(unsafe { Box::from_raw(run) });
    Err(io::Error::from_raw_os_error(error))
}
