//! The chores of the workspace, each a command that a person and CI run alike.

mod seeded_bugs;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

const USAGE: &str = "\
cargo xtask <chore>

  ci      everything that CI checks besides `cargo test --workspace`, in order
  tidy    the rules of the house, with the measured figures
  deny    licences, banned crates and sources of all dependencies
  sim     seeds of the simulator: `--seed N` for one; `--seconds N --seeds N --from N` for many
  seeded-bugs [--only NN[-NN] | --sample N [--seed S]]
          whether each bug of the bank in tests/seeded-bugs is caught by its test
";

type Step = fn() -> Result<()>;

/// The version that CI was last seen to pass with; installed where none is.
const CARGO_DENY: &str = "0.20.2";

fn main() -> ExitCode {
    let chores: Vec<_> = env::args().skip(1).collect();
    let outcome = match chores.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => ci(),
        ["tidy"] => tidy(),
        ["deny"] => deny(),
        ["sim", ref args @ ..] => sim(args),
        ["seeded-bugs", ref options @ ..] => seeded_bugs::run(options),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Stops at the first step that fails; the cheapest comes first.
fn ci() -> Result<()> {
    let steps: [(&str, Step); 7] = [
        ("fmt", fmt),
        ("clippy", clippy),
        ("doc", doc),
        ("tidy", tidy),
        ("deny", deny),
        ("sim", sim_for_a_while),
        ("seeded-bugs", some_seeded_bugs),
    ];
    let start = Instant::now();
    for (name, step) in steps {
        println!("xtask: {name} …");
        let start = Instant::now();
        step().with_context(|| format!("{name} failed"))?;
        println!("xtask: {name} passed in {:.1} s", start.elapsed().as_secs_f64());
    }
    println!("xtask: all {} steps passed in {:.1} s", steps.len(), start.elapsed().as_secs_f64());
    Ok(())
}

fn fmt() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

/// Once as it is shipped and tested, once as the fuzzers see it: their limits are others.
fn clippy() -> Result<()> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    run(cargo().args(["clippy", "--lib", "--", "--cfg", "fuzzing", "-D", "warnings"]))
}

fn doc() -> Result<()> {
    run(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn tidy() -> Result<()> {
    run(cargo().args(["test", "--workspace", "--test", "tidy", "--", "--nocapture"]))
}

/// Advisories are left out: they need the network, and they change without a commit.
fn deny() -> Result<()> {
    run(cargo_deny()?.args(["--workspace", "check", "licenses", "bans", "sources"]))
}

/// Every kind of fault, as many seeds as two minutes hold.
fn sim_for_a_while() -> Result<()> {
    sim(&["--seconds", "120", "--seeds", "50000"])
}

/// Those that are planted in the journal alone, which builds in seconds.
fn some_seeded_bugs() -> Result<()> {
    seeded_bugs::run(&["--only", "06-10"])
}

fn sim(args: &[&str]) -> Result<()> {
    let package = ["run", "--quiet", "--profile", "simulation", "-p", "hotledger-simulator", "--"];
    let mut command = cargo();
    // Half of a seed's time would go into giving memory back and asking for it again.
    command.env("MALLOC_TRIM_THRESHOLD_", "1000000000").env("MALLOC_TOP_PAD_", "67108864");
    run(command.args(package).args(args))
}

/// The installed cargo-deny, else one of our own below `target/tools`.
fn cargo_deny() -> Result<Command> {
    let installed = cargo().args(["deny", "--version"]).stderr(Stdio::null()).output()?;
    if installed.status.success() {
        let mut command = cargo();
        command.arg("deny");
        return Ok(command);
    }
    let tools = root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    if !program.exists() {
        println!("xtask: cargo-deny is not installed; building it once into {}", tools.display());
        let package = format!("cargo-deny@{CARGO_DENY}");
        let mut install = cargo();
        install.env("CARGO_PROFILE_DEV_DEBUG", "0").args(["install", "--profile", "dev"]);
        // Optimised it would take three times as long to build, for a check of two seconds.
        run(install.args(["--locked", "--root"]).arg(&tools).arg(package))?;
    }
    let mut command = Command::new(program);
    command.current_dir(root());
    Ok(command)
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_owned()
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
