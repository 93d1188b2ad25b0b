//! Aggregates of every kind of id, whose state depends on every byte that was written to them.

use std::marker::PhantomData;

use hotledger::{Aggregate, AggregateId, Builder, Context, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An id of each type that a journal can store.
pub(crate) trait PageId: AggregateId + Default {
    const KIND: &'static str;

    fn nth(n: u64) -> Self;
}

impl PageId for u64 {
    const KIND: &'static str = "by-number";

    fn nth(n: u64) -> Self {
        n
    }
}

impl PageId for u128 {
    const KIND: &'static str = "by-long-number";

    fn nth(n: u64) -> Self {
        u128::from(n) << 70
    }
}

impl PageId for Uuid {
    const KIND: &'static str = "by-uuid";

    fn nth(n: u64) -> Self {
        Uuid::from_u64_pair(0xfeed, n)
    }
}

impl PageId for String {
    const KIND: &'static str = "by-text";

    fn nth(n: u64) -> Self {
        "straße ".repeat(n as usize)
    }
}

/// How much was written, and a sum over all of it.
#[derive(Default, Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Pages<I> {
    pages: u64,
    sum: u64,
    #[serde(skip)]
    of: PhantomData<I>,
}

/// Writes these texts, or with none does nothing.
#[derive(Serialize, Clone)]
pub(crate) struct Write(pub(crate) Vec<String>);

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Written {
    text: String,
}

impl Event for Written {}

impl<I: PageId> Aggregate for Pages<I> {
    const KIND: &'static str = I::KIND;
    type Id = I;
    type Command = Write;
    type Event = Written;
    type Refusal = ();

    fn decide(&self, Write(texts): Write, cx: &mut Context<Written>) -> Result<(), ()> {
        texts.into_iter().for_each(|text| cx.record(Written { text }));
        Ok(())
    }

    fn evolve(&mut self, event: &Written) {
        self.pages += 1;
        for byte in event.text.bytes() {
            self.sum = (self.sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

pub(crate) fn registered(builder: Builder) -> Builder {
    let builder = builder.aggregate::<Pages<u64>>().aggregate::<Pages<u128>>();
    builder.aggregate::<Pages<Uuid>>().aggregate::<Pages<String>>().segment_bytes(1 << 20, 1 << 20)
}
