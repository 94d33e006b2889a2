//! The table for `docs/benchmarks.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tidegate_sigv4::Method;

use crate::load::{Load, Measure};
use crate::server::Kind;
use crate::{CLIENTS, Fallible, Options, SIZES};

const BEGIN: &str = "<!-- bench-store: begin -->";
const END: &str = "<!-- bench-store: end -->";

/// Requests a second, latencies and processor time.
pub(crate) fn cell(measure: &Measure) -> String {
    let (half, most) = (measure.percentile(0.5), measure.percentile(0.99));
    format!("**{:.0}/s**, {half:.2} / {most:.2} ms, {:.2} ms", measure.per_second(), measure.processor_ms())
}

/// The median of each row and server, by requests a second.
pub(crate) fn markdown(kinds: &[Kind], measured: &[(Kind, Load, Measure)], options: &Options, load: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut text = format!(
        "Made by `just bench-store --seconds {} --rounds {}` on {cores} cores, load average {load} at the start. Each cell: requests a second, half and 99 % \
         of the requests were answered within, processor time of the server for each.\n\n|",
        options.seconds, options.rounds
    );
    let names = kinds.iter().map(|kind| format!(" {} |", kind.name())).collect::<String>();
    let rule = kinds.iter().map(|_| "---|").collect::<String>();
    // Writing to a string cannot fail.
    let _ = writeln!(text, " |{names}\n|---|{rule}");
    for (size, size_name) in SIZES {
        for method in [Method::Put, Method::Get] {
            for clients in CLIENTS {
                let plural = if clients == 1 { "client" } else { "clients" };
                let _ = write!(text, "| {} {size_name}, {clients} {plural} |", method.as_str());
                for kind in kinds {
                    let is_meant = |(of, load, _): &&(Kind, Load, Measure)| {
                        of == kind && load.size == size && load.method == method && load.clients == clients
                    };
                    let mut all: Vec<&Measure> = measured.iter().filter(is_meant).map(|(_, _, measure)| measure).collect();
                    all.sort_by(|one, other| one.per_second().total_cmp(&other.per_second()));
                    let _ = write!(text, " {} |", all.get(all.len() / 2).map_or_else(String::new, |median| cell(median)));
                }
                text.push('\n');
            }
        }
    }
    text
}

/// Puts the table between its marks in `benchmarks.md`.
pub(crate) fn insert(folder: &str, table: &str) -> Fallible<()> {
    let path = Path::new(folder).join("benchmarks.md");
    let page = fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no marks for the table")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no end mark for the table")?;
    fs::write(path, format!("{before}{BEGIN}\n{table}\n{END}{after}"))?;
    Ok(())
}
