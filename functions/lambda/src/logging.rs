//! What a function logs: lines of JSON, and counts as CloudWatch's embedded metrics among them.

use std::sync::LazyLock;

use futures::future::BoxFuture;
use ilock_functions::settings::BadSetting;
use metrics_cloudwatch_embedded::Collector;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What is logged: `RUST_LOG`, or `info` where it is not set.
fn filter() -> Result<EnvFilter, BadSetting> {
    let Some(text) = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()) else {
        return Ok(EnvFilter::new("info"));
    };
    EnvFilter::try_new(text).map_err(|error| BadSetting {
        name: "RUST_LOG",
        why: format!("must be a log filter such as info or info,ilock=debug: {error}"),
    })
}

/// One line of JSON an event, with the spans that it stands in: Lambda's invocation, the request, the call and its commit. They
/// are the list `spans`, the innermost last. The innermost alone would not do: Lambda's request id is in the outermost.
pub fn lines_of_json<W>(to: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    filtered_lines_of_json(to, filter().unwrap_or_else(|_| EnvFilter::new("info")))
}

fn filtered_lines_of_json<W>(to: W, filter: EnvFilter) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .without_time()
        .with_writer(to)
        .finish()
}

/// Logs as lines of JSON to standard output from now on.
///
/// # Errors
/// [`BadSetting`]: `RUST_LOG` is no filter.
pub fn log_as_json() -> Result<(), BadSetting> {
    if tracing::subscriber::set_global_default(filtered_lines_of_json(std::io::stdout, filter()?)).is_err() {
        tracing::warn!("a tracing subscriber is already set; this function logs through it");
    }
    Ok(())
}

/// Gathers what is counted in this process from now on, for `namespace` and the dimension `Stage`; flushed, it writes one
/// line of JSON for each set of labels.
///
/// # Errors
/// When something else gathers already.
pub fn install_metrics(
    namespace: String,
    stage: String,
) -> Result<&'static Collector, metrics_cloudwatch_embedded::Error> {
    let collector = metrics_cloudwatch_embedded::Builder::new()
        .cloudwatch_namespace(namespace)
        .with_dimension("Stage", stage)
        .init()?;
    ilock_functions::metrics::describe();
    Ok(collector)
}

/// Where counts are gathered until the end of an invocation.
static METRICS: LazyLock<Option<&'static Collector>> = LazyLock::new(|| {
    let set = |name: &str, or: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or(or.into());
    install_metrics(set("METRICS_NAMESPACE", "iLockCall"), set("STAGE", "dev"))
        .inspect_err(|error| tracing::error!(%error, "metrics disabled: a recorder is already installed"))
        .ok()
});

/// Runs one invocation, and then writes the metrics that were counted in it.
pub async fn flush_metrics_after<T>(invocation: BoxFuture<'_, T>) -> T {
    let outcome = invocation.await;
    if let Some(Err(error)) = METRICS.map(|collector| collector.flush(std::io::stdout())) {
        tracing::error!(%error, "metrics of this invocation lost: stdout refused them");
    }
    outcome
}

/// Collects metrics from now on.
pub(crate) fn collect_metrics() {
    LazyLock::force(&METRICS);
}
