//! Bytes that nobody wrote: refused, quickly, without a panic and without memory.

use serde::{Deserialize, Serialize};

use super::assert_round_trip;
use crate::codec::Event;
use crate::codec::structure::DEPTH_MAX;
use crate::codec::{DecodeError, EncodeError, decode_event, decode_state, encode_event};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Forum {
    Grown(Tree),
    Listed { all: Vec<[u64; 4]> },
    Noted { text: String, likes: u32 },
}

impl Event for Forum {}

/// rmp-serde does not count the nesting of enums: each level costs it stack, but no depth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
    Fork(Vec<Tree>),
}

fn tree(levels: usize) -> Tree {
    (0..levels).fold(Tree::Leaf, |inner, _| Tree::Node(Box::new(inner)))
}

#[track_caller]
fn assert_structure_refused(name: &str, payload: &[u8], expected: &str) {
    match decode_event::<Forum>(name, 1, payload) {
        Err(DecodeError::Structure { what, .. }) if what.contains(expected) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_too_deep_to_read_is_not_written() {
    assert_round_trip(&Forum::Grown(tree(DEPTH_MAX)));
    let refused = encode_event(&Forum::Grown(tree(DEPTH_MAX + 1)));
    assert!(matches!(refused, Err(EncodeError::Content { .. })), "{refused:?}");
    let payload = rmp_serde::to_vec_named(&tree(DEPTH_MAX + 1)).unwrap();
    assert_structure_refused("Grown", &payload, "nests deeper");

    // A fork is two levels: the map of the variant, and the list in it.
    let forks = |levels| (0..levels).fold(Tree::Leaf, |inner, _| Tree::Fork(vec![inner]));
    assert_round_trip(&Forum::Grown(forks(DEPTH_MAX / 2)));
    let refused = encode_event(&Forum::Grown(forks(DEPTH_MAX / 2 + 1)));
    assert!(matches!(refused, Err(EncodeError::Content { .. })), "{refused:?}");
}

#[test]
fn a_depth_bomb_is_refused_at_its_first_bytes() {
    // A test runs on a thread with 2 MiB of stack, which each of these would overflow.
    let bombs = [b"\x81\xa4Node".as_slice(), b"\x81\xa4Fork\x91", b"\x91", b"\x81\xa1x"];
    for level in bombs {
        let bomb = level.repeat(256 * 1024 / level.len());
        for name in ["Grown", "Listed", "Noted"] {
            let refused = decode_event::<Forum>(name, 1, &bomb);
            let Err(DecodeError::Structure { at, what }) = refused else { panic!("{refused:?}") };
            assert!(what.contains("nests deeper"), "{what}");
            assert!(at <= (DEPTH_MAX + 1) * level.len(), "went on to byte {at}");
        }
    }
}

#[test]
fn a_count_bomb_is_refused_before_a_decoder_sees_it() {
    let what = "announces more elements";
    assert_structure_refused("Listed", b"\x81\xa3all\xdd\xff\xff\xff\xff", what);
    assert_structure_refused("Listed", b"\x81\xa3all\xdc\xff\xff\xc0\xc0", what);
    assert_structure_refused("Listed", b"\xdf\xff\xff\xff\xff\xa3all", what);
    assert_structure_refused("Noted", b"\x8f\xa4text", what);
    let cut = "ends in the middle";
    assert_structure_refused("Noted", b"\x81\xa4text\xdb\xff\xff\xff\xffabc", cut);
    assert_structure_refused("Noted", b"\x81\xa4text\xc6\xff\xff\xff\xffabc", cut);
    assert_structure_refused("Noted", b"\x81\xa4text\xc9\xff\xff\xff\xff\x01abc", cut);
}

#[test]
fn the_payload_is_read_to_its_last_byte() {
    let stored = encode_event(&Forum::Noted { text: "hi".into(), likes: 3 }).unwrap();
    for extra in [0x00, 0xc0, 0xc1, 0xff] {
        let longer = [stored.payload.as_slice(), &[extra]].concat();
        assert_structure_refused("Noted", &longer, "goes on after its value");
    }
    for end in 0..stored.payload.len() {
        let shorter = &stored.payload[..end];
        let refused = decode_event::<Forum>("Noted", 1, shorter);
        assert!(matches!(refused, Err(DecodeError::Structure { .. })), "{end}: {refused:?}");
    }
    assert_structure_refused("Noted", b"\xc1", "does not use");
}

#[test]
fn a_type_that_reads_less_than_it_should_is_found_out() {
    #[derive(Debug)]
    struct Idle;
    impl<'de> Deserialize<'de> for Idle {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }
    let refused = decode_state::<Idle>(&[0x07]).unwrap_err();
    assert!(refused.to_string().contains("unread"), "{refused}");
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let tree = Tree::Fork(vec![tree(3), Tree::Leaf]);
    let all = [
        Forum::Grown(tree),
        Forum::Listed { all: vec![[1, 2, 3, 70_000]; 3] },
        Forum::Noted { text: "hello".into(), likes: 9 },
    ];
    for stored in all.iter().map(|event| encode_event(event).unwrap()) {
        for at in 0..stored.payload.len() {
            for byte in 0..=u8::MAX {
                let mut payload = stored.payload.clone();
                payload[at] = byte;
                let _ = decode_event::<Forum>(stored.name, stored.schema, &payload);
            }
        }
    }
}
