//! Where readers find what was registered: views and tables by their type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::sync::Arc;

use crate::aggregate::Aggregate;
use crate::clock::Clock;
use crate::decode::Decoder;
use crate::error::OpenError;
use crate::feed::Feeds;
use crate::position::Position;
use crate::read::{
    KeyedTable, Progress, Projection, Projector, ProjectorStage, Readers, Shown, TableReader,
    ViewReader, ViewSource, WholeView,
};
use crate::view::{Table, View};

/// Every view and table of one engine.
pub(crate) struct Sources {
    pub(crate) feeds: Feeds,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) readers: Readers,
    by_type: HashMap<TypeId, Source>,
}

struct Source {
    progress: Arc<Progress>,
    source: Box<dyn Any + Send + Sync>,
}

impl Sources {
    pub(crate) fn new(feeds: Feeds, clock: Arc<dyn Clock>) -> Self {
        Self { feeds, clock, readers: Readers::default(), by_type: HashMap::new() }
    }

    /// Takes a view in; what its thread has to run.
    pub(crate) fn add_view<V: View<A>, A: Aggregate>(
        &mut self,
        projection: WholeView<V, A>,
        source: ViewSource<V>,
    ) -> Result<ProjectorStage, OpenError> {
        let (progress, thread) = self.projector::<V, A>(projection)?;
        self.by_type.insert(TypeId::of::<V>(), Source { progress, source: Box::new(source) });
        Ok(thread)
    }

    /// Takes a table in; what its thread has to run.
    pub(crate) fn add_table<T: Table<A>, A: Aggregate>(
        &mut self,
        projection: KeyedTable<T, A>,
        shown: Arc<Shown<T::Key, T::Row>>,
    ) -> Result<ProjectorStage, OpenError> {
        let (progress, thread) = self.projector::<T, A>(projection)?;
        let clock = Arc::clone(&self.clock);
        let reader = TableReader::new(shown, Arc::clone(&progress), self.feeds.clone(), clock);
        let source: Box<dyn Any + Send + Sync> = Box::new(reader);
        self.by_type.insert(TypeId::of::<T>(), Source { progress, source });
        Ok(thread)
    }

    fn projector<N: 'static, A: Aggregate>(
        &self,
        projection: impl Projection<A> + 'static,
    ) -> Result<(Arc<Progress>, ProjectorStage), OpenError> {
        let progress = Arc::new(Progress::new(short_name::<N>()));
        let feed = self.feeds.join(Position::ORIGIN);
        let (decoder, clock) = (Decoder::<A>::new()?, Arc::clone(&self.clock));
        let projector = Projector::new(feed, decoder, projection, Arc::clone(&progress), clock);
        let entry = self.readers.enter(Arc::clone(&progress));
        Ok((progress, ProjectorStage::new(projector, entry)))
    }

    pub(crate) fn view<V: 'static>(&self) -> ViewReader<V> {
        let source = self.by_type.get(&TypeId::of::<V>());
        let found = source.and_then(|source| {
            let view = source.source.downcast_ref::<ViewSource<V>>()?;
            Some(view.reader(&source.progress, &self.feeds, &self.clock))
        });
        found.unwrap_or_else(|| not_registered::<V>("view::<{}, …>"))
    }

    pub(crate) fn table<T: Table<A>, A: Aggregate>(&self) -> TableReader<T::Key, T::Row> {
        let source = self.by_type.get(&TypeId::of::<T>());
        let found = source.and_then(|source| {
            source.source.downcast_ref::<TableReader<T::Key, T::Row>>().cloned()
        });
        found.unwrap_or_else(|| not_registered::<T>("table::<{}, …>"))
    }
}

fn not_registered<T>(line: &str) -> ! {
    let name = short_name::<T>();
    panic!("`{name}` is not registered; add `.{}()` to the builder", line.replace("{}", name))
}

/// The last part of a type's path.
fn short_name<T>() -> &'static str {
    let name = type_name::<T>();
    let generic = name.find('<').unwrap_or(name.len());
    let start = name[..generic].rfind("::").map_or(0, |at| at + 2);
    &name[start..]
}
