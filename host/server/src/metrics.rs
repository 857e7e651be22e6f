//! Prometheus metrics. Labels are routes and numbers, never people or error texts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// What the server counts.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram>,
    log_entries: Family<Jurisdiction, Gauge>,
    gallery_records: Family<Gallery, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    route: String,
    status: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Jurisdiction {
    jurisdiction: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Gallery {
    jurisdiction: String,
    gallery: String,
}

/// Upper bounds of the latency buckets, in seconds: a search takes some milliseconds, a photograph some tens.
const BUCKETS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0];

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::default();
        let seconds = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let (log_entries, gallery_records) = (Family::default(), Family::default());
        let mut registry = Registry::with_prefix("magistrate");
        registry.register("requests", "Requests answered, by route and status", requests.clone());
        registry.register("request_seconds", "Time to answer, by route", seconds.clone());
        registry.register("log_entries", "Entries in the audit log", log_entries.clone());
        registry.register("gallery_records", "Records enrolled", gallery_records.clone());
        Self { registry, requests, seconds, log_entries, gallery_records }
    }
}

impl Metrics {
    /// Counts one answer.
    pub fn answered(&self, route: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        self.requests.get_or_create(&Request { route: route.clone(), status: status.into() }).inc();
        self.seconds.get_or_create(&Route { route }).observe(took.as_secs_f64());
    }

    /// The text that Prometheus scrapes.
    pub fn text(&self, casework: &casework::Casework) -> String {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for chamber in casework.chambers() {
            let jurisdiction = chamber.id().to_owned();
            for hall in chamber.halls() {
                let gallery = hall.registered().id.clone();
                let labels = Gallery { jurisdiction: jurisdiction.clone(), gallery };
                self.gallery_records.get_or_create(&labels).set(number(hall.len() as u64));
            }
            self.log_entries.get_or_create(&Jurisdiction { jurisdiction }).set(number(chamber.log().size()));
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}
