//! Traces by OTLP, where the operator wants them: a span for each request, and within it one for each call to the store. They say what
//! logs say, routes, codes, operations and times, and nothing that a client names but the request's id.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tidegate_protocol::problem::ProblemCode;
use tracing::field::Empty;
use tracing::{Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

/// What spans of traces name as their target: they go to the collector alone, and logs go to standard error alone.
pub(crate) const TARGET: &str = "tidegate_broker::traces";
/// The collector gets this long to take what it is sent.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// Where the collector takes them by OTLP over HTTP, path included.
    pub endpoint: String,
    /// Of a hundred requests, how many are traced.
    pub percent: u64,
}

/// Traces that are being sent, in batches, by a thread of their own. A collector that does not answer costs spans, and no request.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send. Not to be called within a runtime: it waits for a thread.
    ///
    /// # Errors
    /// An address that cannot be used.
    pub fn begin(settings: &TraceSettings) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_timeout(TIMEOUT);
        let exporter = exporter.with_endpoint(&settings.endpoint).build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let instance = KeyValue::new("service.instance.id", Uuid::new_v4().to_string());
        let resource =
            Resource::builder_empty().with_service_name("tidegate-broker").with_attributes([version, instance]).build();
        #[expect(clippy::cast_precision_loss, reason = "a percentage")]
        let ratio = settings.percent as f64 / 100.0;
        let provider = SdkTracerProvider::builder().with_resource(resource).with_sampler(Sampler::TraceIdRatioBased(ratio));
        Ok(Self(provider.with_batch_exporter(exporter).build()))
    }

    /// What hands spans over.
    pub(crate) fn layer<S: Subscriber + for<'span> LookupSpan<'span>>(&self) -> impl Layer<S> + use<S> {
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer("tidegate-broker"));
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_target(false);
        layer.with_level(false).with_filter(filter_fn(|span| span.target() == TARGET))
    }

    /// Sends what waits. Waits for the collector, but not for long.
    pub fn finish(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(%error, "the last traces were not taken");
        }
    }
}

/// A request's span, by the semantic conventions of OpenTelemetry for HTTP servers. `method` and `route` come from lists.
pub(crate) fn request(method: &'static str, route: &'static str, id: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        "error.type" = Empty,
        otel.status_code = Empty,
        tidegate.request_id = id,
    )
}

/// How the request ended.
pub(crate) fn answered(span: &Span, status: u16, problem: Option<ProblemCode>) {
    span.record("http.response.status_code", i64::from(status));
    if let Some(problem) = problem {
        span.record("error.type", tracing::field::display(problem));
    }
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// A call to the store, retries included.
pub(crate) fn store_call(operation: &'static str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "store",
        otel.name = %format_args!("store {operation}"),
        otel.kind = "client",
        tidegate.store.operation = operation,
        tidegate.store.outcome = Empty,
    )
}
