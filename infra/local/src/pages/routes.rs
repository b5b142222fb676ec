//! Where the pages are.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ilock_functions::settings::{BadSetting, Settings};

use ilock_env::Clock;

use super::dev_token::{DevTokens, dev_token};
use super::files::{ICON, LOGIN_BY_ITSELF, LOGIN_BY_TOKEN, PAGE, SCRIPT, STYLE};
use super::headers::PageHeaders;
use crate::http::host::this_machine_only;

/// What the pages need.
#[derive(Clone, FromRef)]
pub(crate) struct Pages {
    headers: PageHeaders,
    tokens: Option<DevTokens>,
}

impl Pages {
    /// # Errors
    /// [`BadSetting`], also where the broker's address is none.
    pub(crate) fn new(settings: &Settings, clock: Clock) -> Result<Self, BadSetting> {
        let headers = PageHeaders::new(&settings.mqtt_websocket_url()?)
            .ok_or(BadSetting { name: "MQTT_WEBSOCKET_URL", why: "must be a ws:// or wss:// address".into() })?;
        Ok(Self { headers, tokens: DevTokens::new(settings.access()?, clock) })
    }
}

/// The pages, and `room` beside them, for this machine only.
pub(crate) fn routes(pages: Pages, room: Router) -> Router {
    let page = || get(async |State(headers): State<PageHeaders>| headers.send(&PAGE));
    let pages = Router::new()
        .route("/", page())
        .route("/door", page())
        .route("/phone", page())
        .route("/story/{call_id}", page())
        .route("/pages/config.json", get(config))
        .route("/pages/{file}", get(asset))
        .route("/dev/token", post(dev_token))
        .with_state(pages);
    pages.merge(room).layer(from_fn(this_machine_only))
}

async fn config(State(Pages { headers, tokens }): State<Pages>) -> Response {
    headers.send(if tokens.is_some() { &LOGIN_BY_ITSELF } else { &LOGIN_BY_TOKEN })
}

async fn asset(State(headers): State<PageHeaders>, Path(name): Path<String>) -> Response {
    let file = match name.as_str() {
        "pages.js" => &SCRIPT,
        "pages.css" => &STYLE,
        "icon.svg" => &ICON,
        _ => return (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    };
    headers.send(file)
}
