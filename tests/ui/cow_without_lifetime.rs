use pm_runtime::worker_query;
use std::borrow::Cow;

#[worker_query]
fn argument(text: Cow<str>) {}
//                ^^^^^^^^ a message has to know this lifetime: write `Cow<'_, ..>`

#[worker_query]
fn answer() -> Cow<str> {
//             ^^^^^^^^ a message has to know this lifetime: write `Cow<'static, ..>`
//                ^ missing lifetime specifier
    "x".into()
}

fn main() {}
