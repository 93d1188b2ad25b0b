//! Gathered changes read like shown ones, and are what readers get in the end.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Rows;

#[derive(Clone, Debug)]
enum Change {
    Insert(u8, u32),
    Remove(u8),
    Add(u8, u32),
    Gather,
    ShowEach,
    Show,
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0..8_u8;
    prop_oneof![
        (key.clone(), any::<u32>()).prop_map(|(key, row)| Change::Insert(key, row)),
        key.clone().prop_map(Change::Remove),
        (key, any::<u32>()).prop_map(|(key, by)| Change::Add(key, by)),
        Just(Change::Gather),
        Just(Change::ShowEach),
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
                Change::Gather => rows.gather(),
                Change::ShowEach => rows.show_each(),
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
    for prepare in [Rows::gather, Rows::show_each] {
        prepare(&rows);
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
    rows.gather();
    rows.insert(1, "new");
    assert!(rows.shown().pin().get(&1).is_none());
    rows.show_each();
    assert_eq!(rows.shown().pin().get(&1), Some(&"new"));
}

#[test]
fn only_what_is_gathered_can_be_forgotten() {
    let rows = Rows::default();
    rows.insert(1, "shown");
    assert!(!rows.forget());
    rows.gather();
    rows.insert(1, "gathered");
    assert!(rows.forget());
    assert_eq!(rows.get(&1), Some("shown"));
}
