//! The rules of the house, each a test whose failure says what to do.
//!
//! `cargo test --test tidy -- --nocapture` also prints the measured figures. What a rule excuses
//! stands with its reason in `tidy/exceptions.rs`; that each rule catches what it is for is shown
//! in `tidy/planted.rs`.

#[path = "tidy/lexer.rs"]
mod lexer;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tree.rs"]
mod tree;

#[path = "tidy/assertions.rs"]
mod assertions;
#[path = "tidy/calls.rs"]
mod calls;
#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/exceptions.rs"]
mod exceptions;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/shape.rs"]
mod shape;

#[path = "tidy/planted.rs"]
mod planted;

use tree::{Finding, Tree};

/// Runs one rule over the repository and fails with everything it found.
#[track_caller]
fn hold(rule: fn(&Tree) -> Vec<Finding>) {
    let findings = rule(Tree::here());
    let told: Vec<_> = findings.iter().map(|finding| format!("  {finding}")).collect();
    assert!(told.is_empty(), "{} to mend:\n{}", told.len(), told.join("\n"));
}

#[test]
fn every_file_opens_with_a_sentence() {
    hold(shape::opening_sentence);
}

#[test]
fn files_are_short() {
    println!("{}", shape::figures(Tree::here()));
    hold(shape::file_lines);
}

#[test]
fn functions_are_short() {
    hold(shape::function_lines);
}

#[test]
fn lines_are_short() {
    hold(shape::line_columns);
}

#[test]
fn tests_do_not_swell_a_source_file() {
    hold(shape::test_module_lines);
}

#[test]
fn unsafe_code_is_listed() {
    hold(calls::unsafe_code);
}

#[test]
fn nothing_is_left_unfinished() {
    hold(calls::unfinished);
}

#[test]
fn threads_time_and_files_have_one_place_each() {
    hold(calls::confined);
}

#[test]
fn assertions_stay_on_in_release() {
    hold(calls::debug_assertions);
}

#[test]
fn crates_depend_downwards() {
    hold(layers::crates);
}

#[test]
fn the_write_side_and_the_read_side_never_import_each_other() {
    hold(layers::sides);
}

#[test]
fn modules_have_no_circles() {
    hold(circles::circles);
}

#[test]
fn exceptions_are_needed() {
    hold(calls::stale_exceptions);
}

#[test]
fn paths_in_documents_exist() {
    hold(documents::paths);
}

#[test]
fn the_map_is_readable() {
    hold(documents::map);
}

#[test]
fn ci_runs_what_the_readme_says() {
    hold(documents::test_command);
}

#[test]
fn the_journal_asserts_what_it_relies_on() {
    println!("{}", assertions::figures(Tree::here()));
    hold(assertions::density);
}
