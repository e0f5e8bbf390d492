//! What a worker can do to the memory itself, of which it has a descriptor.

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

use super::super::atomic::Ordering::Relaxed;
use super::super::{Region, Shape};

fn slots(slots: usize) -> Shape {
    Shape { slots, lanes: false }
}

#[test]
fn nobody_cuts_the_memory_short_makes_it_longer_or_seals_it_further() {
    let (region, memory) = Region::create(slots(4)).unwrap();
    let size = rustix::fs::fstat(&memory).unwrap().st_size as u64;
    for other in [0, size - 1, size + 1] {
        assert_eq!(rustix::fs::ftruncate(&memory, other), Err(Errno::PERM));
    }
    // Sealed against writing it would be of no use to its pool.
    for seal in [SealFlags::WRITE, SealFlags::FUTURE_WRITE] {
        assert_eq!(rustix::fs::fcntl_add_seals(&memory, seal), Err(Errno::PERM));
    }
    // What is thrown away reads as zero afterwards.
    region.slots()[1].length.store(7, Relaxed);
    let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(&memory, flags, 0, size).unwrap();
    assert_eq!(region.slots()[1].length.load(Relaxed), 0);
}

#[test]
fn a_worker_maps_nothing_that_could_be_cut_short_or_is_of_another_size() {
    let (_region, memory) = Region::create(slots(4)).unwrap();
    assert!(Region::open(&memory, slots(4)).is_ok());
    assert_eq!(Region::open(&memory, slots(5)).err(), Some(Errno::INVAL));
    let with_lanes = Shape { slots: 4, lanes: true };
    assert_eq!(Region::open(&memory, with_lanes).err(), Some(Errno::INVAL));
    let size = rustix::fs::fstat(&memory).unwrap().st_size as u64;
    let unsealed = rustix::fs::memfd_create("another", MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::fs::ftruncate(&unsealed, size).unwrap();
    assert_eq!(Region::open(&unsealed, slots(4)).err(), Some(Errno::INVAL));
}
