//! The command line stopped at every named effect, before and after it, then run again: nothing is lost, nothing is twice.
//!
//! A first run of each command writes down which points it crosses; then the same command is aborted at each of them in turn.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::backend::{Backend, Kind, invite_of};
use crate::harness::{Cli, Ran, finish};

/// A point and how often it has been crossed when the process is to end.
pub(crate) type Point = (String, usize);

/// An account with two devices, and files to store.
struct World {
    backend: Backend,
    a: Cli,
    b: Cli,
    files: usize,
    members: usize,
    /// What must be readable in the end: contents by title.
    contents: BTreeMap<String, Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let backend = Backend::start(Kind::EmbeddedDev);
        let (a, b) = backend.two_devices();
        Self { backend, a, b, files: 0, members: 1, contents: BTreeMap::new() }
    }

    /// A new file with content of its own.
    fn file(&mut self, length: usize) -> (String, String) {
        self.files += 1;
        let title = format!("file-{:03}.bin", self.files);
        let seed = u8::try_from(self.files % 251).unwrap();
        let content: Vec<u8> = (0..length).map(|index| (index as u8).wrapping_mul(31) ^ (index >> 8) as u8 ^ seed).collect();
        let path = self.backend.file(&title, &content);
        self.contents.insert(title.clone(), content);
        (title, path)
    }

    /// Puts without interruption.
    fn put(&mut self, length: usize) -> String {
        let (title, path) = self.file(length);
        self.a.json(&["put", &path, "--member", "Ada"]);
        title
    }

    /// One more family member, whose key has to reach the other device.
    fn add_member(&mut self) {
        self.members += 1;
        self.a.json(&["member", "add", &format!("Member {}", self.members)]);
    }

    /// Both devices agree, nothing waits, every member is known, and every content is there once, byte for byte.
    fn check(&self) {
        self.a.json(&["sync"]);
        self.b.json(&["sync"]);
        for device in [&self.a, &self.b] {
            assert_eq!(device.json(&["status"])["pending"], 0);
            assert_eq!(device.json(&["member", "list"])["members"].as_array().unwrap().len(), self.members);
            let listing = device.json(&["list"]);
            let records = listing["records"].as_array().unwrap().iter().map(|record| (&record["title"], &record["record_id"]));
            let attachments =
                listing["attachments"].as_array().unwrap().iter().map(|attachment| (&attachment["name"], &attachment["hmac"]));
            let found: Vec<(&str, &str)> =
                records.chain(attachments).map(|(title, id)| (title.as_str().unwrap(), id.as_str().unwrap())).collect();
            assert_eq!(found.len(), self.contents.len(), "each once: {found:?}");
            for (title, id) in found {
                assert_eq!(device.get(id), self.contents[title], "{title}");
            }
        }
    }
}

/// The points that a command crosses, each with how many times.
pub(crate) fn points_of(cli: &Cli, file: &PathBuf, arguments: &[&str]) -> Vec<Point> {
    let _ = fs::remove_file(file);
    cli.clone().with("TIDEGATE_POINTS_FILE", file).json(arguments);
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    text.lines()
        .map(|name| {
            let count = counts.entry(name).or_default();
            *count += 1;
            (name.to_owned(), *count)
        })
        .collect()
}

/// Runs a command that ends at this point; whether it did.
pub(crate) fn ends_at(cli: &Cli, (name, count): &Point, arguments: &[&str]) -> bool {
    let cli = cli.clone().with("TIDEGATE_KILL_AT", format!("{name}:{count}"));
    let ran: Ran = finish(cli.command(arguments).spawn().unwrap(), arguments);
    assert!(ran.code.is_none_or(|code| code == 0), "aborted or done: {ran:?}");
    ran.code.is_none()
}

/// Every one of these effects was among the points.
fn includes(killed: &BTreeMap<String, usize>, effects: &[&str]) {
    for effect in effects {
        assert!(killed.contains_key(*effect), "nothing was killed at {effect}: {killed:?}");
    }
}

fn tell(what: &str, killed: &BTreeMap<String, usize>) {
    let list: Vec<String> = killed.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("{what}: killed at {}", list.join(", "));
    assert!(!killed.is_empty() && killed.values().all(|count| *count > 0), "{what}: a point at which nothing was killed");
}

#[test]
#[ignore = "a minute: just test-crash-points"]
fn crash_points_of_writes_lose_nothing() {
    let mut world = World::new();
    let points_file = world.backend.path("points");
    for (command, length) in [("put", 200), ("put", 20_000), ("attach", 30_000)] {
        let (_, path) = world.file(length);
        let points = points_of(&world.a, &points_file, &[command, &path, "--member", "Ada"]);
        let mut killed = BTreeMap::new();
        for point in &points {
            let (title, path) = world.file(length);
            if ends_at(&world.a, point, &[command, &path, "--member", "Ada"]) {
                *killed.entry(point.0.clone()).or_default() += 1;
            }
            let listing = world.a.json(&["list"]);
            if !listing.to_string().contains(&title) {
                world.a.json(&[command, &path, "--member", "Ada"]);
            }
        }
        tell(&format!("{command} of {length} bytes"), &killed);
        assert_eq!(killed.values().sum::<usize>(), points.len(), "every point was reached");
    }
    world.check();
}

/// Fills the world and ends a sync of `device` at each point that a first one crosses, then lets it sync; what it was ended at.
fn end_syncs(world: &mut World, device: fn(&World) -> &Cli, fill: fn(&mut World)) -> BTreeMap<String, usize> {
    fill(world);
    let points = points_of(device(world), &world.backend.path("points"), &["sync"]);
    let mut killed = BTreeMap::new();
    for point in &points {
        fill(world);
        if ends_at(device(world), point, &["sync"]) {
            *killed.entry(point.0.clone()).or_default() += 1;
        }
        device(world).json(&["sync"]);
    }
    killed
}

#[test]
#[ignore = "a minute: just test-crash-points"]
fn crash_points_of_a_sync_that_sends_lose_nothing() {
    let mut world = World::new();
    let killed = end_syncs(
        &mut world,
        |world| &world.a,
        |world| {
            world.add_member();
            world.put(100);
            world.put(9_000);
            let (_, path) = world.file(12_000);
            world.a.json(&["attach", &path, "--member", "Ada"]);
        },
    );
    tell("sync that sends", &killed);
    includes(&killed, &["get-doorbell", "put-grant", "persist-grants-sent", "load-content", "put-object"]);
    includes(&killed, &["persist-built-segment", "put-segment", "persist-sent-segment", "put-doorbell", "persist-rung"]);
    world.check();
}

#[test]
#[ignore = "a minute: just test-crash-points"]
fn crash_points_of_a_sync_that_fetches_lose_nothing() {
    let mut world = World::new();
    let killed = end_syncs(
        &mut world,
        |world| &world.b,
        |world| {
            world.add_member();
            world.put(100);
            world.put(9_000);
            world.a.json(&["sync"]);
        },
    );
    tell("sync that fetches", &killed);
    includes(&killed, &["get-doorbell", "get-segment", "persist-segments", "get-grant", "persist-grants", "list-devices"]);
    includes(&killed, &["persist-doorbell", "get-object", "persist-contents"]);
    world.check();
}

/// As if all that is stored, and all that the first device has noticed as garbage, were so many days older.
fn age(world: &World, days: i64) {
    let index = find(&world.backend.data(), "index.sqlite").expect("the embedded store has an index");
    let by = "- ?1 * 86400000";
    let store = Connection::open(index).unwrap();
    store.execute(&format!("UPDATE objects SET modified_ms = modified_ms {by}"), [days]).unwrap();
    let device = Connection::open(world.backend.path("a").join("tidegate.db")).unwrap();
    device.execute(&format!("UPDATE unreferenced SET since_ms = since_ms {by}"), [days]).unwrap();
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find_map(|path| if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) })
}

#[test]
#[ignore = "a minute: just test-crash-points"]
fn crash_points_of_gc_lose_nothing_and_the_next_one_ends_the_work() {
    let mut world = World::new();
    // A sync that was ended after its upload leaves an object that nobody names; it is found, and a week goes by.
    let fill = |world: &mut World| {
        world.put(9_000);
        assert!(ends_at(&world.a, &("persist-built-segment".to_owned(), 1), &["sync"]));
        world.a.json(&["sync"]);
        let waiting = world.a.json(&["gc"])["waiting"][0]["objects"].as_u64().unwrap();
        assert_eq!(waiting, 1);
        age(world, 8);
    };
    fill(&mut world);
    let (a, points_file) = (world.a.clone(), world.backend.path("points"));
    assert_eq!(a.json(&["gc", "--dry-run"])["deleted"]["objects"], 1);
    let points = points_of(&a, &points_file, &["gc"]);
    let mut killed = BTreeMap::new();
    for point in &points {
        fill(&mut world);
        if ends_at(&a, point, &["gc"]) {
            *killed.entry(point.0.clone()).or_default() += 1;
        }
        a.json(&["gc"]);
        let last = a.json(&["gc"]);
        assert_eq!((&last["deleted"]["objects"], &last["waiting"]), (&0.into(), &serde_json::json!([])), "{point:?}");
    }
    tell("gc", &killed);
    includes(&killed, &["list-objects", "get-doorbell", "list-devices", "list-checkpoints", "delete-objects", "persist-garbage"]);
    world.check();
}

#[test]
#[ignore = "a minute: just test-crash-points"]
fn crash_points_of_init_end_in_one_account_and_its_code() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let points_file = backend.path("points");
    let run = |name: &str, point: Option<&Point>| -> (Vec<Point>, bool) {
        let invite = invite_of(&backend.data(), name, 2);
        let device = |which: &str| Cli::new(&backend.path(&format!("{which}-{name}"))).with("TIDEGATE_INVITE", &invite);
        let (a, b, code) = (device("a"), device("b"), backend.path(&format!("code-{name}")));
        let init = backend.enrol("init", &["--recovery-file", code.to_str().unwrap()]);
        let Some(point) = point else { return (points_of(&a, &points_file, &init), false) };
        let killed = ends_at(&a, point, &init);
        if killed {
            a.json(&init);
        }
        a.json(&["member", "add", "Ada"]);
        a.json(&["sync"]);
        b.json(&backend.enrol("join", &["--recovery-file", code.to_str().unwrap()]));
        b.json(&["sync"]);
        assert_eq!(b.json(&["member", "list"])["members"].as_array().unwrap().len(), 1);
        (Vec::new(), killed)
    };
    let (points, _) = run("first", None);
    let mut killed = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        if run(&format!("person-{index}"), Some(point)).1 {
            *killed.entry(point.0.clone()).or_default() += 1;
        }
    }
    tell("init", &killed);
    assert_eq!(killed.values().sum::<usize>(), points.len(), "every point was reached");
}

#[test]
#[ignore = "a minute: just test-crash-points"]
fn crash_points_of_join_end_in_one_device() {
    let world = World::new();
    let code = world.backend.path("code").to_str().unwrap().to_owned();
    let points_file = world.backend.path("points");
    let invite = invite_of(&world.backend.data(), "family", 100);
    let device = |name: &str| Cli::new(&world.backend.path(name)).with("TIDEGATE_INVITE", &invite);
    let join = world.backend.enrol("join", &["--recovery-file", &code]);
    let points = points_of(&device("first"), &points_file, &join);
    let mut killed = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        let cli = device(&format!("joins-{index}"));
        if ends_at(&cli, point, &join) {
            *killed.entry(point.0.clone()).or_default() += 1;
            cli.json(&join);
        }
        cli.json(&["sync"]);
        assert_eq!(cli.json(&["member", "list"])["members"].as_array().unwrap().len(), 1);
    }
    tell("join", &killed);
    assert_eq!(killed.values().sum::<usize>(), points.len(), "every point was reached");
}

#[test]
#[ignore = "a minute: just test-crash-points"]
fn crash_points_of_new_keys_end_in_one_account_with_one_code() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let points_file = backend.path("points");
    let run = |name: &str, point: Option<&Point>| -> (Vec<Point>, bool) {
        let invite = invite_of(&backend.data(), name, 3);
        let device = |which: &str| Cli::new(&backend.path(&format!("{which}-{name}"))).with("TIDEGATE_INVITE", &invite);
        let path = |which: &str| backend.path(&format!("{which}-{name}")).to_str().unwrap().to_owned();
        let (a, b, old, new) = (device("a"), device("b"), path("old-code"), path("new-code"));
        a.json(&backend.enrol("init", &["--recovery-file", &old]));
        a.json(&["member", "add", "Ada"]);
        let note = backend.file("note.txt", b"what was there before");
        a.json(&["put", &note, "--member", "Ada"]);
        a.json(&["sync"]);
        b.json(&backend.enrol("join", &["--recovery-file", &old]));
        b.json(&["sync"]);
        let rotate = ["account", "rotate", "--recovery-file", &old, "--new-recovery-file", &new];
        if point.is_none() {
            return (points_of(&a, &points_file, &rotate), false);
        }
        let killed = point.is_some_and(|point| ends_at(&a, point, &rotate));
        if killed {
            let again = a.run(&rotate);
            // Stopped after the code was handed over: there is nothing to go on with, and its file is not written over.
            assert!(again.code == Some(0) || again.stderr.contains("file-exists"), "{again:?}");
        }
        a.json(&["sync"]);
        b.json(&backend.enrol("join", &["--recovery-file", &new]));
        for cli in [&a, &b] {
            let synced = cli.json(&["sync"]);
            assert_eq!(synced["quarantined"], serde_json::json!([]), "{point:?}");
            assert_eq!(cli.json(&["list"])["records"].as_array().unwrap().len(), 1);
        }
        (Vec::new(), killed)
    };
    let (points, _) = run("first", None);
    // The effects of the two syncs in it are tried elsewhere.
    let own = ["new-keys-", "persist-checkpoint", "put-checkpoint", "put-doorbell"];
    let points: Vec<Point> = points.into_iter().filter(|(name, _)| own.iter().any(|own| name.starts_with(own))).collect();
    let mut killed = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        if run(&format!("person-{index}"), Some(point)).1 {
            *killed.entry(point.0.clone()).or_default() += 1;
        }
    }
    tell("account rotate", &killed);
    includes(&killed, &["new-keys-decided", "new-keys-granted-anew", "new-keys-stored", "new-keys-replaced"]);
    includes(&killed, &["new-keys-granted", "new-keys-taken-up", "put-checkpoint"]);
    assert_eq!(killed.values().sum::<usize>(), points.len(), "every point was reached");
}
