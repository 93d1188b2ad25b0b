//! Gathered changes read like shown ones, and are what readers get in the end.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Rows;

#[derive(Clone, Debug)]
enum Change {
    Insert(u8, u32),
    Remove(u8),
    Add(u8, u32),
    Gather(bool),
    Show,
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0..8_u8;
    prop_oneof![
        (key.clone(), any::<u32>()).prop_map(|(key, row)| Change::Insert(key, row)),
        key.clone().prop_map(Change::Remove),
        (key, any::<u32>()).prop_map(|(key, by)| Change::Add(key, by)),
        any::<bool>().prop_map(Change::Gather),
        Just(Change::Show),
    ]
}

proptest! {
    #[test]
    fn the_projector_reads_what_it_wrote(changes in prop::collection::vec(change(), 0..60)) {
        let (rows, mut model) = (Rows::default(), BTreeMap::new());
        for change in changes {
            match change {
                Change::Insert(key, row) => {
                    rows.insert(key, row);
                    model.insert(key, row);
                }
                Change::Remove(key) => {
                    rows.remove(&key);
                    model.remove(&key);
                }
                Change::Add(key, by) => {
                    rows.update(key, |row| row.map_or(by, |row| row.wrapping_add(by)));
                    let sum = model.get(&key).map_or(by, |row: &u32| row.wrapping_add(by));
                    model.insert(key, sum);
                }
                Change::Gather(gather) => rows.gather(gather),
                Change::Show => rows.show(),
            }
            for key in 0..8 {
                prop_assert_eq!(rows.get(&key), model.get(&key).copied());
            }
        }
        rows.show();
        let shown: BTreeMap<_, _> = rows.shown().pin().iter().map(|(k, r)| (*k, *r)).collect();
        prop_assert_eq!(rows.len(), model.len());
        prop_assert_eq!(shown, model);
    }
}

#[test]
fn a_change_may_look_at_other_rows_and_put_some() {
    let rows = Rows::default();
    for gather in [true, false] {
        rows.gather(gather);
        rows.insert("one", 1);
        rows.update("two", |_| {
            rows.insert("three", 3);
            rows.get(&"one").unwrap_or(0) + 1
        });
        assert_eq!((rows.get(&"two"), rows.get(&"three")), (Some(2), Some(3)));
    }
}

#[test]
fn what_is_gathered_is_not_seen_before_it_is_shown() {
    let rows = Rows::default();
    rows.gather(true);
    rows.insert(1, "new");
    assert!(rows.shown().pin().get(&1).is_none());
    rows.gather(false);
    assert_eq!(rows.shown().pin().get(&1), Some(&"new"));
}
