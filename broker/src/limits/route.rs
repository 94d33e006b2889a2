//! What a route costs, and so by which limits it is bound.

/// A kind of routes that are bound alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteClass {
    /// Asked by whoever watches the process; cheaper to answer than to refuse.
    Health,
    /// Called by other servers, from few addresses and in bursts, with a signature of theirs: bound by failures alone.
    Webhook,
    /// Opens or renews a session: signatures are checked and made, the store is read.
    Session,
    /// The broker itself calls the store.
    Store,
    /// Everything else, unknown paths included.
    Other,
}

impl RouteClass {
    /// The class of a route as the router names it; `None` for what no route answers.
    pub(crate) fn of(route: Option<&str>) -> Self {
        match route.unwrap_or_default() {
            "/healthz" | "/readyz" => Self::Health,
            "/v1/app-store/notifications" | "/v1/ops/log-drain" => Self::Webhook,
            "/v1/self-host/session"
            | "/v1/subscription/session"
            | "/v1/oidc/session"
            | "/auth/login"
            | "/v1/session/renew"
            | "/v1/account/link"
            | "/v1/account/reset"
            | "/v1/account/rotate" => Self::Session,
            "/v1/account" | "/v1/credentials" | "/v1/delete" | "/v1/session/logout" | "/v1/devices" | "/v1/devices/{device}" => {
                Self::Store
            }
            route if route.starts_with("/v1/multipart/") => Self::Store,
            _ => Self::Other,
        }
    }
}
