//! The documented contract, section by section: what is written there compiles and runs, by the
//! names that stand there. (What follows from it in detail is shown by the other tests.)

#[path = "contract/errors.rs"]
mod errors;
#[path = "contract/options.rs"]
mod options;
#[path = "contract/pools.rs"]
mod pools;
#[path = "contract/process_wide.rs"]
mod process_wide;
#[path = "contract/queries.rs"]
mod queries;
#[path = "contract/raw.rs"]
mod raw;
#[path = "contract/services.rs"]
mod services;
#[path = "contract/speaking.rs"]
mod speaking;
#[path = "contract/starting.rs"]
mod starting;
#[path = "contract/streams.rs"]
mod streams;
#[path = "contract/ways_to_call.rs"]
mod ways_to_call;
