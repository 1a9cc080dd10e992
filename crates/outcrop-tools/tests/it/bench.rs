//! What a warm call costs: printed, not asserted. Run with `--nocapture`; `OUTCROP_BENCH_CALLS` at compile time sets
//! how many.

use crate::stage::{LIMITS, Stage};
use bytes::Bytes;
use std::time::Instant;

#[tokio::test]
async fn a_warm_call() {
    let calls: u32 = option_env!("OUTCROP_BENCH_CALLS").map_or(50, |text| text.parse().unwrap());
    let stage = Stage::new();
    stage.python("echo", "def handler(event, context): return event");
    let payload = Bytes::from_static(br#"{"messageVersion":"1.0","parameters":[]}"#);
    for _ in 0..20 {
        stage.tools.invoke("echo", payload.clone(), LIMITS).await.unwrap();
    }
    let begin = Instant::now();
    for _ in 0..calls {
        let result = stage.tools.invoke("echo", payload.clone(), LIMITS).await.unwrap();
        assert!(!result.function_error);
    }
    println!("warm call of a Python function: {:?} in the mean of {calls}", begin.elapsed() / calls);
    assert_eq!(stage.tools.processes(), 1, "one caller, one process");
}
