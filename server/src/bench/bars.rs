//! Stacked bars as SVG text: what a whole is made of, one bar for each whole.

use std::fmt::{self, Display, Formatter};

use super::chart::COLOURS;

/// Pixels of all, of the names on the left, of a bar and of the room for one.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 200.0;
const BAR: f64 = 18.0;
const ROW: f64 = 28.0;

/// Bars of the same length, each divided in proportion; displays as an `svg` element with its
/// legend.
pub(super) struct Bars {
    /// What the parts are.
    pub(super) parts: Vec<&'static str>,
    /// Each whole: its name, and how much of it each part is.
    pub(super) wholes: Vec<(String, Vec<f64>)>,
}

impl Display for Bars {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let height = ROW * self.wholes.len() as f64;
        writeln!(f, r#"<svg viewBox="0 0 {WIDTH} {height}" role="img">"#)?;
        for (row, (name, shares)) in self.wholes.iter().enumerate() {
            let top = ROW * row as f64 + (ROW - BAR) / 2.0;
            let (at, below) = (LEFT - 8.0, top + BAR - 5.0);
            writeln!(f, r#"<text x="{at}" y="{below}" text-anchor="end">{name}</text>"#)?;
            bar(f, top, shares)?;
        }
        writeln!(f, "</svg>\n<p class=\"legend\">")?;
        for (name, colour) in self.parts.iter().zip(COLOURS) {
            write!(f, r#"<span><b style="color:{colour}">━━</b> {name}</span> "#)?;
        }
        writeln!(f, "</p>")
    }
}

fn bar(f: &mut Formatter<'_>, top: f64, shares: &[f64]) -> fmt::Result {
    let whole: f64 = shares.iter().sum();
    let mut left = LEFT;
    for (share, colour) in shares.iter().zip(COLOURS) {
        let width = (WIDTH - LEFT) * share / whole.max(f64::MIN_POSITIVE);
        write!(f, r#"<rect x="{left:.1}" y="{top}" width="{width:.1}" height="{BAR}" "#)?;
        writeln!(f, r#"fill="{colour}"><title>{share:.2}</title></rect>"#)?;
        left += width;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_side_by_side_and_fill_the_bar() {
        let wholes = vec![("one".to_owned(), vec![1.0, 3.0]), ("two".to_owned(), vec![0.0, 0.5])];
        let text = Bars { parts: vec!["a", "b"], wholes }.to_string();
        let places: Vec<(f64, f64)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("<rect x=\""))
            .map(|line| {
                let number = |text: &str| text.split('"').next().unwrap().parse().unwrap();
                (number(line), number(line.split("width=\"").nth(1).unwrap()))
            })
            .collect();
        assert_eq!(places, [(200.0, 140.0), (340.0, 420.0), (200.0, 0.0), (200.0, 560.0)]);
    }
}
