//! Each rule catches a breach planted for it, and leaves alone what only looks like one.

use super::tree::{Finding, Tree};
use super::{assertions, calls, circles, documents, exceptions, layers, shape};

/// Runs one rule over a repository of a few files; answers where it found something.
fn found(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    let findings = rule(&Tree::of(files));
    findings.iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_file_without_a_sentence() {
    let files = [
        ("src/a.rs", "fn a() {}\n"),
        ("src/b.rs", "//! Owns b\n\nfn b() {}\n"),
        ("src/c.rs", "//! Owns c,\n//! all of it.\n\nfn c() {}\n"),
    ];
    assert_eq!(found(shape::opening_sentence, &files), ["src/a.rs:1", "src/b.rs:1"]);
}

#[test]
fn a_long_file_but_not_for_its_tests() {
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    // …\n".repeat(95));
    let long = "//! A.\n".repeat(601);
    let just = "//! A.\n".repeat(600) + &tests;
    let short: Vec<_> = (0..20).map(|file| (format!("src/{file}.rs"), "//! A.\n")).collect();
    let mut files = vec![("src/long.rs", long.as_str()), ("src/just.rs", just.as_str())];
    files.extend(short.iter().map(|(path, text)| (path.as_str(), *text)));
    assert_eq!(found(shape::file_lines, &files), ["src/long.rs:0"]);
}

#[test]
fn many_longish_files() {
    let longish = "//! A.\n".repeat(400);
    assert_eq!(found(shape::file_lines, &[("src/a.rs", &longish)]), ["the whole tree:0"]);
}

#[test]
fn a_long_function_whatever_stands_in_its_strings() {
    let long = format!("fn a(f: fn()) -> char {{\n{}    '}}'\n}}\n", "    // }\n".repeat(68));
    let just = format!("fn b() {{\n{}    \"}}\";\n}}\n", "    /* } */\n".repeat(67));
    let files = [("src/a.rs", long.as_str()), ("src/b.rs", just.as_str())];
    assert_eq!(found(shape::function_lines, &files), ["src/a.rs:1"]);
}

#[test]
fn a_long_line_but_not_an_address() {
    let long = "x".repeat(101);
    let address = format!("// https://{long}");
    let just = "µ".repeat(100);
    let files = [("src/a.rs", long.as_str()), ("src/b.rs", &address), ("src/c.rs", &just)];
    assert_eq!(found(shape::line_columns, &files), ["src/a.rs:1"]);
}

#[test]
fn a_test_module_that_swells_its_file() {
    let tests = format!("//! A.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    // …\n".repeat(98));
    assert_eq!(found(shape::test_module_lines, &[("src/a.rs", &tests)]), ["src/a.rs:2"]);
}

#[test]
fn unsafe_code_but_not_the_word() {
    let files = [
        ("tests/a.rs", "fn a() {\n    unsafe { b() }\n}\n"),
        ("src/b.rs", "//! Not unsafe.\n#![deny(unsafe_code)]\nconst A: &str = \"unsafe\";\n"),
    ];
    assert_eq!(found(calls::unsafe_code, &files), ["tests/a.rs:2"]);
}

#[test]
fn code_after_every_kind_of_literal() {
    let literals = r###"/* /* unsafe */ unsafe */ r#"unsafe " unsafe"#; br"\"; b"\"unsafe";
        '"'; '\''; b'\\'; '\u{7f}'; fn a<'a>(b: &'a str) { r#fn(b, "
        // unsafe", c"unsafe") }
        unsafe {}
    "###;
    assert_eq!(found(calls::unsafe_code, &[("src/a.rs", literals)]), ["src/a.rs:4"]);
}

#[test]
fn unfinished_work() {
    let files = [
        ("src/a.rs", "fn a() {\n    todo!()\n}\n"),
        ("src/b.rs", "fn b() {\n    unimplemented!()\n}\n"),
        ("src/c.rs", "fn c() {\n    dbg!(1);\n}\n"),
        ("src/d.rs", "// FIXME: later.\nconst D: &str = \"FIXME\";\n"),
    ];
    let caught = ["src/a.rs:2", "src/b.rs:2", "src/c.rs:2", "src/d.rs:1"];
    assert_eq!(found(calls::unfinished, &files), caught);
}

#[test]
fn a_thread_of_a_stage() {
    let spawn = "fn a() {\n    std::thread::spawn(run);\n}\n";
    let named = "fn a() {\n    Builder::new()\n        .spawn(run);\n}\n";
    let tests = "#[cfg(test)]\nmod tests {\n    fn a() {\n        thread::spawn(b);\n    }\n}\n";
    let files = [
        ("src/write/a.rs", spawn),
        ("journal/src/b.rs", named),
        ("src/threads.rs", spawn),
        ("src/c.rs", tests),
        ("src/d.rs", "#[cfg(test)]\nmod model;\n"),
        ("src/d/model.rs", spawn),
        ("server/src/main.rs", spawn),
        ("tests/e.rs", spawn),
    ];
    assert_eq!(found(calls::confined, &files), ["src/write/a.rs:2", "journal/src/b.rs:3"]);
}

#[test]
fn a_stage_that_asks_the_time() {
    let files = [
        ("src/write/a.rs", "use std::time::Duration;\nfn a() { let _ = Instant::now(); }\n"),
        ("domains/src/b.rs", "fn a() { let _ = std::time::SystemTime::now(); }\n"),
        ("src/clock.rs", "fn a() { let _ = Instant::now(); }\n"),
        ("benches/c.rs", "fn a() { let _ = Instant::now(); }\n"),
    ];
    assert_eq!(found(calls::confined, &files), ["src/write/a.rs:2", "domains/src/b.rs:1"]);
}

#[test]
fn a_stage_that_opens_a_file() {
    let files = [
        ("src/a.rs", "use std::{fs, io};\n"),
        ("src/b.rs", "fn b() { OpenOptions::new(); }\n"),
        ("journal/src/c.rs", "use rustix::fs::fdatasync;\n"),
        ("journal/src/disk/file.rs", "use std::fs::File;\n"),
        ("journal/tests/d.rs", "use std::fs;\n"),
    ];
    assert_eq!(found(calls::confined, &files), ["src/a.rs:1", "src/b.rs:1", "journal/src/c.rs:1"]);
}

#[test]
fn an_exception_that_nothing_needs() {
    let idle = found(calls::stale_exceptions, &[]);
    assert_eq!(idle.len(), exceptions::EXCEPTIONS.len());
}

#[test]
fn an_assertion_that_is_off_in_release() {
    let files = [
        ("journal/src/a.rs", "fn a() {\n    debug_assert_eq!(1, 1);\n}\n"),
        ("src/view.rs", "fn a() {\n    debug_assert!(true);\n}\n"),
    ];
    assert_eq!(found(calls::debug_assertions, &files), ["journal/src/a.rs:2"]);
}

#[test]
fn a_crate_that_looks_up() {
    let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n\n{rest}");
    let journal = manifest("hotledger-journal", "[dependencies]\nhotledger.workspace = true\n");
    let engine = manifest("hotledger", "[dev-dependencies]\nhotledger-domains.workspace = true\n");
    let domains = manifest("hotledger-domains", "[dependencies.hotledger-server]\npath = \"x\"\n");
    let server = manifest("hotledger-server", "[dependencies]\nhotledger = { path = \"..\" }\n");
    let files = [
        ("journal/Cargo.toml", journal.as_str()),
        ("Cargo.toml", engine.as_str()),
        ("domains/Cargo.toml", domains.as_str()),
        ("server/Cargo.toml", server.as_str()),
    ];
    assert_eq!(found(layers::crates, &files), ["domains/Cargo.toml:4", "journal/Cargo.toml:5"]);
}

#[test]
fn a_side_that_imports_the_other() {
    let files = [
        ("src/lib.rs", "mod read;\nmod write;\nmod durable;\npub use write::{Writer, ack::Ack};\n"),
        ("src/read/mod.rs", "use crate::durable::Durable;\n"),
        ("src/read/feed.rs", "use crate::{\n    durable,\n    write::batch::Batch,\n};\n"),
        ("src/read/past.rs", "fn a() { super::super::write::run(); }\n"),
        ("src/read/view.rs", "use crate::Ack;\n"),
        ("src/write/mod.rs", "#[cfg(test)]\nmod tests {\n    use crate::read::Feed;\n}\n"),
        ("src/write/ack.rs", "/// See [`crate::read::Feed`].\nuse super::batch;\n"),
        ("src/write/desk.rs", "\nuse crate::read::Feed;\n"),
        ("src/durable.rs", "use crate::write;\n"),
    ];
    let caught =
        ["src/read/feed.rs:1", "src/read/past.rs:1", "src/read/view.rs:1", "src/write/desk.rs:2"];
    assert_eq!(found(layers::sides, &files), caught);
}

#[test]
fn a_circle_of_modules() {
    let files = [
        ("src/lib.rs", "pub mod a;\nmod b;\nmod c;\npub use a::A;\n"),
        ("src/a.rs", "pub struct A;\nuse crate::b::B;\n"),
        ("src/b/mod.rs", "use super::c::{self, C};\nmod inner;\n"),
        ("src/b/inner.rs", "use super::B;\n"),
        ("src/c.rs", "\nuse crate::A;\n"),
    ];
    assert_eq!(found(circles::circles, &files), ["src/a.rs:2"]);
}

#[test]
fn a_circle_inside_a_module_but_not_with_its_parent() {
    let files = [
        ("journal/src/lib.rs", "mod disk;\nmod segment;\n"),
        ("journal/src/disk/mod.rs", "use self::file::FileDisk;\nuse crate::segment::Segment;\n"),
        ("journal/src/disk/file.rs", "use super::Disk;\nuse super::memory::A;\n"),
        ("journal/src/disk/memory.rs", "use crate::disk::file::B;\n"),
        ("journal/src/segment.rs", "#[cfg(test)]\nuse crate::disk::Disk;\n"),
    ];
    assert_eq!(found(circles::circles, &files), ["journal/src/disk/file.rs:2"]);
}

#[test]
fn a_document_that_names_what_is_gone() {
    let readme = "`src/a.rs` `src/gone.rs` `src/{a,b}.rs:3` `read/` `and/or` `a.rs` `/etc/x.md`\n\
                  [a](journal/FORMAT.md#top) [b](journal/GONE.md) [c](https://example.org/x.md)\n\
                  ```\n`src/gone.rs`\n```\n`bank-data/` `src/*.rs` `src/<name>.rs` \
                  `gone/<name>/`\n";
    let files = [
        ("README.md", readme),
        ("src/a.rs", ""),
        ("src/b.rs", ""),
        ("src/read/mod.rs", ""),
        ("journal/FORMAT.md", "`src/c.rs` [map](../README.md)\n"),
        ("journal/src/c.rs", ""),
    ];
    let caught = ["README.md:1", "README.md:2", "README.md:6"];
    assert_eq!(found(documents::paths, &files), caught);
}

#[test]
fn a_map_that_grew() {
    let long = "x\n".repeat(251);
    assert_eq!(found(documents::map, &[("ARCHITECTURE.md", &long)]), ["ARCHITECTURE.md:0"]);
    assert_eq!(found(documents::map, &[]), ["ARCHITECTURE.md:0"]);
    assert_eq!(found(documents::map, &[("ARCHITECTURE.md", &long[2..])]), NOTHING);
}

#[test]
fn a_test_command_that_ci_does_not_run() {
    let files = [(".ci/run", "cargo test\n"), ("README.md", "Run `cargo test --workspace`.\n")];
    assert_eq!(found(documents::test_command, &files), [".ci/run:0"]);
}

#[test]
fn code_that_states_nothing() {
    let line = "    b.expect(\"assert!\");\n";
    let body = line.repeat(2 * assertions::LINES_PER_ASSERTION_MAX);
    let bare = format!("//! A.\nfn a() {{\n{body}}}\n");
    let firm = bare.replacen("b.expect(\"assert!\");", "assert!(b); assert_eq!(1, 1);", 1)
        + "unreachable!();\n";
    let path = "journal/src/a.rs";
    assert_eq!(found(assertions::density, &[(path, &bare)]), ["journal/src/ and src/recover:0"]);
    assert_eq!(found(assertions::density, &[(path, &firm)]), NOTHING);
    assert_eq!(found(assertions::density, &[("src/view.rs", &bare)]), NOTHING);
}
