//! The local Lambda host as the server's operations see it.

use bytes::Bytes;
use outcrop_ports::{BoxFuture, ToolFailure, ToolLimits};
use outcrop_server::ops::lambda::{FunctionDeployment, FunctionHost, FunctionReply};
use outcrop_tools::{FunctionSource, FunctionSpec, InvokeLimits, LambdaTools, LocalFunction, Runtime};
use std::sync::Arc;

/// Adapts the host.
pub(crate) struct Functions(pub(crate) Arc<LambdaTools>);

impl FunctionHost for Functions {
    fn deploy(&self, function: FunctionDeployment) -> Result<(), String> {
        let FunctionDeployment { name, code, layers, runtime, handler, timeout, memory_mb, environment } = function;
        let runtime = Runtime::parse(&runtime).ok_or_else(|| {
            format!("The runtime {runtime} is not supported. Use one of the families python3, nodejs and provided.")
        })?;
        let local = LocalFunction { code, layers, runtime, handler, timeout, memory_mb, environment };
        let source = FunctionSource::Local(local);
        self.0.deploy(FunctionSpec { name, source });
        Ok(())
    }

    fn remove(&self, name: &str) {
        self.0.remove(name);
    }

    fn is_configured(&self, function: &str) -> bool {
        self.0.is_configured(function)
    }

    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        limits: ToolLimits,
        log_tail: bool,
    ) -> BoxFuture<'a, Result<FunctionReply, ToolFailure>> {
        Box::pin(async move {
            let limits =
                InvokeLimits { timeout: limits.timeout, response_bytes_max: limits.response_bytes_max, log_tail };
            let result = self.0.invoke(function, payload, limits).await?;
            Ok(FunctionReply {
                payload: result.payload,
                function_error: result.function_error,
                log_tail: result.log_tail.into_bytes(),
            })
        })
    }
}
