//! `audit anomalies`: asks a server where an auditor should look first. The look is itself an entry.

use crate::connection::Connection;
use crate::output;
use crate::shown::{self, list, text};
use model::terms::Date;
use serde_json::Value;
use std::process::ExitCode;

/// Entries named of each anomaly in a table; all of them are in the JSON.
const ENTRIES_SHOWN: usize = 8;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit anomalies --certificate here/certs/detroit/a.feld.pem --jurisdiction detroit \\\n    --from 2026-03-01 --to 2026-03-31 --times-peers 4\n\nWhat is listed is not wrong for that: it is where to look first. `audit show --first N --count 1` shows an entry."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// The first day; without --from and --to the last month
    #[arg(long, requires = "to")]
    from: Option<Date>,
    /// The last day, of 366 at most
    #[arg(long, requires = "from")]
    to: Option<Date>,
    /// List people who search so many times the median of their peers; 3 where absent
    #[arg(long)]
    times_peers: Option<u64>,
    /// ... and so often at least; 10 where absent
    #[arg(long)]
    searches: Option<u64>,
    /// List case numbers with so many different probes; 5 where absent
    #[arg(long)]
    subjects_per_case: Option<u64>,
    /// List probes under so many case numbers; 2 where absent
    #[arg(long)]
    cases_per_probe: Option<u64>,
    /// The first hour of the night; 22 where absent
    #[arg(long)]
    night_from: Option<u64>,
    /// The first hour that is no night any more; 6 where absent
    #[arg(long)]
    night_to: Option<u64>,
    /// List leads without a signature after so many hours; 72 where absent
    #[arg(long)]
    unsigned_hours: Option<u64>,
    /// List people who act from two kinds of device in less than so many minutes; 5 where absent
    #[arg(long)]
    concurrent_minutes: Option<u64>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// What is asked for, as the route takes it: days and numbers, none of which needs escaping.
    fn query(&self) -> String {
        let day = |day: Option<Date>| day.map(|day| day.to_string());
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let asked = [
            ("from", day(self.from)),
            ("to", day(self.to)),
            ("times_peers", number(self.times_peers)),
            ("searches", number(self.searches)),
            ("subjects_per_case", number(self.subjects_per_case)),
            ("cases_per_probe", number(self.cases_per_probe)),
            ("night_from", number(self.night_from)),
            ("night_to", number(self.night_to)),
            ("unsigned_hours", number(self.unsigned_hours)),
            ("concurrent_minutes", number(self.concurrent_minutes)),
        ];
        let given = asked.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        given.collect::<Vec<_>>().join("&")
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let connection = &arguments.connection;
    let path = format!("{}?{}", connection.path(["audit", "anomalies"])?, arguments.query());
    shown::tell(&connection.get(&path)?, arguments.json, show)
}

fn show(survey: &Value) {
    let [first, last, log] = ["first", "last", "log"].map(|name| text(&survey[name]));
    say!("{} entries of {log}, {first} to {last}", text(&survey["entries"]));
    if survey["purged"] != 0 {
        say!("what {} of them said was destroyed", text(&survey["purged"]));
    }
    if survey["minimum_index"] != 0 {
        say!("the log keeps its entries from {} on: what was before is not counted", text(&survey["minimum_index"]));
    }
    if !list(survey, "other_logs").is_empty() {
        say!("not looked at, as they are other hosts': {}", text(&survey["other_logs"]));
    }
    let mut table = output::table(["kind", "about", "number", "measure", "entries"]);
    for anomaly in list(survey, "anomalies") {
        let [kind, about, number, measure] = ["kind", "about", "number", "measure"].map(|name| text(&anomaly[name]));
        table.add_row([kind, about, number, measure, entries(list(anomaly, "entries"))]);
    }
    say!("{table}");
}

/// The first entries that a number comes from, and how many more there are.
fn entries(all: &[Value]) -> String {
    let shown = all.iter().take(ENTRIES_SHOWN).map(text).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(ENTRIES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use serde_json::json;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn typed(rest: &[&str]) -> Result<Arguments, clap::Error> {
        let command = ["anomalies", "--certificate", "a.pem", "--jurisdiction", "north"];
        Typed::try_parse_from(command.iter().chain(rest)).map(|typed| typed.arguments)
    }

    #[test]
    fn only_what_is_typed_is_asked() {
        assert_eq!(typed(&[]).unwrap().query(), "");
        let days = ["--from", "2026-03-01", "--to", "2026-03-31", "--times-peers", "4", "--night-to", "5"];
        assert_eq!(typed(&days).unwrap().query(), "from=2026-03-01&to=2026-03-31&times_peers=4&night_to=5");
        for wrong in [&["--from", "2026-03-01"][..], &["--times-peers", "-1"], &["--from", "x", "--to", "2026-03-31"]] {
            assert!(typed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_long_list_of_entries_says_how_long() {
        let all: Vec<Value> = (0..10).map(|n| json!(n)).collect();
        assert_eq!(entries(&all), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
        assert_eq!(entries(&all[..2]), "0, 1");
        assert_eq!(entries(&[]), "");
    }
}
