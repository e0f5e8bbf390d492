//! What surrounds a worker: its environment, its folder, its nice value, its output.

#[path = "surroundings/attributes.rs"]
mod attributes;
#[path = "surroundings/env.rs"]
mod env;
#[path = "surroundings/output.rs"]
mod output;
