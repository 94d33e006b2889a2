//! What the demo came to: for people, for programs, and as an exit code.

use serde::Serialize;
use tidegate_sync_client::{Traffic, VersionState};

use super::contents::Contents;
use super::device::{Device, sum};
use super::hosted::Subscription;
use super::inspection::Inspection;
use crate::commands::tables;
use crate::failure::{Class, Failure};
use crate::style::{Style, count, shown, size};
use crate::table::{Column, Table};

/// Both devices at the end, and what the store could read.
pub(crate) struct Outcome {
    pub(crate) devices: [(Device, Contents); 2],
    /// Whether both devices hold every stored file and every edit as it was given.
    pub(crate) originals_intact: bool,
    pub(crate) inspection: Inspection,
    /// How the subscription went, in the hosted demo.
    pub(crate) hosted: Option<Subscription>,
    pub(crate) seconds: f64,
}

#[derive(Serialize)]
pub(crate) struct DemoDocument {
    ok: bool,
    devices: Vec<DeviceContents>,
    requests: RequestsOfDemo,
    bytes_up: u64,
    bytes_down: u64,
    seconds: f64,
    plaintext_bytes_found: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<Subscription>,
}

#[derive(Serialize)]
struct DeviceContents {
    name: &'static str,
    records: usize,
    attachments: usize,
    sha256: String,
}

#[derive(Serialize)]
struct RequestsOfDemo {
    get: u64,
    put: u64,
    head: u64,
    list: u64,
    delete: u64,
    presign: u64,
}

impl Outcome {
    /// Whether B's decrypted content equals A's, byte for byte.
    fn devices_agree(&self) -> bool {
        let [(_, of_a), (_, of_b)] = &self.devices;
        of_a.equals(of_b)
    }

    fn store_reads_nothing(&self) -> bool {
        self.inspection.findings.plaintext_bytes == 0
    }

    fn is_ok(&self) -> bool {
        self.devices_agree() && self.originals_intact && self.store_reads_nothing() && self.subscription_counts()
    }

    /// Whether access ended and came back with the subscription.
    fn subscription_counts(&self) -> bool {
        self.hosted.as_ref().is_none_or(Subscription::is_as_it_should)
    }

    fn total(&self) -> Traffic {
        let [(a, _), (b, _)] = &self.devices;
        sum(a.traffic(), b.traffic())
    }

    /// The document of the contract.
    pub(crate) fn document(&self) -> DemoDocument {
        let total = self.total();
        let of = |(device, contents): &(Device, Contents)| DeviceContents {
            name: device.name(),
            records: contents.listing.records.len(),
            attachments: contents.listing.attachments.len(),
            sha256: contents.sha256(),
        };
        let requests = total.requests;
        DemoDocument {
            ok: self.is_ok(),
            devices: self.devices.iter().map(of).collect(),
            requests: RequestsOfDemo {
                get: requests.get,
                put: requests.put,
                head: requests.head,
                list: requests.list,
                delete: requests.delete,
                presign: requests.presign,
            },
            bytes_up: total.bytes_up,
            bytes_down: total.bytes_down,
            seconds: self.seconds,
            plaintext_bytes_found: self.inspection.findings.plaintext_bytes,
            subscription: self.hosted.clone(),
        }
    }

    /// What the devices list: once where they agree, else each.
    pub(crate) fn what_each_sees(&self, style: Style) -> String {
        let [(_, of_a), (_, of_b)] = &self.devices;
        let list = |contents: &Contents| tables(&contents.listing, &contents.members, style);
        if self.devices_agree() {
            let heading = style.bold("What A sees, and B, byte for byte");
            return format!("\n{heading}\n\n{}{}", list(of_a), self.contested(style));
        }
        let (on_a, on_b) = (style.bold("What A sees"), style.bold("What B sees"));
        format!("\n{on_a}\n\n{}\n{on_b}\n\n{}", list(of_a), list(of_b))
    }

    /// Both versions of what was edited in two places at once.
    fn contested(&self, style: Style) -> String {
        let [(_, contents), _] = &self.devices;
        let Some(first) = contents.contested.first() else { return String::new() };
        let mut table = Table::new([Column::Left(""); 3]);
        for version in &contents.contested {
            let author = self.devices.iter().find(|(device, _)| device.client.device_id() == version.device);
            let author = author.map_or("", |(device, _)| device.name());
            let state = if version.state == VersionState::Winner { "current" } else { "kept beside it" };
            table.row([author.to_owned(), state.to_owned(), version.last_line.clone()]);
        }
        format!("\n  {} was edited in two places at once, and no edit is lost:\n\n{}", shown(&first.title), table.render(style))
    }

    /// The requests, and what the store could read.
    pub(crate) fn tables(&self, style: Style) -> String {
        let headings = ["", "get", "put", "head", "list", "delete", "presign", "up", "down"];
        let mut table =
            Table::new(headings.map(|heading| if heading.is_empty() { Column::Left("") } else { Column::Right(heading) }));
        for (device, _) in &self.devices {
            table.row(row(device.name(), &device.traffic()));
        }
        table.row(row("together", &self.total()));
        let (readable, how) = (self.inspection.findings.plaintext_bytes, self.how_it_was_searched());
        let readable = if readable == 0 { style.good(readable) } else { style.bad(readable) };
        format!(
            "{}\n\n{}\n{} {readable}\n{}\n\n{}\n",
            style.bold("Requests of the syncs, by kind"),
            table.render(style),
            style.bold("Bytes readable by the store:"),
            style.dim(how),
            self.last_line(style),
        )
    }

    fn how_it_was_searched(&self) -> String {
        let findings = &self.inspection.findings;
        let (objects, stored) = (count(findings.objects, "stored object"), size(findings.stored_bytes));
        let looked_for = self.inspection.looked_for;
        let mut how = format!(
            "  {objects}, {stored}: each searched raw, decompressed and decoded for {looked_for} contents, titles and names.\n  \
             A plaintext planted to test the search was found."
        );
        for key in findings.keys.iter().take(5) {
            how.push_str(&format!("\n  readable: {key}"));
        }
        how
    }

    fn last_line(&self, style: Style) -> String {
        let seconds = format!("{:.1} s", self.seconds);
        match self.verdict() {
            Ok(()) => {
                format!("{} B reads exactly what A wrote, and the store reads nothing  {}", style.good("✓"), style.dim(seconds))
            }
            Err(_) => format!("{} {}  {}", style.bad("✗"), self.fault(), style.dim(seconds)),
        }
    }

    fn fault(&self) -> &'static str {
        if !self.store_reads_nothing() {
            "the store can read plaintext: this is a bug in Tidegate, please report it"
        } else if !self.devices_agree() {
            "the two devices do not read the same content"
        } else if !self.originals_intact {
            "a device does not read what was stored"
        } else {
            "the broker did not follow the subscription: this is a bug in Tidegate, please report it"
        }
    }

    /// # Errors
    /// The exit code that fits what went wrong; the words have been said by then.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        match (self.store_reads_nothing(), self.devices_agree() && self.originals_intact) {
            (true, true) if self.subscription_counts() => Ok(()),
            (true, true) => Err(Failure::Told(Class::Bug)),
            (true, false) => Err(Failure::Told(Class::Damaged)),
            (false, _) => Err(Failure::Told(Class::Bug)),
        }
    }
}

fn row(name: &str, traffic: &Traffic) -> Vec<String> {
    let requests = traffic.requests;
    let counts = [requests.get, requests.put, requests.head, requests.list, requests.delete, requests.presign];
    let mut row = vec![name.to_owned()];
    row.extend(counts.map(|count| count.to_string()));
    row.extend([size(traffic.bytes_up), size(traffic.bytes_down)]);
    row
}
