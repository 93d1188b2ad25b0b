//! Moments as a person writes them and as a person reads them.

use hotledger::Timestamp;

/// Reads RFC 3339 or whole nanoseconds since 1970.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    if let Ok(nanoseconds) = text.parse::<i64>() {
        return Ok(Timestamp(nanoseconds));
    }
    let moment: jiff::Timestamp = text
        .parse()
        .map_err(|error| format!("neither nanoseconds since 1970 nor RFC 3339: {error}"))?;
    i64::try_from(moment.as_nanosecond())
        .map(Timestamp)
        .map_err(|_| "out of range: times run from 1677 to 2262".to_owned())
}

/// RFC 3339 in UTC with all nine digits of the fraction.
pub(crate) fn rfc3339(nanoseconds: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanoseconds))
        .map_or_else(|_| nanoseconds.to_string(), |moment| format!("{moment:.9}"))
}

#[cfg(test)]
mod tests {
    use super::{parse, rfc3339};

    #[test]
    fn both_notations_name_the_same_moment() {
        let text = "2012-06-21T13:30:00.000000001Z";
        let moment = parse(text).expect("RFC 3339");
        assert_eq!(parse(&moment.0.to_string()), Ok(moment));
        assert_eq!(rfc3339(moment.0), text);
        assert_eq!(parse("2012-06-21T09:30:00.000000001-04:00"), Ok(moment));
    }

    #[test]
    fn what_is_no_moment_says_so() {
        assert!(parse("yesterday").is_err());
        assert!(parse("9000-01-01T00:00:00Z").is_err());
    }
}
