//! The steps that take events of older schemas to the present one.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{CodecError, DecodeError, EventType, decode, encode};

type Convert = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, DecodeError> + Send + Sync>;

/// The way from every older schema of an event to the present one.
///
/// ```
/// use hotledger::{Event, Upcasters};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// enum AccountEvent {
///     Deposited { amount: u64, currency: String },
/// }
///
/// // Version 1 had no currency, and was called PaidIn at first.
/// #[derive(Deserialize)]
/// struct DepositedV1 { amount: u64 }
///
/// #[derive(Serialize)]
/// struct DepositedV2 { amount: u64, currency: String }
///
/// impl Event for AccountEvent {
///     const VERSIONS: &'static [(&'static str, u16)] = &[("Deposited", 2)];
///
///     fn upcasters() -> Upcasters {
///         Upcasters::new()
///             .rename("PaidIn", 1, "Deposited")
///             .step("Deposited", 1, |old: DepositedV1| DepositedV2 {
///                 amount: old.amount,
///                 currency: "EUR".into(),
///             })
///     }
/// }
/// ```
///
/// An old payload costs one decoding and one encoding a step, so a journal full of old events
/// replays slower; present ones cost nothing. What need not be a step is a field added with
/// `#[serde(default)]`.
#[derive(Default)]
pub struct Upcasters {
    steps: Vec<Step>,
}

impl Upcasters {
    /// No steps: every type is at version 1.
    #[must_use]
    pub const fn new() -> Self {
        Self { steps: Vec::new() }
    }

    /// Takes payloads of type `name` from version `from` to version `from + 1`.
    ///
    /// `Old` and `New` are the content of the variant at these versions: a struct with its fields,
    /// `()` for a unit variant. `convert` runs at every replay; it must be deterministic and must
    /// not panic.
    #[must_use]
    pub fn step<Old, New>(
        self,
        name: &str,
        from: u16,
        convert: impl Fn(Old) -> New + Send + Sync + 'static,
    ) -> Self
    where
        Old: DeserializeOwned,
        New: Serialize,
    {
        let of = schema(name, from);
        let convert = move |payload: &[u8]| {
            let old = decode::read_value(payload, || of.clone())?;
            let mut bytes = Vec::new();
            encode::write_value(&convert(old), &mut bytes).map_err(|error| {
                DecodeError::Content { of: of.clone(), what: error.to_string() }
            })?;
            Ok(bytes)
        };
        let to = Schema::new(name, from.saturating_add(1));
        self.push(Step { from: Schema::new(name, from), to, convert: Some(Box::new(convert)) })
    }

    /// Reads payloads of the old type `name` at `version` as the type `to` at the same `version`.
    ///
    /// The payload stays as it is, and the steps of `to` follow from that version. Rename every
    /// version the old type had: then each step is written once, under the new name.
    #[must_use]
    pub fn rename(self, name: &str, version: u16, to: &str) -> Self {
        let (from, to) = (Schema::new(name, version), Schema::new(to, version));
        self.push(Step { from, to, convert: None })
    }

    fn push(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn position(&self, name: &str, version: u16) -> Option<usize> {
        self.steps.iter().position(|step| step.from.is(name, version))
    }

    fn newest(&self, name: &str) -> Option<u16> {
        let of_name = self.steps.iter().filter(|step| step.from.name == name);
        of_name.map(|step| step.from.version).max()
    }
}

impl fmt::Debug for Upcasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrows = self.steps.iter().map(|step| format!("{} -> {}", step.from, step.to));
        f.debug_list().entries(arrows).finish()
    }
}

struct Step {
    from: Schema,
    to: Schema,
    /// `None` for a rename: the payload stays as it is.
    convert: Option<Convert>,
}

/// A type name on disk at one version.
struct Schema {
    name: String,
    version: u16,
}

impl Schema {
    fn new(name: &str, version: u16) -> Self {
        Self { name: name.to_owned(), version }
    }

    fn is(&self, name: &str, version: u16) -> bool {
        self.version == version && self.name == name
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&schema(&self.name, self.version))
    }
}

pub(super) fn schema(name: &str, version: u16) -> String {
    format!("`{name}` schema {version}")
}

/// How a stored (name, schema) becomes an event. Found once, used for every event that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// It is the present schema of the type with this index.
    Current(u32),
    /// It is older: this step comes first.
    Upcast(usize),
}

/// The steps with the way on after each, proven to end at a present type.
pub(super) struct Chain {
    upcasters: Upcasters,
    /// Where each step leads.
    next: Vec<Route>,
}

impl Chain {
    /// Every old version of every type has exactly one step, and following them always ends.
    pub(super) fn new(types: &[EventType], upcasters: Upcasters) -> Result<Self, CodecError> {
        upcasters.steps.iter().try_for_each(|step| check_start(types, &upcasters, &step.from))?;
        check_gaps(types, &upcasters)?;
        let next = upcasters.steps.iter().map(|step| landing(types, &upcasters, &step.to));
        let next = next.collect::<Result<Vec<_>, _>>()?;
        let chain = Self { upcasters, next };
        chain.check_circles()?;
        Ok(chain)
    }

    /// The way for what the journal holds.
    pub(super) fn resolve(
        &self,
        types: &[EventType],
        name: &str,
        schema: u16,
    ) -> Result<Route, DecodeError> {
        let current = current(types, name);
        if let Some((index, version)) = current
            && version == schema
        {
            return Ok(Route::Current(index));
        }
        if let Some(step) = self.upcasters.position(name, schema) {
            return Ok(Route::Upcast(step));
        }
        let name = name.to_owned();
        match current.map(|(_, version)| version).or_else(|| self.upcasters.newest(&name)) {
            Some(known) if known < schema => Err(DecodeError::NewerSchema { name, schema, known }),
            _ => Err(DecodeError::UnknownType { name, schema }),
        }
    }

    /// Takes a payload all the way: the index of the present type, and the payload it reads.
    pub(super) fn upcast<'a>(
        &self,
        route: Route,
        payload: &'a [u8],
    ) -> Result<(u32, Cow<'a, [u8]>), DecodeError> {
        let mut payload = Cow::Borrowed(payload);
        let mut route = route;
        loop {
            let step = match route {
                Route::Current(index) => return Ok((index, payload)),
                Route::Upcast(step) => step,
            };
            if let Some(convert) = &self.upcasters.steps[step].convert {
                payload = Cow::Owned(convert(&payload)?);
            }
            route = self.next[step];
        }
    }

    fn check_circles(&self) -> Result<(), CodecError> {
        for (step, first) in self.upcasters.steps.iter().zip(&self.next) {
            let mut route = *first;
            for _ in 0..self.next.len() {
                let Route::Upcast(step) = route else { break };
                route = self.next[step];
            }
            if matches!(route, Route::Upcast(_)) {
                let Schema { name, version } = &step.from;
                return Err(CodecError::RenameCircle { name: name.clone(), version: *version });
            }
        }
        Ok(())
    }
}

fn current(types: &[EventType], name: &str) -> Option<(u32, u16)> {
    let of_name = (0_u32..).zip(types).find(|(_, known)| known.name == name);
    of_name.map(|(index, known)| (index, known.version))
}

/// A step starts at a version below the present one, and is the only one there.
fn check_start(
    types: &[EventType],
    upcasters: &Upcasters,
    from: &Schema,
) -> Result<(), CodecError> {
    let (name, version) = (from.name.clone(), from.version);
    if version == 0 {
        return Err(CodecError::StepFromZero { name });
    }
    if current(types, &name).is_some_and(|(_, present)| version >= present) {
        let needed = version.saturating_add(1);
        return Err(CodecError::StepPastCurrent { name, version, needed });
    }
    if upcasters.steps.iter().filter(|step| step.from.is(&name, version)).count() > 1 {
        return Err(CodecError::StepTwice { name, version });
    }
    Ok(())
}

/// No version is left out, neither of a present type nor of one that was renamed away.
fn check_gaps(types: &[EventType], upcasters: &Upcasters) -> Result<(), CodecError> {
    let present = types.iter().map(|known| (known.name, known.version));
    let renamed = upcasters.steps.iter().map(|step| (step.from.name.as_str(), step.from.version));
    for (name, end) in present.chain(renamed) {
        if let Some(version) = (1..end).find(|&old| upcasters.position(name, old).is_none()) {
            return Err(CodecError::StepMissing { name: name.to_owned(), version });
        }
    }
    Ok(())
}

/// Where a step leads: to a present type or to the next step.
fn landing(types: &[EventType], upcasters: &Upcasters, to: &Schema) -> Result<Route, CodecError> {
    let (name, version) = (to.name.clone(), to.version);
    match current(types, &name) {
        Some((index, present)) if present == version => return Ok(Route::Current(index)),
        Some((_, present)) if present < version => {
            return Err(CodecError::StepPastCurrent { name, version, needed: version });
        }
        _ => {}
    }
    match upcasters.position(&name, version) {
        Some(step) => Ok(Route::Upcast(step)),
        None => Err(CodecError::StepMissing { name, version }),
    }
}
