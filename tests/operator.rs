//! The operator's socket of a real application.

#[path = "operator/answers.rs"]
mod answers;
#[path = "operator/bounds.rs"]
mod bounds;
#[path = "operator/folder.rs"]
mod folder;
#[path = "operator/idle.rs"]
mod idle;
#[path = "operator/noise.rs"]
mod noise;
#[path = "operator/program.rs"]
mod program;
