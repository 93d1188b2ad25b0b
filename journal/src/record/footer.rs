//! The footer's body: what a sealed segment holds.

use super::Fields;

/// Bytes of a footer's body.
pub(crate) const FOOTER_BODY_BYTES: usize = 32;

/// Counts over all batches of a segment before its footer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) batches: u64,
    pub(crate) entries: u64,
    pub(crate) events: u64,
    /// Position behind the segment's last event.
    pub(crate) end_position: u64,
}

impl Footer {
    pub(crate) fn encode(&self) -> [u8; FOOTER_BODY_BYTES] {
        let mut body = [0; FOOTER_BODY_BYTES];
        let fields = [self.batches, self.entries, self.events, self.end_position];
        for (at, field) in fields.into_iter().enumerate() {
            body[at * 8..at * 8 + 8].copy_from_slice(&field.to_le_bytes());
        }
        assert_eq!(Footer::decode(&body), Ok(*self), "what goes to disk reads back");
        body
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Footer, &'static str> {
        if body.len() != FOOTER_BODY_BYTES {
            return Err("footer of another length");
        }
        let fields = Fields(body);
        Ok(Footer {
            batches: fields.u64(0),
            entries: fields.u64(8),
            events: fields.u64(16),
            end_position: fields.u64(24),
        })
    }
}
