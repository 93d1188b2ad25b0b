//! One line of input, understood: what to do, to whom, under which key.

use hotledger::{Aggregate, CommandKey, Version};
use hotledger_domains::bank::{Account, Transfer};
use hotledger_domains::exchange::Book;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::kinds;

/// What one line asks for.
pub(super) struct Order {
    /// What to do.
    pub(super) work: Work,
    /// The key it takes effect under, once.
    pub(super) key: Option<CommandKey>,
    /// The version the aggregate must have.
    pub(super) expect: Option<Version>,
}

/// To whom it is to be done.
pub(super) enum Work {
    /// A command for one account.
    Account(Addressed<Account>),
    /// A command for one order book.
    Book(Addressed<Book>),
    /// A transfer between two accounts.
    Transfer(Transfer),
}

/// A command and the aggregate it is for.
pub(super) struct Addressed<A: Aggregate> {
    pub(super) id: A::Id,
    pub(super) command: A::Command,
}

/// Why a line is not a command.
#[derive(Debug, PartialEq)]
pub(super) struct Invalid {
    /// Where, in bytes from 1.
    pub(super) column: usize,
    /// What is wrong there.
    pub(super) message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    kind: Option<String>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    command: Option<&'a RawValue>,
    #[serde(borrow)]
    transact: Option<&'a RawValue>,
    key: Option<String>,
    expect: Option<u64>,
}

#[derive(Deserialize)]
enum Transact {
    Transfer(Transfer),
}

/// Understands one line.
pub(super) fn parse(line: &[u8]) -> Result<Order, Invalid> {
    let line = std::str::from_utf8(line).map_err(|error| Invalid {
        column: error.valid_up_to() + 1,
        message: "not UTF-8".to_owned(),
    })?;
    // serde would take an array for a struct, by position: too easy to get wrong.
    let start = line.len() - line.trim_start().len();
    if !line[start..].starts_with('{') {
        return Err(Invalid { column: start + 1, message: "expected a JSON object".to_owned() });
    }
    let fields: Fields<'_> =
        serde_json::from_str(line).map_err(|error| Invalid::from_json(&error, 0))?;
    let work = Reading { line }.work(&fields)?;
    Ok(Order {
        work,
        key: fields.key.as_deref().map(CommandKey::named),
        expect: fields.expect.map(Version),
    })
}

struct Reading<'a> {
    line: &'a str,
}

impl Reading<'_> {
    fn work(&self, fields: &Fields<'_>) -> Result<Work, Invalid> {
        match (&fields.kind, fields.transact) {
            (Some(kind), None) => self.addressed(kind, fields),
            (None, Some(transact)) => self.transact(transact, fields),
            (Some(_), Some(_)) => Err(self.at_end("give either `kind` or `transact`, not both")),
            (None, None) => Err(self.at_end("missing field `kind` (or `transact`)")),
        }
    }

    fn addressed(&self, kind: &str, fields: &Fields<'_>) -> Result<Work, Invalid> {
        match kind {
            Account::KIND => Ok(Work::Account(self.command(fields)?)),
            Book::KIND => Ok(Work::Book(self.command(fields)?)),
            _ => Err(self.at_end(&kinds::unknown(kind))),
        }
    }

    fn command<A>(&self, fields: &Fields<'_>) -> Result<Addressed<A>, Invalid>
    where
        A: Aggregate<Id: DeserializeOwned, Command: DeserializeOwned>,
    {
        let id = fields.id.ok_or_else(|| self.at_end("missing field `id`"))?;
        let command = fields.command.ok_or_else(|| self.at_end("missing field `command`"))?;
        Ok(Addressed { id: self.typed(id)?, command: self.typed(command)? })
    }

    fn transact(&self, transact: &RawValue, fields: &Fields<'_>) -> Result<Work, Invalid> {
        if fields.id.is_some() || fields.command.is_some() || fields.expect.is_some() {
            return Err(self.at_end("`transact` goes with `key` only"));
        }
        let Transact::Transfer(transfer) = self.typed(transact)?;
        Ok(Work::Transfer(transfer))
    }

    /// Reads a part of the line; what is wrong in it is told by its place in the line.
    fn typed<T: DeserializeOwned>(&self, part: &RawValue) -> Result<T, Invalid> {
        let before = part.get().as_ptr().addr() - self.line.as_ptr().addr();
        serde_json::from_str(part.get()).map_err(|error| Invalid::from_json(&error, before))
    }

    fn at_end(&self, message: &str) -> Invalid {
        Invalid { column: self.line.trim_end().len(), message: message.to_owned() }
    }
}

impl Invalid {
    fn from_json(error: &serde_json::Error, before: usize) -> Self {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = text.strip_suffix(&place).unwrap_or(&text).to_owned();
        Self { column: before + error.column().max(1), message }
    }
}
