//! The figures of an engine as a whole: replay, catch-up, views, and what stays flat as it grows.
//!
//! `cargo bench --bench figures` measures all of them, `cargo bench --bench figures -- views flat`
//! those two; as a test each runs tiny. Sizes can be set: `HOTLEDGER_EVENTS` of a history,
//! `HOTLEDGER_ROWS` of a table; `HOTLEDGER_COMMANDS_MAX`, `HOTLEDGER_AGGREGATES_MAX` and
//! `HOTLEDGER_VERSION_MAX` of what stays flat, `HOTLEDGER_SLICE` of what is timed there at once;
//! `HOTLEDGER_REPETITIONS`.

#[path = "figures/catch_up.rs"]
mod catch_up;
#[path = "figures/flat.rs"]
mod flat;
#[path = "figures/replay.rs"]
mod replay;
#[path = "figures/restart.rs"]
mod restart;
#[path = "stand/mod.rs"]
mod stand;
#[path = "figures/views.rs"]
mod views;

/// By the name they are asked for.
const FIGURES: &[(&str, fn())] = &[
    ("replay", replay::replay),
    ("restart", restart::restart),
    ("catch-up", catch_up::catch_up),
    ("views", views::views),
    ("rows", views::rows),
    ("flat", flat::flat),
];

fn main() {
    let wanted = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let wanted: Vec<_> = wanted.collect();
    for (name, figure) in FIGURES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("\n{name}");
            figure();
        }
    }
}
