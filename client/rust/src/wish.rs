//! What a driver is asked for, by the app and by its own tasks.

use ilock_client_core::Input;
use tokio::sync::oneshot;

pub(crate) enum Wish {
    Input(Input),
    /// A request's outcome.
    Answered(Input),
    LoggedIn,
    /// What the source of tokens gave, and what the core is told then.
    Token(Option<String>, Input),
    Save(oneshot::Sender<String>),
    Close(oneshot::Sender<()>),
}
