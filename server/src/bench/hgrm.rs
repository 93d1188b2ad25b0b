//! Percentiles as HdrHistogram's Java edition prints them, which public plotters read.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;

use super::run::Run;
use super::save::save;

/// Lines for every halving of the distance to 100 %, as the Java edition does by default.
const TICKS_PER_HALF: u32 = 5;

/// Nanoseconds in one of the units that are printed.
const MICROS: f64 = 1e3;

/// One file for each run and for the bare loop beside it.
pub(super) fn save_all(file: &Path, runs: &[Run]) -> anyhow::Result<()> {
    let sides = runs.iter().map(|run| 1 + usize::from(run.measured.bare.is_some())).sum::<usize>();
    for run in runs {
        let name = run.mode.title().replace([',', '/'], "").replace(' ', "-");
        let ours = (name.clone(), Some(&run.measured.ours));
        let bare = (format!("{name}-bare"), run.measured.bare.as_ref());
        for (name, tally) in [ours, bare] {
            if let Some(tally) = tally {
                let file = if sides == 1 { file.to_owned() } else { beside(file, &name) };
                save(&file, |out| print(&tally.latency_ns, out))?;
            }
        }
    }
    Ok(())
}

/// The name of a run before the extension.
fn beside(file: &Path, name: &str) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension = file.extension().map(|extension| extension.to_string_lossy());
    file.with_file_name(format!("{stem}-{name}.{}", extension.unwrap_or("hgrm".into())))
}

/// Values in microseconds.
fn print(latency_ns: &Histogram<u64>, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut total = 0;
    for step in latency_ns.iter_quantiles(TICKS_PER_HALF) {
        total += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / MICROS;
        let quantile = step.quantile_iterated_to();
        write!(out, "{value:>12.3} {quantile:>2.12} {total:>10}")?;
        match quantile < 1.0 {
            true => writeln!(out, " {:>14.2}", 1.0 / (1.0 - quantile))?,
            false => writeln!(out)?,
        }
    }
    let (mean, deviation) = (latency_ns.mean() / MICROS, latency_ns.stdev() / MICROS);
    writeln!(out, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]")?;
    let max = latency_ns.max() as f64 / MICROS;
    writeln!(out, "#[Max     = {max:>12.3}, Total count    = {:>12}]", latency_ns.len())?;
    // Both of the Java edition's layout: 2,048 values a bucket at three digits.
    let buckets = (u64::BITS - (latency_ns.high() >> 11).leading_zeros()) + 1;
    writeln!(out, "#[Buckets = {buckets:>12}, SubBuckets     = {:>12}]", 2_048)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_of_the_java_edition() {
        let mut latency = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
        (1..=1_000).for_each(|micros| latency.record(micros * 1_000).unwrap());
        let mut text = Vec::new();
        print(&latency, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[2], "       1.000 0.000000000000          1           1.00");
        let middle = lines.iter().find(|line| line.contains(" 0.500000000000 ")).unwrap();
        assert_eq!(middle.split_whitespace().collect::<Vec<_>>()[2..], ["500", "2.00"]);
        let last = lines.iter().rfind(|line| !line.starts_with('#')).unwrap();
        assert_eq!(last.split_whitespace().collect::<Vec<_>>()[1..], ["1.000000000000", "1000"]);
        assert!(lines.iter().any(|line| line.starts_with("#[Max     =")));
    }

    #[test]
    fn files_are_named_by_their_run() {
        let named = beside(Path::new("a/out.hgrm"), "open-1000s");
        assert_eq!(named, Path::new("a/out-open-1000s.hgrm"));
        assert_eq!(beside(Path::new("out"), "closed"), Path::new("out-closed.hgrm"));
    }
}
