//! `GET /metrics`, for the operator's own network alone.

use axum::extract::State;
use http::HeaderName;
use http::header::CONTENT_TYPE;

use crate::broker::Broker;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) async fn metrics(State(broker): State<Broker>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, OPEN_METRICS)], broker.metrics.render(&broker))
}
