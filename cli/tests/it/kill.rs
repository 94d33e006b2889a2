//! The command line killed at random moments: what was acknowledged is there, exactly, and the rest is simply done again.

use std::collections::BTreeMap;
use std::process::Child;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::backend::{Backend, Kind, invite_of};
use crate::harness::{Cli, Random, finish};

const ROUNDS: u64 = 50;

/// A moment between now and `most` milliseconds from now.
fn moment(random: &mut Random, most: u64) -> Duration {
    Duration::from_micros(random.next() % (most * 1_000))
}

pub(crate) fn seed() -> u64 {
    let given = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    given
        .unwrap_or_else(|| u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() & 0xffff_ffff).unwrap())
}

/// Starts a command and kills it after a while; whether it had ended well before that.
fn run_and_kill(cli: &Cli, arguments: &[&str], after: Duration) -> bool {
    let mut child: Child = cli.command(arguments).spawn().unwrap();
    std::thread::sleep(after);
    // It may have ended already.
    let _ = child.kill();
    let ran = finish(child, arguments);
    assert!(ran.code.is_none_or(|code| code == 0), "killed or done, but never failed: {ran:?}");
    ran.code == Some(0)
}

#[test]
fn fifty_rounds_of_kill_at_random_moments_lose_nothing() {
    let seed = seed();
    println!("TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let backend = Backend::start(Kind::EmbeddedDev);
    let (a, b) = backend.two_devices();

    let mut contents = BTreeMap::new();
    let (mut puts_killed, mut syncs_killed) = (0, 0);
    for round in 0..ROUNDS {
        let title = format!("round-{round:02}.bin");
        let length = usize::try_from(random.next() % 40_000).unwrap();
        let content = random.bytes(length);
        let file = backend.file(&title, &content);
        let acknowledged = run_and_kill(&a, &["put", &file, "--member", "Ada"], moment(&mut random, 60));
        puts_killed += u64::from(!acknowledged);
        let listed = stored(&a);
        let count = listed.iter().filter(|record| record.0 == title).count();
        assert!(count <= 1 && (count == 1 || !acknowledged), "round {round}: {count} of {title}, acknowledged: {acknowledged}");
        if count == 0 {
            a.json(&["put", &file, "--member", "Ada"]);
        }
        contents.insert(title, content);
        let device = if round % 5 == 4 { &b } else { &a };
        syncs_killed += u64::from(!run_and_kill(device, &["sync"], moment(&mut random, 120)));
    }
    println!("{ROUNDS} rounds: {puts_killed} puts and {syncs_killed} syncs were killed");
    assert!(puts_killed > 0 && syncs_killed > 0, "none was killed in time: the moments are chosen badly");
    a.json(&["sync"]);
    b.json(&["sync"]);
    for device in [&a, &b] {
        assert_eq!(device.json(&["status"])["pending"], 0);
        assert_eq!(device.json(&["conflicts"])["conflicts"].as_array().unwrap().len(), 0);
        let listed = stored(device);
        assert_eq!(listed.len(), contents.len(), "each file is there once");
        for (title, id) in listed {
            assert_eq!(device.get(&id), contents[&title], "{title}");
        }
    }
}

#[test]
fn an_init_killed_at_random_moments_ends_in_one_account_and_its_code() {
    let seed = seed();
    println!("TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let backend = Backend::start(Kind::EmbeddedDev);
    let mut killed = 0;
    for round in 0..8 {
        let invite = invite_of(&backend.data(), &format!("person-{round}"), 2);
        let device = |name: &str| Cli::new(&backend.path(&format!("{name}-{round}"))).with("TIDEGATE_INVITE", &invite);
        let (a, b) = (device("a"), device("b"));
        let code = backend.path(&format!("code-{round}")).to_str().unwrap().to_owned();
        let init = backend.enrol("init", &["--recovery-file", &code]);
        for _ in 0..3 {
            let mut child = a.command(&init).spawn().unwrap();
            std::thread::sleep(moment(&mut random, 150));
            // It may have ended already.
            let _ = child.kill();
            killed += u64::from(finish(child, &init).code.is_none());
        }
        let ran = a.run(&[&init[..], &["--json"]].concat());
        if ran.code != Some(0) {
            // A kill came when all was done.
            ran.expect_failure(10, "already-enrolled");
        }
        a.json(&["member", "add", "Ada"]);
        a.json(&["sync"]);
        b.json(&backend.enrol("join", &["--recovery-file", &code]));
        b.json(&["sync"]);
        assert_eq!(b.json(&["member", "list"])["members"].as_array().unwrap().len(), 1);
    }
    println!("{killed} inits were killed");
    assert!(killed > 0);
}

/// Titles and ids of a device's records.
fn stored(device: &Cli) -> Vec<(String, String)> {
    let listing = device.json(&["list"]);
    let text = |record: &serde_json::Value, field: &str| record[field].as_str().unwrap().to_owned();
    listing["records"].as_array().unwrap().iter().map(|record| (text(record, "title"), text(record, "record_id"))).collect()
}
