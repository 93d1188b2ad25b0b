//! Whenever a reader joins the feed, it is handed every batch, in order, or told of the end.

use loom::thread::{self, JoinHandle};

use crate::JournalReads;
use crate::durable::Durable;
use crate::feed::{Fed, Feed, FeedReader, Feeds, feed};
use crate::position::Position;

/// Makes batches durable and offers them, as the writer does: durable first.
fn write(journal: &JournalReads, feed: &mut Feed, batches: u64) {
    for _ in 0..batches {
        feed.offer(Durable(&journal.append()));
    }
}

/// Reads until so many events have been handled. A batch that passes unseen is a deadlock, since
/// nothing follows it.
fn read(journal: &JournalReads, reader: &mut FeedReader, wanted: u64) {
    while reader.next() < Position::after(wanted) {
        match reader.wait(None).unwrap() {
            Fed::Batch(batch) => {
                assert_eq!(Position::after(batch.first_position()), reader.next(), "in order");
                assert!(batch.end_position() <= journal.durable(), "durable before it is seen");
                reader.handled(Position::after(batch.end_position()));
            }
            Fed::CaughtUp => {}
            Fed::Closed => panic!("closed before everything was read"),
        }
    }
}

/// Joins on a thread of its own, while the writer writes, and reads so many events.
fn read_on_a_thread(journal: &JournalReads, feeds: Feeds, wanted: u64) -> JoinHandle<()> {
    let journal = journal.clone();
    thread::spawn(move || read(&journal, &mut feeds.join(Position::ORIGIN), wanted))
}

#[test]
fn a_reader_joins_while_one_batch_is_written() {
    loom::model(|| {
        let journal = JournalReads::new();
        let (mut feed, feeds) = feed(Position::ORIGIN, journal.clone());
        let reading = read_on_a_thread(&journal, feeds, 1);
        write(&journal, &mut feed, 1);
        reading.join().unwrap();
    });
}

#[test]
fn a_reader_that_joined_falls_behind() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let journal = JournalReads::new();
        let (mut feed, feeds) = feed(Position::ORIGIN, journal.clone());
        let mut reader = feeds.join(Position::ORIGIN);
        let journal_read = journal.clone();
        let reading = thread::spawn(move || read(&journal_read, &mut reader, 3));
        write(&journal, &mut feed, 3);
        reading.join().unwrap();
    });
}

#[test]
fn a_reader_joins_while_two_batches_are_written() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let journal = JournalReads::new();
        let (mut feed, feeds) = feed(Position::ORIGIN, journal.clone());
        let reading = read_on_a_thread(&journal, feeds, 2);
        write(&journal, &mut feed, 2);
        reading.join().unwrap();
    });
}

/// One who knocks while another is let in is let in as well, if only for the next batch.
#[test]
fn two_readers_join_while_two_batches_are_written() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let journal = JournalReads::new();
        let (mut feed, feeds) = feed(Position::ORIGIN, journal.clone());
        let reading = [feeds.clone(), feeds].map(|feeds| read_on_a_thread(&journal, feeds, 2));
        write(&journal, &mut feed, 2);
        reading.into_iter().for_each(|reading| reading.join().unwrap());
    });
}

#[test]
fn a_reader_at_the_door_is_told_of_the_end() {
    loom::model(|| {
        let journal = JournalReads::new();
        let (mut feed, feeds) = feed(Position::ORIGIN, journal.clone());
        let journal_read = journal.clone();
        let reading = thread::spawn(move || {
            let mut reader = feeds.join(Position::ORIGIN);
            read(&journal_read, &mut reader, 1);
            while !matches!(reader.wait(None).unwrap(), Fed::Closed) {}
        });
        write(&journal, &mut feed, 1);
        drop(feed);
        reading.join().unwrap();
    });
}
