//! Flow control of one direction of a stream.
//!
//! The sender counts what the receiver has not told it to be read, and the receiver counts the same:
//! what it has told the sender of is in its [`Grant`]s. Both count messages and bytes, and both keep
//! to the same rule, so that a receiver knows a sender that does not.

use crate::options::Window;

/// What was read, so that as much may be sent again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Grant {
    pub(crate) const LENGTH: usize = 16;

    pub(crate) fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&self.messages.to_le_bytes());
        bytes[8..].copy_from_slice(&self.bytes.to_le_bytes());
        bytes
    }

    /// `None`: these bytes are no grant.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<8>() else { return None };
        let [messages, bytes] = words else { return None };
        Some(Self { messages: u64::from_le_bytes(*messages), bytes: u64::from_le_bytes(*bytes) })
    }

    pub(crate) fn add(&mut self, size: usize) {
        self.messages += 1;
        self.bytes += size as u64;
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The other side does not keep to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Excess;

/// What one side knows of what is on its way: sent and not granted again.
#[derive(Debug, Clone, Copy)]
struct Taken {
    window: Window,
    messages: u64,
    bytes: u64,
}

impl Taken {
    fn new(window: Window) -> Self {
        Self { window, messages: 0, bytes: 0 }
    }

    /// The rule: whether one more message of this size may be sent.
    fn allows(&self, size: usize) -> bool {
        let window = u64::from(self.window.bytes);
        self.messages < u64::from(self.window.messages)
            && (self.bytes + size as u64 <= window || self.bytes * 2 <= window)
    }

    fn add(&mut self, size: usize) {
        self.messages += 1;
        self.bytes += size as u64;
    }

    fn subtract(&mut self, grant: Grant) -> Result<(), Excess> {
        self.messages = self.messages.checked_sub(grant.messages).ok_or(Excess)?;
        self.bytes = self.bytes.checked_sub(grant.bytes).ok_or(Excess)?;
        Ok(())
    }
}

/// The sender's side.
#[derive(Debug)]
pub(crate) struct Credit(Taken);

impl Credit {
    pub(crate) fn new(window: Window) -> Self {
        Self(Taken::new(window))
    }

    /// Whether a message of this size may be sent now.
    pub(crate) fn allows(&self, size: usize) -> bool {
        self.0.allows(size)
    }

    /// A message is sent.
    pub(crate) fn spend(&mut self, size: usize) {
        self.0.add(size);
    }

    /// The receiver has read so much. `Err`: it cannot have.
    pub(crate) fn granted(&mut self, grant: Grant) -> Result<(), Excess> {
        self.0.subtract(grant)
    }
}

/// The receiver's side.
#[derive(Debug)]
pub(crate) struct Intake {
    taken: Taken,
    /// Read, and the sender does not know.
    owed: Grant,
}

impl Intake {
    pub(crate) fn new(window: Window) -> Self {
        Self { taken: Taken::new(window), owed: Grant::default() }
    }

    /// So many bytes of a message have come. `Err`: its sender must not have sent it.
    pub(crate) fn check(&self, size: usize) -> Result<(), Excess> {
        if self.taken.allows(size) { Ok(()) } else { Err(Excess) }
    }

    /// A whole message has come.
    pub(crate) fn received(&mut self, size: usize) {
        self.taken.add(size);
    }

    /// So much was read. `Some`: it is time that the sender knows.
    ///
    /// That is at half of the window: before, the sender has room for whatever it may want to send
    /// if all of the rest is read, too.
    pub(crate) fn consumed(&mut self, read: Grant) -> Option<Grant> {
        self.owed.messages += read.messages;
        self.owed.bytes += read.bytes;
        let window = self.taken.window;
        let due = self.owed.messages * 2 >= u64::from(window.messages)
            || self.owed.bytes * 2 > u64::from(window.bytes);
        if !due || self.owed.is_empty() {
            return None;
        }
        let grant = std::mem::take(&mut self.owed);
        // Nobody has read more than had come.
        let _ = self.taken.subtract(grant);
        Some(grant)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn window(messages: u32, bytes: u32) -> Window {
        Window { messages, bytes }
    }

    #[test]
    fn a_grant_survives_its_way() {
        let grant = Grant { messages: 3, bytes: 1 << 40 };
        assert_eq!(Grant::from_bytes(&grant.to_bytes()), Some(grant));
        assert_eq!(Grant::from_bytes(&[0; 15]), None);
        assert_eq!(Grant::from_bytes(&[0; 24]), None);
    }

    #[test]
    fn nothing_is_granted_that_was_not_sent() {
        let mut credit = Credit::new(window(4, 100));
        credit.spend(10);
        assert_eq!(credit.granted(Grant { messages: 1, bytes: 11 }), Err(Excess));
        let mut credit = Credit::new(window(4, 100));
        credit.spend(10);
        assert_eq!(credit.granted(Grant { messages: 2, bytes: 10 }), Err(Excess));
    }

    #[test]
    fn a_message_of_any_size_may_be_sent_when_half_is_free() {
        let mut credit = Credit::new(window(4, 100));
        credit.spend(50);
        assert!(credit.allows(1 << 30));
        credit.spend(1);
        assert!(credit.allows(49) && !credit.allows(50));
    }

    /// What happens next: the sender sends if it may, the receiver gets what is on its way, reads,
    /// or the sender hears of what was read.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Send(usize),
        Arrive,
        Read,
        Hear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0_usize..300).prop_map(Step::Send),
            3 => Just(Step::Arrive),
            2 => Just(Step::Read),
            1 => Just(Step::Hear),
        ]
    }

    struct World {
        credit: Credit,
        intake: Intake,
        on_way: VecDeque<usize>,
        come: VecDeque<usize>,
        grants: VecDeque<Grant>,
        largest: usize,
    }

    impl World {
        fn new(window: Window) -> Self {
            Self {
                credit: Credit::new(window),
                intake: Intake::new(window),
                on_way: VecDeque::new(),
                come: VecDeque::new(),
                grants: VecDeque::new(),
                largest: 0,
            }
        }

        fn send(&mut self, size: usize) -> bool {
            let may = self.credit.allows(size);
            if may {
                self.credit.spend(size);
                self.on_way.push_back(size);
                self.largest = self.largest.max(size);
            }
            may
        }

        /// `Err`: a sender that keeps to the rule was accused.
        fn arrive(&mut self) -> Result<bool, Excess> {
            let Some(size) = self.on_way.pop_front() else { return Ok(false) };
            self.intake.check(size)?;
            self.intake.received(size);
            self.come.push_back(size);
            Ok(true)
        }

        fn read(&mut self) -> bool {
            let Some(size) = self.come.pop_front() else { return false };
            let mut read = Grant::default();
            read.add(size);
            self.grants.extend(self.intake.consumed(read));
            true
        }

        fn hear(&mut self) -> Result<bool, Excess> {
            let Some(grant) = self.grants.pop_front() else { return Ok(false) };
            self.credit.granted(grant).map(|()| true)
        }
    }

    proptest! {
        /// In whatever order things happen, nobody is accused who keeps to the rule, no more waits
        /// than the window has room for, and when all is read and heard, anything may be sent.
        #[test]
        fn the_window_holds_and_opens_again(
            messages in 1_u32..8,
            bytes in 1_u32..200,
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let mut world = World::new(window(messages, bytes));
            for step in steps {
                match step {
                    Step::Send(size) => { world.send(size); }
                    Step::Arrive => { prop_assert!(world.arrive().is_ok()); }
                    Step::Read => { world.read(); }
                    Step::Hear => { prop_assert!(world.hear().is_ok()); }
                }
                let unread = world.on_way.len() + world.come.len();
                let held: usize = world.on_way.iter().chain(&world.come).sum();
                prop_assert!(unread <= messages as usize);
                let most = (bytes as usize).max(bytes as usize / 2 + world.largest);
                prop_assert!(held <= most, "{held} of {bytes}");
            }
            while world.arrive().unwrap() || world.read() || world.hear().unwrap() {}
            prop_assert!(world.send(1 << 20), "what was read never became room");
        }

        /// Who sends more than it may is found out at the first message that is too much.
        #[test]
        fn a_sender_that_ignores_the_window_is_found_out(
            messages in 1_u32..8,
            bytes in 1_u32..200,
            sizes in proptest::collection::vec(0_usize..300, 1..50),
        ) {
            let mut world = World::new(window(messages, bytes));
            for size in sizes {
                let may = world.send(size);
                if may {
                    prop_assert!(world.arrive().is_ok());
                } else {
                    world.on_way.push_back(size);
                    prop_assert_eq!(world.arrive(), Err(Excess));
                    return Ok(());
                }
            }
        }
    }
}
