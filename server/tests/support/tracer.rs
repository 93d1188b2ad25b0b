//! Runs the binary under ptrace and meddles with one of its system calls, counted over all its
//! threads in the order in which they enter them.
//!
//! `strace` cannot do this: its injections count each thread and each kind of call for itself.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::client::Client;

/// A process that lives longer hangs.
const LIFE_MAX: Duration = Duration::from_secs(60);

/// What is done to the process, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meddling {
    /// Nothing: its calls are counted.
    None,
    /// It is killed as it enters this call, counted from 1; the call is not executed.
    Kill(u64),
    /// A call is not executed and answers an error.
    Fail(Fault),
}

/// A system call that fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fault {
    /// The number of the system call.
    pub(crate) call: i64,
    /// What it answers.
    pub(crate) errno: Errno,
    /// Which one of its kind, counted from 1 since the process first touched its directory.
    pub(crate) at: u64,
    /// Whether all of its kind that follow fail as well.
    pub(crate) for_ever: bool,
}

/// Whether a process may set up an io_uring: containers often forbid it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    Allowed,
    Forbidden,
}

/// What was seen of a process from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Seen {
    /// How it ended.
    pub(crate) end: End,
    /// Its system calls.
    pub(crate) calls: u64,
    /// Those of each kind since it first touched its directory.
    pub(crate) kinds: BTreeMap<i64, u64>,
    /// The call that it was killed in.
    pub(crate) killed_in: Option<i64>,
    /// How many calls were made to fail.
    pub(crate) failed: u64,
    /// What it said on standard error.
    pub(crate) said: String,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Code(i32),
    Signal(Signal),
}

/// Whether processes may be traced here; says so where not.
pub(crate) fn is_allowed() -> bool {
    let mut child = Command::new("sh").args(["-c", "read go"]).stdin(Stdio::piped()).spawn();
    let Ok(child) = &mut child else { return false };
    let seized = ptrace::seize(pid_of(child), Options::PTRACE_O_EXITKILL);
    child.kill().expect("SIGKILL");
    child.wait().expect("a dead child");
    if let Err(errno) = seized {
        println!("skipped: this machine does not let processes be traced ({errno})");
    }
    seized.is_ok()
}

/// Runs a command to its end while a client talks to it.
pub(crate) fn run<T: Send>(
    command: &Command,
    ring: Ring,
    meddling: Meddling,
    talk: impl FnOnce(Client) -> T + Send,
) -> (Seen, T) {
    let mut child = waiting(command);
    let leader = pid_of(&child);
    let program = Path::new(command.get_program()).canonicalize().expect("the binary");
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(leader, options).expect("is_allowed was asked before");
    child.stdin.as_mut().expect("a pipe").write_all(b"\n").expect("it waits for this");
    let client = Client::of(&mut child);
    let stderr = child.stderr.take().expect("a pipe");
    let (alive, over) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let talk = scope.spawn(move || talk(client));
        // Read at once: a process that finds the pipe full would wait for ever.
        let said = scope.spawn(move || crate::story::last_words(stderr));
        let watch = scope.spawn(move || {
            let hangs = over.recv_timeout(LIFE_MAX) == Err(RecvTimeoutError::Timeout);
            hangs.then(|| kill(leader, Signal::SIGKILL))
        });
        let mut tracer = Tracer::new(leader, program, ring, meddling);
        let end = tracer.until_the_end();
        drop(alive);
        assert!(watch.join().expect("a watch").is_none(), "it hangs: {meddling:?}");
        let said = said.join().expect("its last words");
        let Tracer { calls, kinds, killed_in, failed, .. } = tracer;
        (Seen { end, calls, kinds, killed_in, failed, said }, talk.join().expect("the client"))
    })
}

/// Starts a shell that becomes the command once it is told to.
fn waiting(command: &Command) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"read go; exec "$@""#, "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    crate::support::spawn(&mut shell)
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id"))
}

struct Tracer {
    leader: Pid,
    /// What the shell becomes; its own calls are not counted.
    program: PathBuf,
    begun: bool,
    ring: Ring,
    meddling: Meddling,
    calls: u64,
    /// Whether the process has touched its directory.
    armed: bool,
    kinds: BTreeMap<i64, u64>,
    /// Threads within a call that is to fail, and how.
    failing: BTreeMap<Pid, Errno>,
    failed: u64,
    killed_in: Option<i64>,
}

impl Tracer {
    fn new(leader: Pid, program: PathBuf, ring: Ring, meddling: Meddling) -> Self {
        Self {
            leader,
            program,
            begun: false,
            ring,
            meddling,
            calls: 0,
            armed: false,
            kinds: BTreeMap::new(),
            failing: BTreeMap::new(),
            failed: 0,
            killed_in: None,
        }
    }

    fn until_the_end(&mut self) -> End {
        // Only what this thread started: other tests have children of their own.
        let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let (thread, signal) = match waitpid(None, Some(ours)).expect("it has not ended yet") {
                WaitStatus::Exited(pid, code) if pid == self.leader => return End::Code(code),
                WaitStatus::Signaled(pid, signal, _) if pid == self.leader => {
                    return End::Signal(signal);
                }
                WaitStatus::PtraceSyscall(thread) => {
                    // A thread that is gone meanwhile cannot be asked; its end comes next.
                    let _ = self.stopped(thread);
                    (thread, None)
                }
                WaitStatus::PtraceEvent(thread, _, event) => {
                    self.begun |= event == libc::PTRACE_EVENT_EXEC && self.is_program();
                    (thread, None)
                }
                WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
                _ => continue,
            };
            match ptrace::syscall(thread, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => panic!("cannot go on: {errno}"),
            }
        }
    }

    /// Whether the shell has become the program.
    fn is_program(&self) -> bool {
        let runs = std::fs::read_link(format!("/proc/{}/exe", self.leader));
        runs.is_ok_and(|runs| runs == self.program)
    }

    /// A thread enters or leaves a system call.
    fn stopped(&mut self, thread: Pid) -> nix::Result<()> {
        if !self.begun {
            return Ok(());
        }
        if ptrace::syscall_info(thread)?.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
            return self.enters(thread);
        }
        if let Some(errno) = self.failing.remove(&thread) {
            let mut registers = ptrace::getregs(thread)?;
            registers.rax = i64::from(-(errno as i32)).cast_unsigned();
            ptrace::setregs(thread, registers)?;
        }
        Ok(())
    }

    fn enters(&mut self, thread: Pid) -> nix::Result<()> {
        let registers = ptrace::getregs(thread)?;
        let call = registers.orig_rax.cast_signed();
        self.calls += 1;
        self.armed |= call == libc::SYS_mkdir;
        let of_kind = self.kinds.entry(call).or_default();
        *of_kind += u64::from(self.armed);
        match self.meddling {
            Meddling::Kill(at) if at == self.calls => {
                self.killed_in = Some(call);
                kill(self.leader, Signal::SIGKILL)
            }
            Meddling::Fail(fault) if fault.call == call && fault.hits(*of_kind) => {
                self.failed += 1;
                self.refuse(thread, registers, fault.errno)
            }
            _ if self.ring == Ring::Forbidden && call == libc::SYS_io_uring_setup => {
                self.refuse(thread, registers, Errno::EPERM)
            }
            _ => Ok(()),
        }
    }

    /// Has the kernel execute nothing, and answers this when the thread leaves the call.
    fn refuse(
        &mut self,
        thread: Pid,
        mut registers: libc::user_regs_struct,
        errno: Errno,
    ) -> nix::Result<()> {
        self.failing.insert(thread, errno);
        // No such call.
        registers.orig_rax = u64::MAX;
        ptrace::setregs(thread, registers)
    }
}

impl Fault {
    fn hits(&self, count: u64) -> bool {
        count == self.at || (self.for_ever && count > self.at)
    }
}

/// The name of a system call that the engine makes, or its number.
pub(crate) fn name(call: i64) -> String {
    let names = [
        (libc::SYS_brk, "brk"),
        (libc::SYS_clone3, "clone3"),
        (libc::SYS_close, "close"),
        (libc::SYS_exit, "exit"),
        (libc::SYS_fcntl, "fcntl"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_futex, "futex"),
        (libc::SYS_getdents64, "getdents64"),
        (libc::SYS_getrandom, "getrandom"),
        (libc::SYS_gettid, "gettid"),
        (libc::SYS_io_uring_enter, "io_uring_enter"),
        (libc::SYS_io_uring_register, "io_uring_register"),
        (libc::SYS_io_uring_setup, "io_uring_setup"),
        (libc::SYS_lseek, "lseek"),
        (libc::SYS_madvise, "madvise"),
        (libc::SYS_mkdir, "mkdir"),
        (libc::SYS_mmap, "mmap"),
        (libc::SYS_mprotect, "mprotect"),
        (libc::SYS_munmap, "munmap"),
        (libc::SYS_newfstatat, "newfstatat"),
        (libc::SYS_open, "open"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_poll, "poll"),
        (libc::SYS_prctl, "prctl"),
        (libc::SYS_pread64, "pread64"),
        (libc::SYS_pwrite64, "pwrite64"),
        (libc::SYS_read, "read"),
        (libc::SYS_renameat, "renameat"),
        (libc::SYS_rseq, "rseq"),
        (libc::SYS_rt_sigaction, "rt_sigaction"),
        (libc::SYS_rt_sigprocmask, "rt_sigprocmask"),
        (libc::SYS_sched_getaffinity, "sched_getaffinity"),
        (libc::SYS_sched_yield, "sched_yield"),
        (libc::SYS_setpriority, "setpriority"),
        (libc::SYS_set_robust_list, "set_robust_list"),
        (libc::SYS_sigaltstack, "sigaltstack"),
        (libc::SYS_statx, "statx"),
        (libc::SYS_unlinkat, "unlinkat"),
        (libc::SYS_write, "write"),
    ];
    let named = names.iter().find(|(number, _)| *number == call);
    named.map_or_else(|| format!("system call {call}"), |(_, name)| (*name).to_owned())
}
