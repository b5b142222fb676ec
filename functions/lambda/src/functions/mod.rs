//! The functions by name, in three binaries: each starts the one that its `Handler` in the template names. What they link is
//! mostly the same, and a binary of its own for each took as long to build as all of a binary's functions together.

pub mod api;
pub mod ledger;
pub mod triggers;

use futures::future::LocalBoxFuture;
use lambda_runtime::Error;

/// Where Lambda says which handler a function has ("Defined runtime environment variables" in its developer guide).
const HANDLER: &str = "_HANDLER";

/// A function: its name, and what serves it until Lambda ends it.
pub type Function = (&'static str, fn() -> LocalBoxFuture<'static, Result<(), Error>>);

/// Serves that one of `functions` which Lambda asks for.
///
/// # Errors
/// None of them has the name that Lambda gives, or the one that has it cannot start.
pub async fn serve(functions: &[Function]) -> Result<(), Error> {
    let asked = std::env::var(HANDLER).unwrap_or_default();
    let function = functions.iter().find(|(name, _)| *name == asked);
    let (_, serve) = function.ok_or_else(|| {
        let known: Vec<&str> = functions.iter().map(|(name, _)| *name).collect();
        format!("{HANDLER} is {asked:?}; this binary has {}", known.join(", "))
    })?;
    serve().await.inspect_err(|error| {
        tracing::error!(%error, function = asked, "the function does not start");
        // Where what is wrong is the log's own filter, nothing is logged.
        eprintln!("{asked} does not start: {error}");
    })
}
