//! What a peer was given, in each of its shapes, it gives back to another that opens it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::speed::plan::length;
use crate::speed::slice::drive;

/// Long enough for a commit of each client, and no longer.
const SECONDS: f64 = 0.02;

fn ways(known: &Known) -> impl Iterator<Item = Way> {
    [Way::ONE].into_iter().chain(known.many).chain(known.best.iter().copied())
}

#[test]
fn every_embedded_peer_gives_back_what_it_acknowledged() {
    for known in PEERS.iter().filter(|it| it.is_embedded() && it.kept == Kept::OnDisk) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(known.name);
        let place = Place { directory: &path, postgres: None, room_bytes: 16 << 20 };
        let peer = known.open(&place, Begin::New).expect("made");
        let keys = AtomicU64::new(0);
        for way in ways(known) {
            let figures = drive(peer.as_ref(), way, &keys, length(SECONDS)).expect(known.name);
            assert!(figures.commits > 0 && figures.p50_us > 0.0, "{}: {way}", known.name);
            assert!(figures.p50_us <= figures.p99_us && figures.p99_us <= figures.p999_us);
        }
        drop(peer);
        let peer = known.open(&place, Begin::Existing).expect("opened");
        let mut found = Checksum::default();
        peer.read(&mut |payload| found.add(payload)).expect("read");
        assert_eq!(found, Checksum::below(keys.load(Ordering::Relaxed)), "{}", known.name);
    }
}

#[test]
fn what_goes_through_memory_all_comes_through() {
    for known in PEERS.iter().filter(|it| it.kept == Kept::InMemory) {
        let directory = tempfile::tempdir().expect("a directory");
        let place = Place { directory: directory.path(), postgres: None, room_bytes: 0 };
        let peer = known.open(&place, Begin::New).expect("made");
        let keys = AtomicU64::new(0);
        for way in ways(known) {
            drive(peer.as_ref(), way, &keys, length(SECONDS)).expect(known.name);
        }
        let all = Checksum::below(keys.load(Ordering::Relaxed));
        assert_eq!(peer.passed(), Some(all), "{}", known.name);
    }
}

#[test]
fn a_peer_that_must_be_there_is_not_made() {
    for known in PEERS.iter().filter(|it| it.kept == Kept::OnDisk) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(known.name);
        let place = Place { directory: &path, postgres: None, room_bytes: 16 << 20 };
        assert!(known.open(&place, Begin::Existing).is_err(), "{} began anew", known.name);
    }
}

#[test]
fn versions_are_those_that_were_built() {
    for known in PEERS.iter().filter(|it| it.kept != Kept::Reference) {
        let version = (known.version)();
        assert!(version.contains(|it: char| it.is_ascii_digit()), "{version}");
    }
}
