//! Suites of what holds whatever way a pool's queries and streams travel.

/// Where they travel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Over {
    Memory,
    Sockets,
    Threads,
}

/// A pool whose queries or streams travel there: `pool!(EchoPool over over, workers = 2)`.
#[macro_export]
macro_rules! pool {
    ($pool:ident over $over:expr $(, $option:ident = $value:expr)*) => {{
        let builder = $pool::builder()$(.$option($value))*;
        match $over {
            $crate::Over::Memory => builder.transport(pm_runtime::Transport::Auto).build(),
            $crate::Over::Sockets => builder.transport(pm_runtime::Transport::Socket).build(),
            $crate::Over::Threads => builder.in_process().build(),
        }
    }};
}

/// Tests of each of these claims, async functions of where to travel, in each way.
#[macro_export]
macro_rules! suite {
    ($($claim:ident)*) => {
        $crate::suite!(memory: $crate::Over::Memory, $($claim)*);
        $crate::suite!(sockets: $crate::Over::Sockets, $($claim)*);
        $crate::suite!(threads: $crate::Over::Threads, $($claim)*);
    };
    ($module:ident: $over:expr, $($claim:ident)*) => {
        mod $module {
            $(#[pm_runtime::test]
            async fn $claim() {
                super::$claim($over).await;
            })*
        }
    };
}
