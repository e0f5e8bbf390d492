use pm_runtime::worker_query;

#[worker_query]
fn of_a_type<T: Clone>(x: T) {}
//           ^^^^^^^^ a query cannot be generic, because the worker must know the type: write a concrete one, and a query for each that you need

#[worker_query]
fn of_a_number<const N: usize>(x: [u8; N]) {}
//             ^^^^^^^^^^^^^^ a query cannot be generic: take the constant as an argument

#[worker_query]
fn of_a_lifetime<'a>(x: &'a str) {}
//               ^^ a query has no lifetime parameters: leave the lifetime out, as in `&str` and `Cow<'_, str>`

#[worker_query]
fn with_a_clause(x: u8)
where
//<^^^^^ a query cannot be generic: remove the `where` clause
    u8: Copy,
{
}

fn main() {}
