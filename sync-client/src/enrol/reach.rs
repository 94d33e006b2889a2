//! From what the home says about the remote to a transport.

use std::sync::Arc;

use crate::clock::StoreClock;
use crate::error::Error;
use crate::home::Home;
use crate::options::Options;
use crate::remote::Remote;
use crate::session::{DpopKey, Session};
use crate::transport::broker::BrokerTransport;
use crate::transport::direct::DirectTransport;
use crate::transport::{Http, Transport};

/// An open way to the objects.
#[derive(Debug, Clone)]
pub(crate) enum Reach {
    /// Through a broker.
    Broker(Arc<Session>, Arc<BrokerTransport>),
    /// Straight to the store.
    Direct(Arc<DirectTransport>),
}

impl Reach {
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        match self {
            Self::Broker(_, transport) => Arc::clone(transport) as Arc<dyn Transport>,
            Self::Direct(transport) => Arc::clone(transport) as Arc<dyn Transport>,
        }
    }
}

/// Opens the way without any request.
pub(crate) fn open_reach(
    remote: &Remote,
    dpop: &DpopKey,
    home: &Home,
    options: &Options,
    clock: StoreClock,
) -> Result<Reach, Error> {
    match remote {
        Remote::Broker { url } => {
            let session = Arc::new(Session::open(Http::new(options, clock)?, url, dpop.clone(), home)?);
            let transport = Arc::new(BrokerTransport::new(Arc::clone(&session), options.retry));
            Ok(Reach::Broker(session, transport))
        }
        Remote::Direct { .. } => Ok(Reach::Direct(Arc::new(DirectTransport::new(remote, options, clock)?))),
    }
}
