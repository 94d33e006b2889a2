//! What is done, in which order: rounds take turns among the tools.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::Fallible;
use super::arguments::Arguments;
use super::files::{Files, check_same_file, create_big};
use super::machine::Machine;
use super::outcome::{Outcome, Row, Sample, Task};
use super::store::Store;
use super::tool::{self, Place, Step, TOOLS, Tool};

/// The device that reads what device 0 writes.
const READER: usize = 1;

type Tools = Vec<Box<dyn Tool>>;

/// Everything that a run holds.
struct Run<'a> {
    arguments: &'a Arguments,
    folder: PathBuf,
    store: Store,
    tools: Tools,
    outcome: Outcome,
    with_history: bool,
    places: usize,
    /// The last of the devices so far. All but the first two read everything once and take no part again.
    devices: usize,
}

/// Measures all that the arguments ask for.
pub(crate) fn run(arguments: &Arguments) -> Fallible<Outcome> {
    let folder = tempfile::Builder::new().prefix("bench-sync-").tempdir().map_err(|error| error.to_string())?;
    let (tools, missing) = tools(arguments)?;
    let outcome = Outcome {
        machine: Machine::here(),
        command: env::args().skip(1).collect::<Vec<_>>().join(" "),
        records: arguments.records,
        changes: arguments.changes,
        history: arguments.history,
        big_mib: arguments.big_mib,
        rounds: arguments.rounds,
        tools: tools.iter().map(|tool| tool.name().to_owned()).collect(),
        versions: tools.iter().map(|tool| tool.version()).collect::<Fallible<_>>()?,
        missing,
        samples: BTreeMap::new(),
    };
    let store = start_store(&folder.path().join("store-of-records"))?;
    let folder = folder.path().to_owned();
    let mut run = Run { arguments, folder, store, tools, outcome, with_history: false, places: 0, devices: READER };
    run.records()?;
    run.big()?;
    Ok(run.outcome)
}

/// The tools that were asked for, and the names of those that are not installed.
fn tools(arguments: &Arguments) -> Fallible<(Tools, Vec<String>)> {
    let (mut tools, mut missing) = (Vec::new(), Vec::new());
    for name in TOOLS.into_iter().filter(|name| arguments.tools.contains(*name)) {
        match tool::find(name)? {
            Some(tool) => tools.push(tool),
            None => {
                eprintln!("{name} is not installed (no such program in PATH): it is left out");
                missing.push(name.to_owned());
            }
        }
    }
    Ok((tools, missing))
}

fn start_store(folder: &Path) -> Fallible<Store> {
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    Store::seaweedfs(folder)
}

impl Run<'_> {
    fn records(&mut self) -> Fallible<()> {
        let mut files = Files::create(self.folder.join("files"), self.arguments.records, 1)?;
        let all = files.all();
        for _ in 0..self.arguments.rounds {
            self.set_up_all()?;
            self.each(Task::FirstUpload, |tool| tool.send(&files, &all))?;
            self.first_download(READER, &files)?;
        }
        self.rows(&mut files)?;
        if self.arguments.history > 0 {
            self.make_history(&mut files)?;
            self.with_history = true;
            self.rows(&mut files)?;
        }
        Ok(())
    }

    /// The rows of a place that is in use.
    fn rows(&mut self, files: &mut Files) -> Fallible<()> {
        for _ in 0..self.arguments.rounds {
            self.each(Task::NoOp, |tool| tool.send(files, &[]))?;
            let changed = files.change(1)?;
            self.each(Task::OneChange, |tool| tool.send(files, &changed))?;
            self.each(Task::OneChangeRead, |tool| tool.receive(READER))?;
            let changed = files.change(self.arguments.changes)?;
            self.each(Task::ManyChanges, |tool| tool.send(files, &changed))?;
            self.each(Task::ManyChangesRead, |tool| tool.receive(READER))?;
            for tool in &self.tools {
                tool.check(READER, files)?;
            }
            if self.with_history {
                self.devices += 1;
                self.first_download(self.devices, files)?;
            }
        }
        Ok(())
    }

    fn first_download(&mut self, device: usize, files: &Files) -> Fallible<()> {
        for tool in &mut self.tools {
            tool.add_device(device)?;
        }
        self.each(Task::FirstDownload, |tool| tool.receive(device))?;
        self.tools.iter().try_for_each(|tool| tool.check(device, files))
    }

    /// Changes records until so many changes have been made, half of the records in each sync.
    fn make_history(&mut self, files: &mut Files) -> Fallible<()> {
        let mut made = self.arguments.records + self.arguments.rounds * (self.arguments.changes + 1);
        while made < self.arguments.history {
            let changed = files.change(self.arguments.records.div_ceil(2))?;
            made += changed.len();
            eprintln!("history: {made} changes");
            for tool in &mut self.tools {
                tool.send(files, &changed)?;
            }
        }
        for tool in &mut self.tools {
            tool.receive(READER)?;
        }
        Ok(())
    }

    fn big(&mut self) -> Fallible<()> {
        if self.arguments.big_mib == 0 {
            return Ok(());
        }
        self.with_history = false;
        let file = self.folder.join("big").join("large.bin");
        fs::create_dir_all(self.folder.join("big")).map_err(|error| error.to_string())?;
        create_big(&file, self.arguments.big_mib, 2)?;
        for round in 0..self.arguments.big_rounds {
            for index in 0..self.tools.len() {
                // A store of its own for each, so that the disk holds no more than one copy.
                let folder = self.folder.join(format!("store-of-{round}-{index}"));
                self.store = start_store(&folder)?;
                self.big_of(index, &file)?;
                fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    fn big_of(&mut self, index: usize, file: &Path) -> Fallible<()> {
        let place = self.new_place();
        self.tools[index].set_up(&place)?;
        self.one(index, Task::BigUpload, &mut |tool| tool.send_big(file))?;
        self.tools[index].add_device(READER)?;
        self.one(index, Task::BigDownload, &mut |tool| tool.receive(READER))?;
        check_same_file(file, &self.tools[index].folder_of(READER).join("large.bin"))?;
        fs::remove_dir_all(&place.folder).map_err(|error| error.to_string())
    }

    fn set_up_all(&mut self) -> Fallible<()> {
        for index in 0..self.tools.len() {
            let place = self.new_place();
            self.tools[index].set_up(&place)?;
        }
        Ok(())
    }

    fn new_place(&mut self) -> Place {
        self.places += 1;
        let prefix = format!("place-{}", self.places);
        Place { folder: self.folder.join(&prefix), endpoint: self.store.endpoint(), prefix }
    }

    /// One round of a row, of each tool in turn.
    fn each(&mut self, task: Task, mut work: impl FnMut(&mut dyn Tool) -> Fallible<Vec<Step>>) -> Fallible<()> {
        for index in 0..self.tools.len() {
            self.one(index, task, &mut work)?;
        }
        Ok(())
    }

    fn one(&mut self, index: usize, task: Task, work: &mut dyn FnMut(&mut dyn Tool) -> Fallible<Vec<Step>>) -> Fallible<()> {
        let before = self.store.requests()?;
        let tool = &mut self.tools[index];
        let name = tool.name().to_owned();
        let steps = work(&mut **tool).map_err(|error| format!("{name}, {task:?}: {error}"))?;
        let requests = self.store.requests()? - before;
        tell(&name, task, &steps, requests);
        let row = Row { with_history: self.with_history, task };
        self.outcome.samples.entry((row, name)).or_default().push(Sample { steps, requests });
        Ok(())
    }
}

/// Says on standard error how it goes.
fn tell(name: &str, task: Task, steps: &[Step], requests: u64) {
    let steps: Vec<String> = steps
        .iter()
        .map(|step| {
            let taken = step.taken;
            format!("{} {:.2} s ({:.2} cpu, {} MiB)", step.name, taken.wall, taken.cpu, taken.peak_kib >> 10)
        })
        .collect();
    eprintln!("{name}: {task:?}: {}, {requests} requests", steps.join(" + "));
}
