//! The command line of the benchmark.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use super::Fallible;
use super::tool::TOOLS;

/// How to call it.
pub(crate) const USAGE: &str = "usage: bench-sync [--records N] [--changes N] [--history N] [--big-mib N] [--rounds N] [--big-rounds N] \
                         [--tools NAME,...] [--assert-bounds] [--docs DIR]";

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    /// Records of 1 KiB.
    pub(crate) records: usize,
    /// Records changed at once.
    pub(crate) changes: usize,
    /// Changes after which the rows with a history are measured; none without them.
    pub(crate) history: usize,
    /// Size of the large file in MiB; none without it.
    pub(crate) big_mib: u64,
    /// How often each row is measured.
    pub(crate) rounds: usize,
    /// How often the rows of the large file are.
    pub(crate) big_rounds: usize,
    /// The tools, by name.
    pub(crate) tools: BTreeSet<String>,
    /// Fail where Tidegate makes more requests than it may.
    pub(crate) assert_bounds: bool,
    /// The folder whose page and plot are written.
    pub(crate) docs: Option<PathBuf>,
}

pub(crate) fn parse(words: Vec<OsString>) -> Fallible<Arguments> {
    let mut arguments = Arguments {
        records: 10_000,
        changes: 1_000,
        history: 100_000,
        big_mib: 1_024,
        rounds: 5,
        big_rounds: 3,
        tools: TOOLS.map(str::to_owned).into(),
        assert_bounds: false,
        docs: None,
    };
    let mut words = words.into_iter().map(|word| word.into_string().map_err(|word| format!("{word:?} is no text")));
    while let Some(word) = words.next().transpose()? {
        let mut value = || words.next().unwrap_or_else(|| Err(format!("{word} needs a value\n{USAGE}")));
        match word.as_str() {
            "--records" => arguments.records = number(&value()?)?,
            "--changes" => arguments.changes = number(&value()?)?,
            "--history" => arguments.history = number(&value()?)?,
            "--big-mib" => arguments.big_mib = number(&value()?)?,
            "--rounds" => arguments.rounds = number(&value()?)?,
            "--big-rounds" => arguments.big_rounds = number(&value()?)?,
            "--tools" => arguments.tools = value()?.split(',').map(str::to_owned).collect(),
            "--assert-bounds" => arguments.assert_bounds = true,
            "--docs" => arguments.docs = Some(value()?.into()),
            other => return Err(format!("unknown argument {other:?}\n{USAGE}")),
        }
    }
    if let Some(unknown) = arguments.tools.iter().find(|tool| !TOOLS.contains(&tool.as_str())) {
        return Err(format!("there is no tool {unknown:?}: they are {}", TOOLS.join(", ")));
    }
    if arguments.rounds == 0 || arguments.changes > arguments.records {
        return Err("at least one round, and no more changes than records".to_owned());
    }
    Ok(arguments)
}

fn number<T: std::str::FromStr>(text: &str) -> Fallible<T> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}
