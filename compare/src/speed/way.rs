//! How records are handed to a peer: by how many threads, how many at a time.

use std::fmt;

/// Clients, each on a thread of its own, each with so many commits on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) clients: usize,
    /// Commits on their way for each client.
    pub(crate) in_flight: usize,
    /// Records of one commit.
    pub(crate) batch: usize,
}

impl Way {
    /// One record after the other, each waited for.
    pub(crate) const ONE: Self = Self { clients: 1, in_flight: 1, batch: 1 };

    pub(crate) const fn threads(clients: usize) -> Self {
        Self { clients, in_flight: 1, batch: 1 }
    }

    pub(crate) const fn in_flight(in_flight: usize) -> Self {
        Self { clients: 1, in_flight, batch: 1 }
    }

    pub(crate) const fn batches(batch: usize) -> Self {
        Self { clients: 1, in_flight: 1, batch }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, in_flight, batch } = *self;
        let clients = if clients == 1 { "one thread".into() } else { format!("{clients} threads") };
        let records = if batch == 1 { String::new() } else { format!(", commits of {batch}") };
        let waits = match in_flight {
            1 => String::new(),
            in_flight => format!(", {in_flight} commits in flight"),
        };
        write!(f, "{clients}{records}{waits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_told_in_words() {
        assert_eq!(Way::ONE.to_string(), "one thread");
        assert_eq!(Way::threads(64).to_string(), "64 threads");
        assert_eq!(Way::in_flight(64).to_string(), "one thread, 64 commits in flight");
        assert_eq!(Way::batches(1024).to_string(), "one thread, commits of 1024");
    }
}
