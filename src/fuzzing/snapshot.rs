//! Any bytes as a snapshot: what is read has one meaning, however it was written.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::{Aggregate, Context};
use crate::codec::Event;
use crate::recover::snapshot::{self, Unusable};
use crate::state::Blueprint;

/// Bits of an input's first byte: what is made right before anything is read.
const HEAD: u8 = 1;
const HASH: u8 = 2;

const JOURNAL: Uuid = Uuid::from_u128(5);
const KEYS_MAX: usize = 4;

/// Where the digest of the state is.
const DIGEST_AT: usize = 8 + 4 + 16 + 80 + 8 + 8;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Till {
    balance: i64,
    names: String,
    coins: Vec<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Shop {
    open: bool,
    tills: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Happened {
    Something,
}

impl Event for Happened {}

/// Aggregates that are read and never asked.
macro_rules! silent {
    ($name:ident, $kind:literal, $id:ty, $version:literal) => {
        impl Aggregate for $name {
            const KIND: &'static str = $kind;
            const STATE_VERSION: u16 = $version;

            type Id = $id;
            type Command = ();
            type Event = Happened;
            type Refusal = ();

            fn decide(&self, (): (), _: &mut Context<Happened>) -> Result<(), ()> {
                Ok(())
            }

            fn evolve(&mut self, _: &Happened) {}
        }
    };
}

silent!(Till, "till", u64, 1);
silent!(Shop, "shop", String, 2);

pub(super) fn read(input: &[u8]) {
    static BLUEPRINT: LazyLock<Blueprint> = LazyLock::new(|| {
        let mut blueprint = Blueprint::default();
        blueprint.register::<Till>();
        blueprint.register::<Shop>();
        blueprint
    });
    let Some((&mend, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if mend & HEAD != 0 && bytes.len() >= DIGEST_AT {
        bytes[..12].copy_from_slice(b"HLSNAPSH\x01\0\0\0");
        bytes[12..28].copy_from_slice(JOURNAL.as_bytes());
    }
    if mend & HASH != 0 {
        hash(&mut bytes);
    }
    let decode = |bytes: &[u8]| snapshot::decode(bytes, JOURNAL, &BLUEPRINT, KEYS_MAX);
    let Ok((folded, digest)) = snapshot::read(&bytes, JOURNAL, &BLUEPRINT, KEYS_MAX) else {
        assert!(decode(&bytes).is_err(), "what cannot be read is not used");
        return;
    };
    let proven = decode(&bytes);
    if folded.state.digest() != digest {
        assert_eq!(proven.err(), Some(Unusable::Digest), "another state is not used");
    }
    assert!(folded.keys.len() <= KEYS_MAX, "the window is bounded");
    let again = snapshot::encode(&folded, JOURNAL).expect("a cursor, and nothing quarantined");
    let back = decode(&again).expect("what was encoded can be decoded");
    assert_eq!(back.state.digest(), folded.state.digest(), "the state comes back as it was");
    assert_eq!(back.position, folded.position, "the position comes back as it was");
    assert_eq!(back.cursor, folded.cursor, "the cursor comes back as it was");
    assert!(back.keys.iter().eq(folded.keys.iter()), "the keys come back as they were");
    assert!(back.keys.chains().eq(folded.keys.chains()), "the chains come back as they were");
}

/// Makes the hash over the whole right, in the place of the bytes at the end.
fn hash(bytes: &mut [u8]) {
    if let Some(body) = bytes.len().checked_sub(32) {
        let hash = blake3::hash(&bytes[..body]);
        bytes[body..].copy_from_slice(hash.as_bytes());
    }
}
