//! The options: one table, which serves the parser, the docs and the error texts.

/// One option.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// How it is written.
    pub(crate) example: &'static str,
}

/// What an option's value is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// How many; `None` may stand for no limit, zero may be a mistake.
    Count { none: bool, zero: bool, width: Width },
    /// How many, or a range in which to find that; neither has a zero.
    Workers,
    /// A length of time; `None` stands for no limit, zero may be a mistake.
    Time { zero: bool },
    /// The same in whole seconds; zero is a mistake.
    Seconds,
    /// A number of bytes, and what is too few; `None` may stand for no limit.
    Size { none: bool, least: u64 },
    /// One of some words, each a variant of a type of the runtime crate.
    Choice(&'static Choice),
    /// The path of a program.
    Program,
    /// The path of a folder.
    Folder,
    /// A nice value.
    Nice,
    /// On or off; its name alone is on.
    Switch,
    /// Names and values, in parentheses.
    Variables,
    /// The stem of the generated names.
    Name,
    /// The path of the runtime crate.
    Crate,
    /// What a worker does before it is ready.
    Init,
    /// The type of the workers' messages.
    Message,
}

/// Where an option has a meaning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Subject {
    /// `#[worker_query]`
    Query,
    /// `#[worker_stream]`
    Stream,
    /// `#[worker_raw]`
    Raw,
}

impl Subject {
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Query => "worker_query",
            Self::Stream => "worker_stream",
            Self::Raw => "worker_raw",
        }
    }
}

impl Key {
    /// The same where a range has no meaning.
    pub(crate) fn without_range(&self) -> Self {
        let kind = if self.kind == Kind::Workers { count(false) } else { self.kind };
        Self { name: self.name, kind, example: self.example }
    }

    /// The attributes that take it.
    pub(crate) fn subjects(&self) -> &'static [Subject] {
        match self.name {
            "cancel" | "retries" | "quarantine" => &[Subject::Query],
            "window" | "window_bytes" => &[Subject::Stream, Subject::Raw],
            "timeout" | "queue_timeout" | "concurrency" | "queue" | "queue_bytes"
            | "max_queries" | "idle_timeout" => &[Subject::Query, Subject::Stream],
            _ => &[Subject::Query, Subject::Stream, Subject::Raw],
        }
    }
}

/// The words that an option takes.
#[derive(PartialEq)]
pub(crate) struct Choice {
    /// The type in the runtime crate.
    pub(crate) ty: &'static str,
    /// Each word, and the variant that it stands for.
    pub(crate) words: &'static [(&'static str, &'static str)],
}

const CANCEL: Choice = Choice { ty: "Cancel", words: &[("detach", "Detach"), ("kill", "Kill")] };
const RUNTIME: Choice = Choice { ty: "Runtime", words: &[("smol", "Smol"), ("tokio", "Tokio")] };
const TRANSPORT: Choice =
    Choice { ty: "Transport", words: &[("auto", "Auto"), ("socket", "Socket")] };
const STDIO: Choice = Choice {
    ty: "Stdio",
    words: &[("inherit", "Inherit"), ("null", "Null"), ("capture", "Capture")],
};

/// The type of a count.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Width {
    Usize,
    U32,
}

const fn count(zero: bool) -> Kind {
    Kind::Count { none: false, zero, width: Width::Usize }
}

const fn time(zero: bool) -> Kind {
    Kind::Time { zero }
}

const fn size(least: u64) -> Kind {
    Kind::Size { none: false, least }
}

/// What a worker may have: no less than it needs for itself.
const fn memory() -> Kind {
    Kind::Size { none: true, least: 1 << 20 }
}

const fn key(name: &'static str, kind: Kind, example: &'static str) -> Key {
    Key { name, kind, example }
}

/// Every option, in the order of the docs (`options.md`, which a test compares).
#[rustfmt::skip] // A table reads best as one.
pub(crate) const KEYS: &[Key] = &[
    key("workers", Kind::Workers, "workers = 4"),
    key("timeout", time(false), "timeout = \"30s\""),
    key("queue_timeout", time(true), "queue_timeout = \"5s\""),
    key("boot_timeout", time(false), "boot_timeout = \"10s\""),
    key("grace", time(true), "grace = \"30s\""),
    key("concurrency", count(false), "concurrency = 8"),
    key("queue", count(true), "queue = 1024"),
    key("queue_bytes", size(0), "queue_bytes = \"256MiB\""),
    key("retries", Kind::Count { none: false, zero: true, width: Width::U32 }, "retries = 3"),
    key("quarantine", Kind::Count { none: true, zero: false, width: Width::U32 }, "quarantine = 3"),
    key("max_crashes", Kind::Count { none: true, zero: true, width: Width::U32 }, "max_crashes = 5"),
    key("crash_window", time(false), "crash_window = \"30min\""),
    key("spares", count(true), "spares = 1"),
    key("max_queries", Kind::Count { none: true, zero: false, width: Width::Usize }, "max_queries = 10000"),
    key("max_age", time(false), "max_age = \"1h\""),
    key("max_memory", memory(), "max_memory = \"512MiB\""),
    key("memory_limit", memory(), "memory_limit = \"512MiB\""),
    key("cpu_limit", Kind::Seconds, "cpu_limit = \"10s\""),
    key("idle_timeout", time(false), "idle_timeout = \"1min\""),
    key("cancel", Kind::Choice(&CANCEL), "cancel = \"kill\""),
    key("init", Kind::Init, "init = set_up"),
    key("message", Kind::Message, "message = Progress"),
    key("env", Kind::Variables, "env(SAFARI_MODE = \"calm\")"),
    key("clear_env", Kind::Switch, "clear_env = true"),
    key("cwd", Kind::Folder, "cwd = \"/var/lib/safari\""),
    key("nice", Kind::Nice, "nice = 10"),
    key("stdio", Kind::Choice(&STDIO), "stdio = \"capture\""),
    key("core_dumps", Kind::Switch, "core_dumps = true"),
    key("max_frame", size(1), "max_frame = \"64MiB\""),
    key("window", Kind::Count { none: false, zero: false, width: Width::U32 }, "window = 512"),
    key("window_bytes", size(1), "window_bytes = \"256KiB\""),
    key("program", Kind::Program, "program = \"/usr/bin/worker\""),
    key("transport", Kind::Choice(&TRANSPORT), "transport = \"auto\""),
    key("runtime", Kind::Choice(&RUNTIME), "runtime = \"smol\""),
    key("name", Kind::Name, "name = \"Roll\""),
    key("crate", Kind::Crate, "crate = path::to::pm_runtime"),
];

/// What only the builder can be told: the name, and how it is written there.
pub(crate) const OF_BUILDER: [(&str, &str); 4] = [
    ("label", "label(..)"),
    ("in_process", "in_process()"),
    ("force", "force()"),
    ("faults", "faults(..)"),
];

/// The same of raw pools alone.
pub(crate) const OF_RAW_BUILDER: [(&str, &str); 2] =
    [("listener", "listener(..)"), ("reuse_port", "reuse_port(..)")];

/// What other libraries call an option.
pub(crate) fn known_elsewhere(name: &str, subject: Subject) -> Option<&'static str> {
    match name {
        "max_workers" | "min_workers" if subject != Subject::Raw => Some("workers = 1..=4"),
        "max_workers" | "min_workers" | "num_workers" | "processes" | "threads" => Some("workers"),
        _ => None,
    }
}
