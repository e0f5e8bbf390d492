#[pm_runtime::main(workers = 3)]
//                 ^^^^^^^ `workers` is an option of `#[worker_query]`, `#[worker_stream]` and `#[worker_raw]`: `#[pm_runtime::main]` takes only `crate`
async unsafe fn main<T>()
//    ^^^^^^ `main` is called by code that promises nothing: remove `unsafe`
//                  ^^^ `main` cannot be generic: remove the parameters
where
//<^^^^^ `main` cannot be generic: remove the `where` clause
    T: Copy,
{
}
