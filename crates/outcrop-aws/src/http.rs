//! Our client as the one that AWS's libraries go out through.

use aws_smithy_runtime_api::client::http::{
    HttpClient as AwsHttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use outcrop_http::{HttpClient, HttpError, HttpLimits};
use std::time::Duration;

/// Credential services answer small things quickly. The instance's own service does not answer at all where there is
/// none; AWS's library gives it up sooner than this.
const LIMITS: HttpLimits = HttpLimits {
    total_timeout: Duration::from_secs(30),
    idle_timeout: Duration::from_secs(30),
    response_bytes_max: 1024 * 1024,
};

/// The way out.
#[derive(Clone)]
pub(crate) struct Outgoing(pub(crate) HttpClient);

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Outgoing").finish_non_exhaustive()
    }
}

impl AwsHttpClient for Outgoing {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let wanted = settings.read_timeout().unwrap_or(LIMITS.total_timeout);
        let total_timeout = wanted + settings.connect_timeout().unwrap_or_default();
        let limits = HttpLimits { total_timeout: total_timeout.min(LIMITS.total_timeout), ..LIMITS };
        SharedHttpConnector::new(Connector { client: self.0.clone(), limits })
    }
}

struct Connector {
    client: HttpClient,
    limits: HttpLimits,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, limits) = (self.client.clone(), self.limits);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // None of the credential services takes a stream.
            let request = request.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
            let answer = client.send(request, limits).await.map_err(connector_error)?;
            let mut response = http::Response::new(SdkBody::from(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector_error(error: HttpError) -> ConnectorError {
    match error {
        HttpError::TimedOut => ConnectorError::timeout(error.into()),
        error => ConnectorError::io(error.into()),
    }
}
