//! The write side, in the order a command travels: mailbox, session, desk, writer, receipt.

mod mailbox;

mod execute;
mod session;
mod transact;

mod desk;
mod doorbell;
mod writer;

pub use desk::Request;
pub use execute::{Execute, Pending};

pub use session::{Full, Session};
pub use transact::{Transact, TransactReceipt, Transacting, Transaction};

pub(crate) use desk::Desk;
pub(crate) use doorbell::{Sleeper, doorbell};
pub(crate) use mailbox::{Errand, Mailbox, Message, mailbox};

pub(crate) use writer::{Progress, Quiet, Writer};
