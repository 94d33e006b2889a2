//! `cost`: the numbers of the contract, without an account and without a network.

use crate::harness::Cli;

fn cost(arguments: &[&str]) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    Cli::new(folder.path()).json(&[&["cost"], arguments].concat())
}

#[test]
fn a_month_at_amazons_prices_is_as_computed_by_hand() {
    let bill = cost(&["--devices", "3", "--edits-per-day", "20", "--records", "2000"]);
    assert_eq!(bill["store"], "aws-us-east-1");
    assert!(bill["prices"]["source"].as_str().unwrap().starts_with("https://"));
    let month = &bill["month"];
    // 390 polls a day and device; 600 edits, each read by two others; 7 LISTs a day and device.
    assert_eq!(month["polls"], 35_100);
    assert_eq!((&month["requests"]["get"], &month["requests"]["put"]), (&39_300.into(), &1_800.into()));
    assert_eq!(month["requests"]["list"], 630);
    // 39,300 x $0.40 and 2,430 x $5, a million each.
    assert_eq!(month["requests_usd"], 0.02787);
    assert_eq!(month["storage_usd"], 0.000_189);
    assert_eq!(month["egress_usd"], 0.0);
    assert_eq!(month["total_usd"], 0.028_059);
    // The polls at $5 a million.
    assert_eq!(bill["by_list"]["requests_usd"], 0.18933);
}

#[test]
fn every_store_of_the_table_can_be_named() {
    for store in ["aws-us-east-1", "aws-eu-central-1", "aws-ap-southeast-2", "r2", "b2", "wasabi", "tigris", "self-hosted"] {
        let bill = cost(&["--devices", "2", "--edits-per-day", "5", "--users", "100", "--store", store]);
        assert_eq!(bill["store"], store);
        let (total, by_list) = (bill["month"]["total_usd"].as_f64().unwrap(), bill["by_list"]["total_usd"].as_f64().unwrap());
        assert!(by_list >= total, "{store}");
        assert!(store != "self-hosted" || by_list == 0.0, "{bill}");
    }
}

#[test]
fn people_get_a_table_and_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let cli = Cli::new(folder.path());
    let ran = cli.run(&["cost", "--devices", "2", "--edits-per-day", "10", "--store", "r2"]);
    let text = ran.text();
    for words in ["polls that find nothing new", "together", "by LIST", "Cloudflare R2", "developers.cloudflare.com"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let error = cli.fails(&["cost", "--devices", "2", "--edits-per-day", "10", "--store", "floppy"], 10, "store-unknown");
    assert!(error["help"].as_str().unwrap().contains("self-hosted"), "{error}");
    assert_eq!(cli.run(&["cost", "--devices", "0", "--edits-per-day", "10"]).code, Some(2));
    assert_eq!(cli.run(&["cost", "--devices", "2"]).code, Some(2));
}
