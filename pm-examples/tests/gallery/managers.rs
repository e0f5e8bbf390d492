//! The three kinds of managers.

use crate::prints;

#[test]
fn a_calculation_is_called_like_a_function() {
    prints(
        env!("CARGO_BIN_EXE_calculator"),
        "\
of 1 to 5, 3 takes the most steps: 7
of its half, 35655 takes the most steps: 323
of its half, 77031 takes the most steps: 350
",
    );
}

#[test]
fn encounters_come_one_at_a_time_and_many_at_once() {
    prints(
        env!("CARGO_BIN_EXE_encounter_calculator"),
        "\
found Chansey (level 25, Rare)!
then Nidoran (level 26, Common)
then Nidoran (level 30, Common)
then Nidoran (level 30, Common)
then Nidoran (level 29, Common)
",
    );
}

#[test]
fn a_failed_encounter_has_a_fallback() {
    prints(
        env!("CARGO_BIN_EXE_safari_zone"),
        "\
Nidoran (level 31, Common)
Goldeen (level 31, Uncommon)
Dratini (level 27, Rare)
encounter calculation failed: there is no zone glitch
Rattata (level 2, Common)
special: Dratini (level 102, Rare)
4 encounters, mean level 22.75
",
    );
}

#[test]
fn workers_come_and_go_as_they_are_told() {
    prints(
        env!("CARGO_BIN_EXE_process_management"),
        "\
new: 0 workers, 0 pending queries
spawn(2): 2 workers, 0 pending queries
spawn_one(): 3 workers, 0 pending queries
current load: 0 pending queries
the worker asked for has answered: true
unspawn_one(): 2 workers, 0 pending queries
respawn_to(4): 4 workers, 0 pending queries
any of the old ones left: false
resize(1): 1 workers, 0 pending queries
unspawn(): 0 workers, 0 pending queries
destroy(): the pool was destroyed
",
    );
}

#[test]
fn a_battle_log_is_processed_while_it_is_written() {
    prints(
        env!("CARGO_BIN_EXE_battle_log_processor"),
        "\
1: Pikachu came out
2: Pikachu used Thunderbolt
3: Charizard took the place of Pikachu
",
    );
}

#[test]
fn live_events_reach_every_stream() {
    prints(
        env!("CARGO_BIN_EXE_live_safari_event_processor"),
        "\
Red met Chansey in safari-forest
Red threw a Safari Ball at Chansey
event processing error: there is nothing to catch
Red is in safari-cave
Leaf met Chansey in safari-lake
Leaf threw a Safari Ball at Chansey
event processing error: there is nothing to catch
Leaf is in safari-cave
",
    );
}

#[test]
fn a_simulator_runs_commands_where_there_is_the_least_to_do() {
    prints(
        env!("CARGO_BIN_EXE_safari_simulator"),
        "\
worker 1: SIMULATION_RESULT safari-forest 305
worker 1: BATCH_RESULT Nidoran,Chansey,Tauros,Nidoran
worker 1: PATTERN_ANALYSIS 30
worker 1: ERROR unknown command: FEED_PIKACHU
worker 3: BATCH_RESULT Nidoran
loads: [2, 1, 0, 0]
",
    );
}

#[test]
fn workers_accept_on_one_socket_or_speak_over_their_links() {
    prints(
        env!("CARGO_BIN_EXE_cluster"),
        "\
connected: a cluster worker
connected: a cluster worker
after a respawn: a cluster worker
asked: a separate worker
",
    );
}
