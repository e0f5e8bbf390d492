//! Commands of the system: what they get, what they give, how they end, and what is left of them.

#[path = "exec/ending.rs"]
mod ending;
#[path = "exec/errors.rs"]
mod errors;
#[path = "exec/executors.rs"]
mod executors;
#[path = "exec/left.rs"]
mod left;
#[path = "exec/limits.rs"]
mod limits;
#[path = "exec/surroundings.rs"]
mod surroundings;
