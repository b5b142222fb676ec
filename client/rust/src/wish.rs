//! What a driver is asked for, by the app and by its own tasks.

use ilock_client_core::Input;
use tokio::sync::oneshot;

use crate::tokens::Token;

pub(crate) enum Wish {
    Input(Input),
    /// A request's outcome.
    Answered(Input),
    LoggedIn,
    /// What the source of tokens gave, after how many logins it was asked, and what the core is told then.
    Token(Token, u64, Input),
    Save(oneshot::Sender<String>),
    Close(oneshot::Sender<()>),
}
