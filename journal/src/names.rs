//! The table of interned names that an opening batch carries.

use crate::{
    error::Error,
    head::NameId,
    limits::{NAME_BYTES_MAX, NAMES_MAX},
};

/// Names of stream kinds and event types; a [`NameId`] is an index into them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    names: Vec<Box<str>>,
}

impl Names {
    /// The name with this id.
    pub fn get(&self, id: NameId) -> Option<&str> {
        self.names.get(usize::from(id.0)).map(AsRef::as_ref)
    }

    /// All names in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (NameId, &str)> {
        (0..).map(NameId).zip(self.names.iter().map(AsRef::as_ref))
    }

    /// How many names there are: every id is below.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Names that only show their ids, for entries whose own table is lost.
    pub(crate) fn stand_ins() -> Names {
        Names { names: (0..NAMES_MAX).map(|id| format!("#{id}").into()).collect() }
    }

    /// Takes the names of the options, within the limits that let any table fit one batch.
    pub(crate) fn from_options(names: &[String]) -> Result<Names, Error> {
        if names.len() > NAMES_MAX {
            let what = format!("{} names, of at most {NAMES_MAX}", names.len());
            return Err(Error::InvalidOptions { what });
        }
        for name in names {
            if name.is_empty() || name.len() > NAME_BYTES_MAX {
                let what = format!("name `{name}` must have 1 to {NAME_BYTES_MAX} bytes");
                return Err(Error::InvalidOptions { what });
            }
        }
        Ok(Names { names: names.iter().map(|name| name.as_str().into()).collect() })
    }

    /// Bytes that [`encode`](Names::encode) uses.
    pub(crate) fn stored_bytes(&self) -> usize {
        2 + self.names.iter().map(|name| 2 + name.len()).sum::<usize>()
    }

    /// Writes count, then length and bytes of each; returns the bytes used.
    pub(crate) fn encode(&self, body: &mut [u8]) -> usize {
        assert!(self.names.len() <= NAMES_MAX, "checked when the options were taken");
        body[..2].copy_from_slice(&(self.names.len() as u16).to_le_bytes());
        let mut used = 2;
        for name in &self.names {
            assert!(name.len() <= NAME_BYTES_MAX, "checked when the options were taken");
            body[used..used + 2].copy_from_slice(&(name.len() as u16).to_le_bytes());
            body[used + 2..used + 2 + name.len()].copy_from_slice(name.as_bytes());
            used += 2 + name.len();
        }
        assert_eq!(used, self.stored_bytes(), "room is asked for as it is used");
        let read = Names::decode(&body[..used]);
        assert_eq!(read.as_ref(), Ok(self), "what goes to disk reads back as what was meant");
        used
    }

    /// Reads exactly the given bytes back; the bounds hold before anything is allocated.
    pub(crate) fn decode(body: &[u8]) -> Result<Names, &'static str> {
        let (count, mut rest) = body.split_first_chunk::<2>().ok_or("name table cut short")?;
        let count = usize::from(u16::from_le_bytes(*count));
        if count > NAMES_MAX {
            return Err("more names than the limit");
        }
        // A name takes a length and a byte at least: nothing is reserved for those that are not.
        if count > rest.len() / 3 {
            return Err("name table cut short");
        }
        let mut names = Vec::with_capacity(count);
        for _ in 0..count {
            let (length, after) = rest.split_first_chunk::<2>().ok_or("name table cut short")?;
            let length = usize::from(u16::from_le_bytes(*length));
            if length == 0 || length > NAME_BYTES_MAX || length > after.len() {
                return Err("name length out of bounds");
            }
            let (name, after) = after.split_at(length);
            names.push(std::str::from_utf8(name).map_err(|_| "name is not UTF-8")?.into());
            rest = after;
        }
        if rest.is_empty() { Ok(Names { names }) } else { Err("bytes behind the name table") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_comes_back_or_is_refused_when_cut() {
        let names = Names::from_options(&["account".into(), "opened".into()]).unwrap();
        let mut body = [0; 64];
        let used = names.encode(&mut body);
        assert_eq!(Names::decode(&body[..used]), Ok(names));
        for cut in 0..used {
            assert!(Names::decode(&body[..cut]).is_err());
        }
        assert!(Names::decode(&body[..used + 1]).is_err());
    }
}
