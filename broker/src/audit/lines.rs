//! Lines on standard output, by a thread of their own: a reader that hangs holds up no request.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::event::Event;

/// Lines that wait to be written.
const MOST_WAITING: usize = 10_000;
/// Lines that are written at once.
const MOST_AT_ONCE: usize = 256;
/// After the first of them others are waited for so long: a busy broker would wake the thread for each.
const GATHER: Duration = Duration::from_millis(5);
/// At the end a reader that hangs is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(5);
const FORMAT: &str = "tidegate/audit/v1";

#[derive(Serialize)]
struct Line<'a> {
    audit: &'static str,
    #[serde(flatten)]
    event: &'a Event,
}

/// The thread that writes. Dropped, it writes what waits and ends.
pub(super) struct Lines {
    sender: Option<SyncSender<Vec<u8>>>,
    ended: Option<Mutex<Receiver<()>>>,
}

impl Lines {
    pub(super) fn to(output: impl Write + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let (end, ended) = channel::<()>();
        let thread = thread::Builder::new().name("audit".to_owned()).spawn(move || {
            write_all(output, &receiver);
            drop(end);
        });
        match thread {
            Ok(_) => Self { sender: Some(sender), ended: Some(Mutex::new(ended)) },
            Err(error) => {
                tracing::error!(%error, "no thread for the audit lines; there will be none");
                Self { sender: None, ended: None }
            }
        }
    }

    /// `false` if nobody takes the lines as fast as they come.
    pub(super) fn write(&self, event: &Event) -> bool {
        let mut line =
            serde_json::to_vec(&Line { audit: FORMAT, event }).expect("events are plain structs, which always serialise");
        line.push(b'\n');
        self.sender.as_ref().is_some_and(|sender| sender.try_send(line).is_ok())
    }
}

fn write_all(mut output: impl Write, lines: &Receiver<Vec<u8>>) {
    while let Ok(mut text) = lines.recv() {
        thread::sleep(GATHER);
        text.extend(lines.try_iter().take(MOST_AT_ONCE - 1).flatten());
        let written = output.write_all(&text).and_then(|()| output.flush());
        if let Err(error) = written {
            // Nobody reads any more.
            tracing::error!(%error, "the audit lines cannot be written");
            return;
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(ended) = self.ended.take() {
            let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
            // The thread drops its end; nothing is ever sent.
            let _ = ended.recv_timeout(PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use tidegate_protocol::{DeviceId, UserId};
    use time::macros::datetime;
    use uuid::Uuid;

    use super::super::event::Action;
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn event() -> Event {
        Event {
            at: datetime!(2026-11-22 09:30 UTC),
            user: UserId::new(Uuid::from_u128(1)),
            device: DeviceId::new(Uuid::from_u128(2)),
            action: Action::SessionOpened { scope: "full".to_owned() },
        }
    }

    #[test]
    fn every_event_is_one_line_of_json() {
        let output = Shared::default();
        let lines = Lines::to(output.clone());
        assert!(lines.write(&event()) && lines.write(&event()));
        drop(lines);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let expected = r#"{"audit":"tidegate/audit/v1","at":"2026-11-22T09:30:00.000Z","user":"00000000-0000-0000-0000-000000000001","device":"00000000-0000-0000-0000-000000000002","action":"session-opened","scope":"full"}"#;
        assert_eq!(text, format!("{expected}\n{expected}\n"));
    }

    #[test]
    fn a_reader_that_hangs_holds_nobody_up() {
        struct Hangs(Receiver<()>);
        impl Write for Hangs {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _ = self.0.recv();
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (release, held) = std::sync::mpsc::channel();
        let lines = Lines::to(Hangs(held));
        let taken = (0..MOST_WAITING + 2 * MOST_AT_ONCE).filter(|_| lines.write(&event())).count();
        assert!((MOST_WAITING..=MOST_WAITING + MOST_AT_ONCE).contains(&taken), "{taken}");
        drop(release);
    }
}
