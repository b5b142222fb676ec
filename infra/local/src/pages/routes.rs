//! Where the pages are.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ilock_functions::http::response::in_language;
use ilock_functions::settings::{BadSetting, Settings};

use ilock_env::Clock;

use super::dev_token::{DevTokens, dev_token};
use super::files::{ICON, LICENCES, PAGE, SCRIPT, STYLE};
use super::headers::PageHeaders;
use super::room::PageRoom;
use crate::http::host::this_machine_only;

/// What whoever opens the SDK's address reads where there is none.
const NO_SDK: &str = "ilock dev has no copy of TRTC's SDK: npm pack trtc-sdk-v5, unpack that, and start ilock dev with \
     --trtc-sdk package/trtc.js (docs/pages.md)\n";

/// What the pages need.
#[derive(Clone, FromRef)]
pub(crate) struct Pages {
    headers: PageHeaders,
    tokens: Option<DevTokens>,
    room: PageRoom,
}

impl Pages {
    /// # Errors
    /// [`BadSetting`], also where the broker's address is none.
    pub(crate) fn new(settings: &Settings, room: PageRoom, clock: Clock) -> Result<Self, BadSetting> {
        let headers = PageHeaders::new(&settings.mqtt_websocket_url()?, room.hosts())
            .ok_or(BadSetting { name: "MQTT_WEBSOCKET_URL", why: "must be a ws:// or wss:// address".into() })?;
        Ok(Self { headers, tokens: DevTokens::new(settings.access()?, clock), room })
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
        .route("/dev/token", post(dev_token).layer(from_fn(in_language)))
        .with_state(pages);
    pages.merge(room).layer(from_fn(this_machine_only))
}

/// How one logs in, and which room there is. `demo`: the pages log in as anybody, by `/dev/token`.
async fn config(State(Pages { headers, tokens, room }): State<Pages>) -> Response {
    let login = if tokens.is_some() { "demo" } else { "token" };
    headers.send_as("application/json", format!(r#"{{"login":"{login}","room":"{}"}}"#, room.name()))
}

async fn asset(State(Pages { headers, room, .. }): State<Pages>, Path(name): Path<String>) -> Response {
    let file = match name.as_str() {
        "pages.js" => &SCRIPT,
        "pages.css" => &STYLE,
        "icon.svg" => &ICON,
        "licences.txt" => &LICENCES,
        // As on AWS, where the operator puts it into the pages' bucket.
        "trtc.esm.js" => return sdk(&headers, room),
        _ => return not_found("no such file\n"),
    };
    headers.send(file)
}

fn sdk(headers: &PageHeaders, room: PageRoom) -> Response {
    match room {
        PageRoom::Trtc { sdk: Some(sdk), .. } => headers.send_as(SCRIPT.kind, sdk),
        PageRoom::Trtc { sdk: None, .. } => not_found(NO_SDK),
        PageRoom::Local => not_found("no such file\n"),
    }
}

fn not_found(text: &'static str) -> Response {
    (StatusCode::NOT_FOUND, text).into_response()
}
