use pm_runtime::worker_query;

#[derive(Default)]
struct Dex;

#[worker_query]
impl Dex {
    pub fn new(&self) {}
//         ^^^ `new` is what every pool has itself: rename the method, or take its `self` away

    pub fn builder(&self) {}
//         ^^^^^^^ `builder` is what every pool has itself: rename the method, or take its `self` away

    pub fn shared(&self) {}
//         ^^^^^^ `shared` is what every pool has itself: rename the method, or take its `self` away

    pub fn in_process(&self) {}
//         ^^^^^^^^^^ `in_process` is what every pool has itself: rename the method, or take its `self` away

    pub fn clone(&self) {}
//         ^^^^^ `clone` is what every pool has itself: rename the method, or take its `self` away
}

fn main() {}
