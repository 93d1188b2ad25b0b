//! `hotledger state`: one aggregate, now or as it was.

use anyhow::Context;
use hotledger::{Aggregate, Archive, At, Engine, Position, Version};
use hotledger_domains::bank::Account;
use hotledger_domains::exchange::Book;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{AtArgs, OutputArg, StateArgs};
use crate::exit::Failure;
use crate::{kinds, out};

/// Runs the command.
pub(crate) fn run(args: &StateArgs) -> anyhow::Result<()> {
    match args.kind.as_str() {
        Account::KIND => show::<Account>(args),
        Book::KIND => show::<Book>(args),
        kind => Err(Failure::Usage(kinds::unknown(kind)).into()),
    }
}

fn show<A: Aggregate<Id: DeserializeOwned>>(args: &StateArgs) -> anyhow::Result<()> {
    let (id, given) = read_id::<A::Id>(&args.id)?;
    let failed = || format!("cannot read {}", args.data.display());
    let archive =
        kinds::register(Engine::builder(&args.data)).open_read_only().with_context(failed)?;
    let line = find::<A>(&archive, &id, given, &args.at).with_context(failed)?;
    match args.output {
        OutputArg::Json => Ok(out::print_json(&line)?),
        OutputArg::Table => Ok(out::print(&out::facts(line.facts()?))?),
    }
}

fn find<A: Aggregate>(
    archive: &Archive,
    id: &A::Id,
    given: GivenId,
    at: &AtArgs,
) -> anyhow::Result<StateLine<A>> {
    let found = archive.as_of(moment(at)).aggregate::<A>(id)?;
    Ok(match found {
        Some(found) => StateLine {
            kind: A::KIND,
            id: given,
            version: found.version,
            position: found.position,
            state: Some(found.state),
        },
        None => StateLine {
            kind: A::KIND,
            id: given,
            version: Version(0),
            position: Position::ORIGIN,
            state: None,
        },
    })
}

fn moment(at: &AtArgs) -> At {
    match (at.at, at.at_version, at.at_time) {
        (Some(position), ..) => At::Position(Position::at(position)),
        (_, Some(version), _) => At::Version(Version(version)),
        (.., Some(time)) => At::Time(time),
        _ => At::Latest,
    }
}

/// An id as the user gave it: an integer stays one.
#[derive(Serialize)]
#[serde(untagged)]
enum GivenId {
    Number(u64),
    Text(String),
}

/// Reads an id the way the kind reads it in JSON: as a number where it takes one, else as a text.
fn read_id<I: DeserializeOwned>(text: &str) -> Result<(I, GivenId), Failure> {
    if let Ok(number) = text.parse::<u64>()
        && let Ok(id) = serde_json::from_str(text)
    {
        return Ok((id, GivenId::Number(number)));
    }
    serde_json::from_value(serde_json::Value::from(text))
        .map(|id| (id, GivenId::Text(text.to_owned())))
        .map_err(|error| Failure::Usage(format!("`{text}` is no id of this kind: {error}")))
}

#[derive(Serialize)]
struct StateLine<A: Aggregate> {
    kind: &'static str,
    id: GivenId,
    version: Version,
    position: Position,
    #[serde(bound = "")]
    state: Option<A>,
}

impl<A: Aggregate> StateLine<A> {
    fn facts(&self) -> Result<[(String, String); 5], serde_json::Error> {
        let id = match &self.id {
            GivenId::Number(number) => number.to_string(),
            GivenId::Text(text) => text.clone(),
        };
        Ok([
            ("kind".to_owned(), self.kind.to_owned()),
            ("id".to_owned(), id),
            ("version".to_owned(), self.version.to_string()),
            ("position".to_owned(), self.position.to_string()),
            ("state".to_owned(), serde_json::to_string_pretty(&self.state)?),
        ])
    }
}
