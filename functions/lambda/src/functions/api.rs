//! The functions behind API Gateway, but those that read the published ledger.

use ilock_functions::http::audit::list_accesses::{self, ListAccessesState};
use ilock_functions::http::audit::list_audit::{self, ListAuditState};
use ilock_functions::http::audit::replay_call::{self, ReplayCallState};
use ilock_functions::http::calls::callee_action::{self, CalleeActionState};
use ilock_functions::http::calls::caller_action::{self, CallerActionState};
use ilock_functions::http::calls::create_call::{self, CreateCallState};
use ilock_functions::http::calls::get_call::{self, GetCallState};
use ilock_functions::http::calls::list_calls::{self, ListCallsState};
use ilock_functions::http::clients::blocks::{self, BlocksState};
use ilock_functions::http::clients::list_clients::{self, ListClientsState};
use ilock_functions::http::clients::register_client::{self, RegisterClientState};
use ilock_functions::http::clients::register_push_token::{self, RegisterPushTokenState};
use ilock_functions::http::clients::remove_client::{self, RemoveClientState};
use ilock_functions::http::clients::revoke_logins::{self, RevokeLoginsState};
use ilock_functions::http::clients::settings::{self, SettingsState};
use ilock_functions::http::clients::update_client_status::{self, UpdateClientStatusState};
use ilock_functions::http::trtc_callback::{self, TrtcCallbackState};

use super::Function;
use crate::aws::RetryPolicy::{Background, CallerWaiting};
use crate::aws::Warm::{Broker, Directory, Log, Push, Timer};
use crate::start::http;

/// See the module.
pub const FUNCTIONS: &[Function] = &[
    ("create-call", || {
        Box::pin(http(create_call::routes, CreateCallState::new, CallerWaiting, &[Log, Directory, Broker, Timer, Push]))
    }),
    ("callee-action", || {
        Box::pin(http(callee_action::routes, CalleeActionState::new, CallerWaiting, &[Log, Broker, Push]))
    }),
    ("caller-action", || {
        Box::pin(http(caller_action::routes, CallerActionState::new, CallerWaiting, &[Log, Broker, Push]))
    }),
    ("get-call", || Box::pin(http(get_call::routes, GetCallState::new, Background, &[Log]))),
    ("list-calls", || Box::pin(http(list_calls::routes, ListCallsState::new, Background, &[Directory]))),
    ("register-client", || Box::pin(http(register_client::routes, RegisterClientState::new, Background, &[Directory]))),
    ("register-push-token", || {
        Box::pin(http(register_push_token::routes, RegisterPushTokenState::new, Background, &[Directory]))
    }),
    ("update-client-status", || {
        Box::pin(http(update_client_status::routes, UpdateClientStatusState::new, Background, &[Directory]))
    }),
    ("remove-client", || {
        Box::pin(http(remove_client::routes, RemoveClientState::new, Background, &[Directory, Broker]))
    }),
    ("list-clients", || Box::pin(http(list_clients::routes, ListClientsState::new, Background, &[Directory]))),
    ("revoke-logins", || Box::pin(http(revoke_logins::routes, RevokeLoginsState::new, Background, &[Directory]))),
    ("blocks", || Box::pin(http(blocks::routes, BlocksState::new, Background, &[Directory]))),
    ("settings", || Box::pin(http(settings::routes, SettingsState::new, Background, &[Directory]))),
    ("list-accesses", || Box::pin(http(list_accesses::routes, ListAccessesState::new, Background, &[Log]))),
    ("list-audit", || Box::pin(http(list_audit::routes, ListAuditState::new, Background, &[Log]))),
    ("replay-call", || Box::pin(http(replay_call::routes, ReplayCallState::new, Background, &[Log]))),
    ("trtc-callback", || Box::pin(http(trtc_callback::routes, TrtcCallbackState::new, CallerWaiting, &[Directory]))),
];
