//! What a function says of itself: lines of JSON, and counts as CloudWatch's embedded metrics among them.

use std::sync::LazyLock;

use futures::future::BoxFuture;
use metrics_cloudwatch_embedded::Collector;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// One line of JSON an event, with the spans that it stands in: the request, the call and its commit.
pub fn lines_of_json<W>(to: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(true)
        .without_time()
        .with_writer(to)
        .finish()
}

pub(super) fn log_as_json() {
    if tracing::subscriber::set_global_default(lines_of_json(std::io::stdout)).is_err() {
        tracing::warn!("somebody else logs already");
    }
}

/// Gathers what is counted in this process from now on, for `namespace` and the dimension `Stage`; flushed, it writes one
/// line of JSON for each set of labels.
///
/// # Errors
/// When something else gathers already.
pub fn gather(namespace: String, stage: String) -> Result<&'static Collector, metrics_cloudwatch_embedded::Error> {
    let collector = metrics_cloudwatch_embedded::Builder::new()
        .cloudwatch_namespace(namespace)
        .with_dimension("Stage", stage)
        .init()?;
    crate::metrics::describe();
    Ok(collector)
}

/// Where counts are gathered until the end of an invocation.
static METRICS: LazyLock<Option<&'static Collector>> = LazyLock::new(|| {
    let set = |name: &str, or: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or(or.into());
    gather(set("METRICS_NAMESPACE", "iLockCall"), set("STAGE", "dev"))
        .inspect_err(|error| tracing::error!(%error, "nothing is counted"))
        .ok()
});

/// Runs one invocation, and then says what was counted in it.
pub(super) async fn counted<T>(invocation: BoxFuture<'_, T>) -> T {
    let outcome = invocation.await;
    if let Some(Err(error)) = METRICS.map(|collector| collector.flush(std::io::stdout())) {
        tracing::error!(%error, "what was counted is lost");
    }
    outcome
}

/// Has everything that is counted from now on gathered.
pub(super) fn count() {
    LazyLock::force(&METRICS);
}
