use pm_runtime::worker_query;

#[worker_query]
fn sort(numbers: &mut Vec<u32>) {
//               ^^^^^^^^^^^^^ the worker gets a copy, so nothing would come back through `&mut`: take `Vec<u32>` and return the new value
    numbers.sort()
}

#[worker_query]
fn sort_slice(numbers: &mut [u32]) {
//                     ^^^^^^^^^^ the worker gets a copy, so nothing would come back through `&mut`: take `Vec<u32>` and return the new value
    numbers.sort()
}

#[worker_query]
fn within(text: Option<&mut str>) {}
//                     ^^^^^^^^ the worker gets a copy, so nothing would come back through `&mut`: take `String` and return the new value

fn main() {}
