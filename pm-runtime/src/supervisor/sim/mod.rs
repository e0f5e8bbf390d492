//! Random histories of a pool, with fake workers and an oracle that looks on.
//!
//! `PM_SIM_SEED=7 cargo test -p pm-runtime simulation -- --nocapture` replays history 7 aloud.

mod blame;
mod broadcast;
mod bugs;
mod calm;
mod commands;
mod config;
mod crashes;
mod hear;
mod judge;
mod ledger;
mod lies;
mod oracle;
mod outcomes;
mod raw;
mod recount;
mod recycle;
mod rng;
mod scale;
mod spares;
mod steps;
mod submit;
mod worker;
mod world;

use super::{Bug, Stage};
use rng::Rng;
use world::World;

/// What the oracle complained of, and after how many steps.
struct Complaint {
    step: usize,
    text: String,
}

const STEPS: usize = 400;

/// One history; gives back its steps.
fn history(seed: u64, raw: bool, bug: Option<Bug>, loud: bool) -> Result<usize, Complaint> {
    let mut rng = Rng::new(seed);
    let config = config::any(&mut rng, raw);
    let faults = rng.below(4);
    let mut world = World::new(config, bug, rng);
    world.loud = loud;
    world.say(|| format!("{:?}", world.config));
    let mut step = 0;
    let mut outcome = Ok(());
    while step < STEPS && outcome.is_ok() && world.core.stage != Stage::Destroyed {
        step += 1;
        world.say(|| format!("step {step}"));
        outcome = world.step(faults);
    }
    match outcome.and_then(|()| world.end_of_history()) {
        Ok(()) => Ok(step),
        Err(text) => Err(Complaint { step, text }),
    }
}

#[test]
fn the_simulation_finds_no_broken_invariant() {
    let replayed = std::env::var("PM_SIM_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let histories = std::env::var("PM_SIM_HISTORIES").ok().and_then(|n| n.parse().ok());
    let seeds = match replayed {
        Some(seed) => seed..seed + 1,
        None => 0..histories.unwrap_or(1200),
    };
    let mut steps = 0;
    for seed in seeds {
        // Every fourth pool is raw.
        match history(seed, seed % 4 == 3, None, replayed.is_some()) {
            Ok(done) => steps += done,
            Err(Complaint { step, text }) => panic!(
                "history {seed}, step {step}: {text}\n\
                 replay: PM_SIM_SEED={seed} cargo test -p pm-runtime simulation -- --nocapture"
            ),
        }
    }
    println!("{steps} steps");
    assert!(replayed.is_some() || histories.is_some() || steps >= 100_000, "only {steps} steps");
}
