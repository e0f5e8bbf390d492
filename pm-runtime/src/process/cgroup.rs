//! The control group of this process, which workers share: whether the system has killed processes in
//! it because memory had run out.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use crate::sync::lock;

/// How many processes of its control group the system has killed for want of memory by now; `None`
/// where that cannot be known: there is no control group of version 2, or no way to read of it.
pub(crate) fn oom_kills() -> Option<u64> {
    ours()?.count()
}

/// Whether a process that was killed, and that was started when there had been so many such kills,
/// was one of them. Each is the death of one process at most.
pub(crate) fn was_oom_kill(before: Option<u64>) -> bool {
    before.zip(ours()).is_some_and(|(before, events)| events.explain(before))
}

fn ours() -> Option<&'static Events> {
    /// Tests say what the system would.
    const FILE: &str = "PM_RUNTIME_MEMORY_EVENTS";
    static OURS: OnceLock<Option<Events>> = OnceLock::new();
    let find = || {
        let path = match std::env::var_os(FILE) {
            Some(path) => PathBuf::from(path),
            None => path_of(&std::fs::read_to_string("/proc/self/cgroup").ok()?)?,
        };
        path.exists().then(|| Events::new(path))
    };
    OURS.get_or_init(find).as_ref()
}

/// Where the kernel tells of memory events in the control group of this process.
fn path_of(cgroups: &str) -> Option<PathBuf> {
    // Version 2 has one hierarchy, number 0, without a list of controllers.
    let group = cgroups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new("/sys/fs/cgroup").join(group).join("memory.events"))
}

struct Events {
    path: PathBuf,
    /// Up to which kill deaths were explained by them.
    explained: Mutex<u64>,
}

impl Events {
    fn new(path: PathBuf) -> Self {
        Self { path, explained: Mutex::new(0) }
    }

    fn count(&self) -> Option<u64> {
        let events = std::fs::read_to_string(&self.path).ok()?;
        events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
    }

    fn explain(&self, before: u64) -> bool {
        let Some(now) = self.count() else { return false };
        let mut explained = lock(&self.explained);
        let known = before.max(*explained);
        let one = now > known;
        if one {
            *explained = known + 1;
        }
        one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_version_2_is_found_among_the_others() {
        let path = |cgroups| path_of(cgroups).map(|path| path.display().to_string());
        let of_service = Some("/sys/fs/cgroup/system.slice/a b.service/memory.events".into());
        assert_eq!(path("0::/system.slice/a b.service\n"), of_service);
        assert_eq!(
            path("9:memory:/old\n0::/new\n"),
            Some("/sys/fs/cgroup/new/memory.events".into())
        );
        // That of the root does not exist.
        assert_eq!(path("0::/\n"), Some("/sys/fs/cgroup/memory.events".into()));
        assert_eq!(path("9:memory:/old\n"), None);
        assert_eq!(path(""), None);
    }

    #[test]
    fn kills_are_counted_where_the_system_tells_of_them() {
        let path = std::env::temp_dir().join(format!("pm-memory-events-{}", std::process::id()));
        let events = Events::new(path.clone());
        assert_eq!((events.count(), events.explain(0)), (None, false), "there is no such file");
        let write = |kills: &str| {
            // As the kernel writes it.
            let text =
                format!("low 0\nhigh 31\nmax 7\noom 3\noom_kill {kills}\noom_group_kill 9\n");
            std::fs::write(&path, text).unwrap();
        };
        write("2");
        assert_eq!((events.count(), events.explain(2)), (Some(2), false));
        write("4");
        // Two of those that are dead, and no third, whenever they were started.
        assert!(events.explain(2) && events.explain(3) && !events.explain(2));
        write("5");
        assert!(!events.explain(5), "it was started after that");
        assert!(events.explain(2));
        for what in ["", "-1", "some", "99999999999999999999"] {
            write(what);
            assert_eq!((events.count(), events.explain(0)), (None, false), "{what}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
