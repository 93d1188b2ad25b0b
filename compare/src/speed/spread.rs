//! A figure over the rounds: its median, the least and the most.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of these; none of none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let median = (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
        Some(Self { median, least, most })
    }

    /// The median, and the spread behind it if there is one.
    pub(crate) fn in_words(&self, figure: impl Fn(f64) -> String) -> String {
        let [median, least, most] = [self.median, self.least, self.most].map(figure);
        if least == most { median } else { format!("{median} ({least}–{most})") }
    }
}

/// Microseconds: tenths only where they tell something.
pub(crate) fn micros(micros: f64) -> String {
    match micros {
        ..10.0 => format!("{micros:.2}"),
        ..100.0 => format!("{micros:.1}"),
        _ => format!("{micros:.0}"),
    }
}

/// A rate in thousands or millions.
pub(crate) fn rate(per_s: f64) -> String {
    match per_s {
        ..1e4 => format!("{:.2} k", per_s / 1e3),
        ..1e5 => format!("{:.1} k", per_s / 1e3),
        ..1e6 => format!("{:.0} k", per_s / 1e3),
        ..1e7 => format!("{:.2} M", per_s / 1e6),
        _ => format!("{:.1} M", per_s / 1e6),
    }
}

pub(crate) fn ratio(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}x") } else { format!("{ratio:.0}x") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let spread = |figures: &[f64]| Spread::of(figures.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]).expect("one").in_words(micros), "3.00");
        let odd = spread(&[9.0, 1.0, 2.0]).expect("three");
        assert_eq!(odd, Spread { median: 2.0, least: 1.0, most: 9.0 });
        assert_eq!(spread(&[4.0, 1.0]).expect("two").median, 2.5);
        assert_eq!(odd.in_words(micros), "2.00 (1.00–9.00)");
    }

    #[test]
    fn figures_have_three_digits_or_so() {
        assert_eq!([7.129, 84.24, 212.7].map(micros), ["7.13", "84.2", "213"]);
        let rates = [6_543.0, 65_430.0, 654_300.0, 6_543_000.0, 17_432_100.0].map(rate);
        assert_eq!(rates, ["6.54 k", "65.4 k", "654 k", "6.54 M", "17.4 M"]);
        assert_eq!([1.234, 56.7].map(ratio), ["1.23x", "57x"]);
    }
}
