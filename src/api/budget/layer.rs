//! Every call, before anything of it is decoded.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Layer, Service};

use super::{
    Budget,
    body::{Answer, Asked, Authenticate, BUFFER},
    charge::held,
};
use crate::api::origin::Origin;

/// What a call takes in the crates below and as a task, without its headers.
const CALL: usize = 4 * 1024;

/// What a header takes beside its text.
const HEADER: usize = 96;

/// Has every call paid for out of a budget.
#[derive(Clone)]
pub struct AdmissionLayer {
    /// What pays.
    pub budget: Arc<Budget>,
    /// Who shows a token in a request pays as an owner; without this, none do.
    pub authenticate: Option<Authenticate>,
    /// Ends what waits for its client when it is cancelled.
    pub shutdown: CancellationToken,
}

impl<S> Layer<S> for AdmissionLayer {
    type Service = Admission<S>;

    fn layer(&self, inner: S) -> Admission<S> {
        Admission { inner, with: self.clone() }
    }
}

/// A service behind the budget.
#[derive(Clone)]
pub struct Admission<S> {
    inner: S,
    with: AdmissionLayer,
}

impl<S> Service<Request<Body>> for Admission<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let AdmissionLayer { budget, authenticate, shutdown } = &self.with;
        let connection = request.extensions().get::<Origin>().map(|origin| origin.id);
        let mut charge = budget.charge(connection);
        let headers = request.headers().iter();
        let headers: usize =
            headers.map(|(name, value)| HEADER + name.as_str().len() + value.len()).sum();
        let base = CALL + headers + request.uri().path().len();
        if let Err(why) = charge.grow(base + BUFFER) {
            let refused = charge.refuse(why).into_http();
            return Box::pin(async { Ok(refused) });
        }
        let shared = Arc::new(Mutex::new(charge));
        let shutdown = shutdown.clone();
        let request = request.map(|body| {
            let limits = budget.limits();
            let (shared, authenticate) = (shared.clone(), authenticate.clone());
            Body::new(Asked::new(body, shared, limits, authenticate, shutdown.clone()))
        });
        let answered = self.inner.call(request);
        Box::pin(async move {
            let response = answered.await?;
            // The request is answered: what it brought is gone.
            held(&shared).shrink_to(base);
            Ok(response.map(|body| Body::new(Answer::new(body, shared, shutdown))))
        })
    }
}
