//! What can be watched: counters, gauges and times on the admin listener, in OpenMetrics form.
//!
//! Every label's values are named in this program: routes from a list, codes, methods and kinds from enums. Nothing that a client sends
//! becomes a label, so that no client makes series.

mod endpoint;
mod labels;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tidegate_protocol::problem::ProblemCode;

use crate::broker::Broker;
pub(crate) use endpoint::metrics;
use labels::{CacheLabels, CodeLabels, KindLabels, OutcomeLabels, RequestLabels, RouteLabels, StoreLabels, UrlLabels};
pub(crate) use labels::{method_name, route_name};

/// Seconds: from a signature made in memory to the longest life of a request.
const REQUEST_SECONDS: [f64; 13] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Seconds: a store nearby answers in milliseconds; the broker gives up after 20 s.
const STORE_SECONDS: [f64; 11] = [0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All series of one broker.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histograms<RouteLabels>,
    problems: Family<CodeLabels, Counter>,
    rate_limited: Family<KindLabels, Counter>,
    shed: Family<KindLabels, Counter>,
    tokens: Family<KindLabels, Counter>,
    urls: Family<UrlLabels, Counter>,
    items_refused: Family<CodeLabels, Counter>,
    cache_lookups: Family<CacheLabels, Counter>,
    ocsp: Family<OutcomeLabels, Counter>,
    store_seconds: Histograms<StoreLabels>,
    audit_events: Family<OutcomeLabels, Counter>,
    sampled: Sampled,
}

/// Gauges that are read when somebody asks.
#[derive(Default)]
struct Sampled {
    requests_under_way: Gauge,
    delay_milliseconds: Gauge,
    ready: Gauge,
    draining: Gauge,
    revocations_age_seconds: Gauge,
    revoked_devices: Gauge,
    proofs_remembered: Gauge,
    audit_events_pending: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::with_prefix("tidegate"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            problems: Family::default(),
            rate_limited: Family::default(),
            shed: Family::default(),
            tokens: Family::default(),
            urls: Family::default(),
            items_refused: Family::default(),
            cache_lookups: Family::default(),
            ocsp: Family::default(),
            store_seconds: Family::new_with_constructor(|| Histogram::new(STORE_SECONDS)),
            audit_events: Family::default(),
            sampled: Sampled::default(),
        };
        metrics.register();
        Arc::new(metrics)
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let build = Family::<KindLabels, Gauge>::default();
        build.get_or_create(&KindLabels { kind: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build", "Always 1; the label is the broker's version", build);
        registry.register("requests", "Requests answered, by route, method and status", self.requests.clone());
        registry.register("request_seconds", "Seconds from a request's head to its reply", self.request_seconds.clone());
        registry.register("problems", "Replies that were problems, by code", self.problems.clone());
        registry.register("rate_limited", "Requests refused by a rate limit, by limit", self.rate_limited.clone());
        registry.register("shed", "Requests turned away with 503, by reason", self.shed.clone());
        registry.register("tokens_issued", "Tokens signed, by kind", self.tokens.clone());
        registry.register("urls_signed", "URLs signed, by method and kind of object", self.urls.clone());
        registry.register(
            "items_refused",
            "Items of batches that were not signed or not deleted, by code",
            self.items_refused.clone(),
        );
        registry.register("cache_lookups", "Lookups in caches, by cache and whether it was there", self.cache_lookups.clone());
        registry.register("ocsp", "Questions whether certificates were revoked, by what became of them", self.ocsp.clone());
        registry.register(
            "store_seconds",
            "Seconds of the broker's own calls to the store, retries included",
            self.store_seconds.clone(),
        );
        registry.register("audit_events", "Audit events, by what became of them", self.audit_events.clone());
        let Sampled {
            requests_under_way,
            delay_milliseconds,
            ready,
            draining,
            revocations_age_seconds,
            revoked_devices,
            proofs_remembered,
            audit_events_pending,
        } = &self.sampled;
        registry.register("requests_under_way", "Requests under way now", requests_under_way.clone());
        registry.register("delay_milliseconds", "What work that is ready waits before it runs", delay_milliseconds.clone());
        registry.register("ready", "Whether the store answered when it was asked last", ready.clone());
        registry.register("draining", "Whether the process is about to end", draining.clone());
        registry.register("revocations_age_seconds", "Age of the list of revoked devices", revocations_age_seconds.clone());
        registry.register("revoked_devices", "Devices on the list of those revoked", revoked_devices.clone());
        registry.register("proofs_remembered", "DPoP proofs remembered against replay", proofs_remembered.clone());
        registry.register("audit_events_pending", "Audit events not yet in the bucket", audit_events_pending.clone());
    }

    pub(crate) fn answered(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { route, method, status: u32::from(status) }).inc();
        self.request_seconds.get_or_create(&RouteLabels { route }).observe(took.as_secs_f64());
    }

    pub(crate) fn problem(&self, code: ProblemCode) {
        self.problems.get_or_create(&CodeLabels { code: code.as_str() }).inc();
    }

    /// `limit` is the limit's name.
    pub(crate) fn rate_limited(&self, limit: &'static str) {
        self.rate_limited.get_or_create(&KindLabels { kind: limit }).inc();
    }

    pub(crate) fn shed(&self, reason: &'static str) {
        self.shed.get_or_create(&KindLabels { kind: reason }).inc();
    }

    pub(crate) fn token(&self, kind: &'static str) {
        self.tokens.get_or_create(&KindLabels { kind }).inc();
    }

    pub(crate) fn urls(&self, method: &'static str, kind: &'static str, count: u64) {
        self.urls.get_or_create(&UrlLabels { method, kind }).inc_by(count);
    }

    pub(crate) fn item_refused(&self, code: ProblemCode) {
        self.items_refused.get_or_create(&CodeLabels { code: code.as_str() }).inc();
    }

    pub(crate) fn cache(&self, cache: &'static str, is_hit: bool) {
        self.cache_lookups.get_or_create(&CacheLabels { cache, result: if is_hit { "hit" } else { "miss" } }).inc();
    }

    pub(crate) fn ocsp(&self, outcome: &'static str) {
        self.ocsp.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    pub(crate) fn store_call(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        self.store_seconds.get_or_create(&StoreLabels { operation, outcome }).observe(took.as_secs_f64());
    }

    pub(crate) fn audited(&self, outcome: &'static str, count: u64) {
        self.audit_events.get_or_create(&OutcomeLabels { outcome }).inc_by(count);
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn render(&self, broker: &Broker) -> String {
        self.sample(broker);
        self.text()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes any text");
        text
    }

    fn sample(&self, broker: &Broker) {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let sampled = &self.sampled;
        sampled
            .requests_under_way
            .set(whole(broker.limits.concurrent_requests.saturating_sub(broker.requests.available_permits())));
        sampled.delay_milliseconds.set(i64::from(broker.shedder.delay_milliseconds()));
        sampled.ready.set(i64::from(broker.readiness.was_ready()));
        sampled.draining.set(i64::from(broker.is_draining.load(std::sync::atomic::Ordering::Relaxed)));
        let (age, devices) = broker.revocations.state(broker.clock.now());
        sampled.revocations_age_seconds.set(age.whole_seconds());
        sampled.revoked_devices.set(whole(devices));
        sampled.proofs_remembered.set(whole(broker.replays.len()));
        sampled.audit_events_pending.set(whole(broker.audit.pending()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Every series once.
    fn all() -> String {
        let metrics = Metrics::new();
        let moment = Duration::from_millis(3);
        metrics.answered("/v1/presign", "POST", 200, moment);
        metrics.problem(ProblemCode::RateLimited);
        metrics.rate_limited("user");
        metrics.shed("delay");
        metrics.token("access");
        metrics.urls("PUT", "record", 100);
        metrics.item_refused(ProblemCode::NotAllowed);
        metrics.cache("access-tokens", true);
        metrics.ocsp("good");
        metrics.store_call("get", "answered", moment);
        metrics.audited("stored", 1);
        metrics.text()
    }

    #[test]
    fn what_is_rendered_is_open_metrics() {
        let text = all();
        for line in [
            r#"tidegate_requests_total{route="/v1/presign",method="POST",status="200"} 1"#,
            r#"tidegate_request_seconds_bucket{le="0.005",route="/v1/presign"} 1"#,
            r#"tidegate_problems_total{code="rate-limited"} 1"#,
            r#"tidegate_urls_signed_total{method="PUT",kind="record"} 100"#,
            r#"tidegate_cache_lookups_total{cache="access-tokens",result="hit"} 1"#,
            "tidegate_ready 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    /// Series that a file names.
    fn named_in(path: &str) -> BTreeSet<String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        let text = fs::read_to_string(&file).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("tidegate_")).map(str::to_owned).collect()
    }

    #[test]
    fn dashboard_alerts_and_their_page_name_only_what_is_measured() {
        let text = all();
        let measured: BTreeSet<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['{', ' ']).next())
            .chain(text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).filter_map(|line| line.split(' ').next()))
            .collect();
        for path in ["infra/grafana/tidegate.json", "infra/prometheus/tidegate-alerts.yml", "docs/watching.md"] {
            let named = named_in(path);
            assert!(named.len() > 5, "{path} names {named:?}");
            for name in named {
                assert!(measured.contains(name.as_str()), "{path} names {name}, which is not measured");
            }
        }
    }
}
