use pm_runtime::worker_query;

#[worker_query(name = Roll)]
//                    ^^^^ `name` is a word in quotes: write `name = "Roll"`
fn without_quotes() {}

#[worker_query(name = "roll dice")]
//                    ^^^^^^^^^^^ `roll dice` cannot begin the name of a type: write one word, such as `name = "Roll"`
fn two_words() {}

#[worker_query(name = "2d")]
//                    ^^^^ `2d` cannot begin the name of a type: write one word, such as `name = "Roll"`
fn digit() {}

#[worker_query]
fn __() {}
// ^^ no name of a type can be made of this one: write `#[worker_query(name = "Roll")]`

fn main() {}
