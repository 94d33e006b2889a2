//! `cost`: a month's bill before it comes, from what the protocol asks of a store.

use serde::Serialize;
use tidegate_sync_client::cost::{Bill, Projection, StorePrices, Usage, project, store_named, stores};

use super::Context;
use crate::arguments::CostArguments;
use crate::document::RequestsDocument;
use crate::failure::Failure;
use crate::style::{Style, size};
use crate::table::{Column, Table};

#[derive(Serialize)]
struct CostDocument {
    store: &'static str,
    prices: PricesDocument,
    usage: UsageDocument,
    month: MonthDocument,
    by_list: BillDocument,
}

#[derive(Serialize)]
struct PricesDocument {
    source: &'static str,
    as_of: &'static str,
}

#[derive(Serialize)]
struct UsageDocument {
    users: u64,
    devices: u64,
    members: u64,
    edits_per_day: u64,
    records: u64,
    record_bytes: u64,
}

#[derive(Serialize)]
struct MonthDocument {
    requests: RequestsDocument,
    polls: u64,
    stored_bytes: u64,
    egress_bytes: u64,
    #[serde(flatten)]
    bill: BillDocument,
}

/// US dollars.
#[derive(Serialize)]
struct BillDocument {
    requests_usd: f64,
    storage_usd: f64,
    egress_usd: f64,
    total_usd: f64,
}

impl From<&Bill> for BillDocument {
    fn from(bill: &Bill) -> Self {
        // To a millionth of a dollar: what is below that is noise of the arithmetic.
        let rounded = |usd: f64| (usd * 1e6).round() / 1e6;
        Self {
            requests_usd: rounded(bill.requests),
            storage_usd: rounded(bill.storage),
            egress_usd: rounded(bill.egress),
            total_usd: rounded(bill.total()),
        }
    }
}

pub(super) fn run(context: &Context, arguments: &CostArguments) -> Result<(), Failure> {
    let prices = prices_of(&arguments.store)?;
    let CostArguments { users, devices, members, edits_per_day, records, record_bytes, .. } = *arguments;
    let usage = Usage { users, devices, members, edits_per_day, records, record_bytes };
    let month = project(&usage, prices);
    let document = CostDocument {
        store: &prices.store,
        prices: PricesDocument { source: &prices.source, as_of: &prices.as_of },
        usage: UsageDocument { users, devices, members, edits_per_day, records, record_bytes },
        month: MonthDocument {
            requests: month.requests.into(),
            polls: month.polls,
            stored_bytes: month.stored_bytes,
            egress_bytes: month.egress_bytes,
            bill: BillDocument::from(&month.bill),
        },
        by_list: BillDocument::from(&month.bill_by_list),
    };
    context.output.result(&document, |style| table(&month, prices, style))
}

/// The prices of the store of this name.
pub(super) fn prices_of(store: &str) -> Result<&'static StorePrices, Failure> {
    store_named(store).map_err(|error| {
        let known: Vec<&str> = stores().iter().map(|store| store.store.as_str()).collect();
        Failure::invalid("store-unknown", error.to_string(), format!("name one of {}", known.join(", ")))
    })
}

fn table(month: &Projection, prices: &StorePrices, style: Style) -> String {
    let mut table = Table::new([Column::Left("a month"), Column::Right(""), Column::Right("US dollars")]);
    let (requests, bill) = (&month.requests, &month.bill);
    let rows = [
        ("polls that find nothing new", month.polls.to_string(), String::new()),
        ("other reads", (requests.get - month.polls).to_string(), String::new()),
        ("writes", requests.put.to_string(), String::new()),
        ("listings", requests.list.to_string(), String::new()),
        ("requests", (requests.get + requests.put + requests.list).to_string(), usd(bill.requests)),
        ("stored at the end", size(month.stored_bytes), usd(bill.storage)),
        ("read over the internet", size(month.egress_bytes), usd(bill.egress)),
        ("together", String::new(), usd(bill.total())),
        ("the same with polls by LIST", String::new(), usd(month.bill_by_list.total())),
    ];
    for (what, count, cost) in rows {
        table.row([what.to_owned(), count, cost]);
    }
    let source = format!("{}: prices of {}, {}", prices.name, prices.as_of, prices.source);
    format!("{}\n  {}\n", table.render(style), style.dim(source))
}

/// With as many digits as tell small amounts apart.
fn usd(amount: f64) -> String {
    if amount == 0.0 || amount >= 1.0 { format!("{amount:.2}") } else { format!("{amount:.5}") }
}
