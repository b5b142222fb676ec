//! Tencent's room API by real requests, on a double that checks every signature; and the parsing of Tencent's reports.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use futures::future::join_all;
use ilock_env::Clock;
use ilock_events::{Millis, RoomId, TrtcUser};
use ilock_tests::tencent::{Report, Reports, SDK_APP_ID, SECRET_ID, SECRET_KEY, Tencent, Trouble};
use ilock_trtc::{
    ApiKey, CallbackEvent, Dismissal, Fault, Removal, RoomApi, RoomApiConfig, RoomApiError, RoomEventKind,
    parse_callback, verify_callback,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longer than any request here takes on a busy machine.
const LONG: Duration = Duration::from_mins(5);

fn now() -> Millis {
    Clock::system().now()
}

fn room(number: u32) -> RoomId {
    RoomId::new(number).unwrap()
}

fn users(names: &[&str]) -> Vec<TrtcUser> {
    names.iter().map(|name| TrtcUser::new(*name).unwrap()).collect()
}

/// Sends the request without a time limit.
fn patient(config: RoomApiConfig) -> RoomApi {
    RoomApi::new(&RoomApiConfig { timeout: LONG, within: LONG, ..config }, Clock::new(now)).unwrap()
}

async fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_room_is_dismissed_and_one_that_is_gone_is_as_good() {
    let tencent = Tencent::start().await;
    tencent.add_users(room(664_321), &["device123", "user456"]);
    tencent.add_users(room(2_147_483_647), &["user9"]);
    let api = patient(tencent.config());
    assert_eq!(api.dismiss_room(room(664_321)).await, Ok(Dismissal::Dismissed));
    assert_eq!(tencent.users_in(room(664_321)), None);
    assert_eq!(api.dismiss_room(room(664_321)).await, Ok(Dismissal::WasGone));
    assert_eq!(tencent.users_in(room(2_147_483_647)), Some(vec!["user9".into()]), "the other room stays");
    let asked = tencent.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[0].body, serde_json::json!({ "SdkAppId": SDK_APP_ID, "RoomId": 664_321 }));
    assert_eq!(asked[1].code.as_deref(), Some("FailedOperation.RoomNotExist"));
}

#[tokio::test]
async fn users_are_removed_and_the_others_stay() {
    let tencent = Tencent::start().await;
    tencent.add_users(room(7), &["device123", "user456", "user9"]);
    let api = patient(tencent.config());
    assert_eq!(api.remove_user(room(7), &users(&["user456", "user9"])).await, Ok(Removal::Removed));
    assert_eq!(tencent.users_in(room(7)), Some(vec!["device123".into()]));
    assert_eq!(api.remove_user(room(7), &users(&["device123"])).await, Ok(Removal::Removed));
    assert_eq!(api.remove_user(room(7), &users(&["device123"])).await, Ok(Removal::WasGone));
    assert_eq!(tencent.asked().len(), 3);
}

#[tokio::test]
async fn one_user_who_is_not_there_is_gone_but_of_two_nobody_can_say() {
    let tencent = Tencent::start().await;
    let api = patient(tencent.config());
    let gone = Trouble::Code("FailedOperation.UserNotExist");
    tencent.fails_with([gone, gone]);
    assert_eq!(api.remove_user(room(7), &users(&["user456"])).await, Ok(Removal::WasGone));
    let error = api.remove_user(room(7), &users(&["user456", "user9"])).await.unwrap_err();
    assert_eq!((error.code(), error.retry, error.tries), (Some("FailedOperation.UserNotExist"), false, 1));
}

#[tokio::test]
async fn nobody_and_more_than_ten_are_not_even_asked_for() {
    let tencent = Tencent::start().await;
    let api = patient(tencent.config());
    let eleven: Vec<_> = (0..11).map(|n| TrtcUser::new(format!("user{n}")).unwrap()).collect();
    for users in [&[][..], &eleven] {
        let error = api.remove_user(room(7), users).await.unwrap_err();
        assert_eq!((error.fault, error.retry, error.tries), (Fault::Users, false, 0));
    }
    assert_eq!(tencent.asked().len(), 0);
}

#[tokio::test]
async fn what_passes_is_tried_again_until_it_is_done() {
    let all = [
        Trouble::Code("RequestLimitExceeded"),
        Trouble::Code("RequestLimitExceeded.UinLimitExceeded"),
        Trouble::Code("InternalError.GetRoomCacheIpError"),
        Trouble::Status(502),
        Trouble::Status(503),
        Trouble::Malformed,
    ];
    join_all(all.map(async |trouble| {
        let tencent = Tencent::start().await;
        tencent.add_users(room(7), &["user456"]);
        tencent.fails_with([trouble, trouble]);
        assert_eq!(patient(tencent.config()).dismiss_room(room(7)).await, Ok(Dismissal::Dismissed), "{trouble:?}");
        assert_eq!((tencent.asked().len(), tencent.users_in(room(7))), (3, None), "{trouble:?}");
    }))
    .await;
}

#[tokio::test]
async fn a_request_that_is_never_answered_is_tried_again() {
    let tencent = Tencent::start().await;
    tencent.add_users(room(7), &["user456"]);
    tencent.fails_with([Trouble::Hangs]);
    let config = RoomApiConfig { timeout: Duration::from_secs(5), within: LONG, ..tencent.config() };
    assert_eq!(RoomApi::new(&config, Clock::new(now)).unwrap().dismiss_room(room(7)).await, Ok(Dismissal::Dismissed));
    assert!(tencent.asked().len() > 1);
}

#[tokio::test]
async fn after_three_tries_the_error_says_what_it_was() {
    let limit = Trouble::Code("RequestLimitExceeded");
    let tencent = Tencent::start().await;
    tencent.add_users(room(7), &["user456"]);
    tencent.fails_with([limit; 3]);
    let api = patient(tencent.config());
    let error = api.dismiss_room(room(7)).await.unwrap_err();
    assert_eq!((error.code(), error.retry, error.tries), (Some("RequestLimitExceeded"), true, 3));
    assert_eq!(error.request_id.as_deref(), Some("eac6b301-a322-493a-8e36-83b295459397"));
    assert_eq!(api.dismiss_room(room(7)).await, Ok(Dismissal::Dismissed), "the next one finds it well again");
}

#[tokio::test]
async fn a_deadline_ends_the_tries() {
    let tencent = Tencent::start().await;
    tencent.fails_with([Trouble::Hangs; 3]);
    let config = RoomApiConfig { timeout: LONG, within: Duration::from_secs(1), ..tencent.config() };
    let error = RoomApi::new(&config, Clock::new(now)).unwrap().dismiss_room(room(7)).await.unwrap_err();
    assert_eq!((error.fault, error.retry, error.tries), (Fault::Timeout, true, 1));
}

#[tokio::test]
async fn what_stays_wrong_is_not_tried_again() {
    let tencent = Tencent::start().await;
    tencent.add_users(room(7), &["user456"]);
    let config = tencent.config();
    let wrong = [
        (RoomApiConfig { key: ApiKey::new(SECRET_ID, "another"), ..config.clone() }, "AuthFailure.SignatureFailure"),
        (RoomApiConfig { key: ApiKey::new("AKIDother", SECRET_KEY), ..config.clone() }, "AuthFailure.SecretIdNotFound"),
        (RoomApiConfig { sdk_app_id: 1_400_000_002, ..config.clone() }, "UnauthorizedOperation.SdkAppId"),
        (RoomApiConfig { region: "ap-nowhere".into(), ..config }, "UnsupportedRegion"),
    ];
    for (tries, (config, code)) in wrong.into_iter().enumerate() {
        let error = patient(config).dismiss_room(room(7)).await.unwrap_err();
        assert_eq!((error.code(), error.retry, error.tries), (Some(code), false, 1));
        assert_eq!(tencent.asked().len(), tries + 1);
    }
    for status in [307, 403, 407] {
        tencent.fails_with([Trouble::Status(status)]);
        let error = patient(tencent.config()).dismiss_room(room(7)).await.unwrap_err();
        assert_eq!((error.fault, error.retry, error.tries), (Fault::Status(status), false, 1));
    }
    assert!(tencent.users_in(room(7)).is_some(), "the room is untouched");
}

#[tokio::test]
async fn a_clock_may_be_off_by_less_than_five_minutes() {
    let tencent = Tencent::start().await;
    let off = |minutes: i64| {
        let config = RoomApiConfig { timeout: LONG, within: LONG, ..tencent.config() };
        RoomApi::new(&config, Clock::new(move || now().plus(minutes * 60_000))).unwrap()
    };
    for minutes in [-4, 4] {
        assert_eq!(off(minutes).dismiss_room(room(7)).await, Ok(Dismissal::WasGone));
    }
    for minutes in [-60, 60] {
        let error = off(minutes).dismiss_room(room(7)).await.unwrap_err();
        assert_eq!((error.code(), error.retry, error.tries), (Some("AuthFailure.SignatureExpire"), false, 1));
    }
}

#[tokio::test]
async fn where_nobody_listens_it_is_tried_three_times() {
    let config =
        RoomApiConfig { url: format!("http://127.0.0.1:{}", dead_port().await), ..Tencent::start().await.config() };
    let error = patient(config).dismiss_room(room(7)).await.unwrap_err();
    assert!(matches!(error.fault, Fault::Unreachable(_)), "{error}");
    assert_eq!((error.retry, error.tries), (true, 3));
}

/// A forward proxy that sends everything to `upstream`, or refuses everything.
struct Proxy {
    url: String,
    first_lines: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Proxy {
    async fn start(upstream: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://me:hunter2@{}", listener.local_addr().unwrap());
        let first_lines = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&first_lines);
        let server = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let first = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
                seen.lock().unwrap().push(first);
                match upstream {
                    Some(upstream) => {
                        let mut upstream = TcpStream::connect(upstream).await.unwrap();
                        upstream.write_all(&head).await.unwrap();
                        let _ = copy_bidirectional(&mut client, &mut upstream).await;
                    }
                    None => client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await.unwrap(),
                }
            }
        });
        Self { url, first_lines, server }
    }

    fn first_lines(&self) -> Vec<String> {
        self.first_lines.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[tokio::test]
async fn a_proxy_is_used_when_it_is_set_and_the_signature_is_for_the_host_behind_it() {
    let tencent = Tencent::start().await;
    tencent.add_users(room(7), &["user456"]);
    let proxy = Proxy::start(Some(tencent.url().trim_start_matches("http://").parse().unwrap())).await;
    // Nothing listens there: only the proxy can answer.
    let url = format!("http://127.0.0.1:{}", dead_port().await);
    let api = patient(RoomApiConfig { url: url.clone(), proxy: Some(proxy.url.clone()), ..tencent.config() });
    assert_eq!(api.dismiss_room(room(7)).await, Ok(Dismissal::Dismissed));
    assert_eq!(proxy.first_lines(), [format!("POST {url}/ HTTP/1.1")]);
}

#[tokio::test]
async fn through_a_proxy_an_https_endpoint_is_asked_for_as_a_tunnel() {
    let proxy = Proxy::start(None).await;
    // A reserved name (RFC 6761): without the proxy no request leaves this machine either.
    let config = RoomApiConfig::new(SDK_APP_ID, ApiKey::new(SECRET_ID, SECRET_KEY));
    let config = RoomApiConfig { url: "https://trtc.invalid".into(), proxy: Some(proxy.url.clone()), ..config };
    assert!(patient(config).dismiss_room(room(7)).await.unwrap_err().retry);
    assert_eq!(proxy.first_lines(), ["CONNECT trtc.invalid:443 HTTP/1.1"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_much_there_is_to_do_no_second_sees_more_than_twenty_requests() {
    let tencent = Tencent::start().await;
    let api = patient(tencent.config());
    // Attempts count, not dismissals.
    tencent.fails_with([Trouble::Code("RequestLimitExceeded"); 5]);
    let all = (1..=50).map(|n| {
        let api = api.clone();
        tokio::spawn(async move { api.dismiss_room(room(n)).await })
    });
    for done in join_all(all).await {
        assert_eq!(done.unwrap(), Ok(Dismissal::WasGone));
    }
    let mut times: Vec<_> = tencent.asked().iter().map(|asked| asked.at).collect();
    times.sort_unstable();
    assert_eq!(times.len(), 55);
    for twenty_one in times.windows(21) {
        assert!(twenty_one[20] - twenty_one[0] >= Duration::from_secs(1), "{:?}", twenty_one[20] - twenty_one[0]);
    }
}

#[tokio::test]
async fn whoever_would_wait_too_long_for_his_turn_is_told() {
    let tencent = Tencent::start().await;
    tencent.fails_with([Trouble::Hangs; 20]);
    // 20 requests hang for longer than the 21st may wait for its turn.
    let config = RoomApiConfig { timeout: LONG, within: Duration::from_secs(3), ..tencent.config() };
    let api = RoomApi::new(&config, Clock::new(now)).unwrap();
    let errors: Vec<_> =
        join_all((1..=40).map(|n| api.dismiss_room(room(n)))).await.into_iter().map(Result::unwrap_err).collect();
    let busy = errors.iter().filter(|error| error.fault == Fault::Busy && error.retry && error.tries == 0).count();
    let timed_out = errors.iter().filter(|error| error.fault == Fault::Timeout).count();
    assert_eq!((timed_out, busy), (20, 20), "{errors:?}");
    assert!(tencent.asked().len() <= 20);
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    // The double's error messages repeat the whole request, as a hostile server would.
    let tencent = Tencent::start().await;
    let proxy = Proxy::start(None).await;
    let nowhere = format!("http://me:hunter2@127.0.0.1:{}", dead_port().await);
    let config = tencent.config();
    let mut errors: Vec<RoomApiError> = Vec::new();
    for wrong in [
        RoomApiConfig { key: ApiKey::new("AKIDother", SECRET_KEY), ..config.clone() },
        RoomApiConfig { region: "ap-nowhere".into(), ..config.clone() },
        RoomApiConfig { proxy: Some(proxy.url.clone()), ..config.clone() },
        RoomApiConfig { proxy: Some(nowhere), ..config.clone() },
        RoomApiConfig { url: format!("https://127.0.0.1:{}", dead_port().await), ..config.clone() },
        RoomApiConfig { url: tencent.url().replace("http:", "https:"), ..config.clone() },
    ] {
        errors.push(patient(wrong).dismiss_room(room(7)).await.unwrap_err());
    }
    for trouble in [Trouble::Malformed, Trouble::Status(500), Trouble::Code("InternalError")] {
        tencent.fails_with([trouble; 3]);
        errors.push(patient(config.clone()).dismiss_room(room(7)).await.unwrap_err());
    }
    for error in errors {
        let shown = format!("{error} {error:?}");
        println!("{error}");
        for secret in [SECRET_KEY, SECRET_ID, "AKIDother", "hunter2", "TC3-HMAC", "Signature="] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
    assert!(!format!("{config:?}").contains(SECRET_KEY));
}

/// A receiver of reports that answers with `answers` in turn and then with 200.
async fn listener(answers: &[StatusCode]) -> (String, Arc<Mutex<Vec<(HeaderMap, Bytes)>>>, JoinHandle<()>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/trtc/callback", socket.local_addr().unwrap());
    let heard = Arc::<Mutex<Vec<(HeaderMap, Bytes)>>>::default();
    let (kept, answers) = (Arc::clone(&heard), answers.to_vec());
    let app = Router::new().fallback(async move |headers: HeaderMap, body: Bytes| {
        let mut heard = kept.lock().unwrap();
        heard.push((headers, body));
        answers.get(heard.len() - 1).copied().unwrap_or(StatusCode::OK)
    });
    (url, heard, tokio::spawn(async move { axum::serve(socket, app).await.unwrap() }))
}

#[tokio::test]
async fn reports_are_signed_repeated_and_read() {
    let (url, heard, server) = listener(&[StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY]).await;
    let tencent = Reports::to(url, "the callback key");
    assert_eq!(tencent.deliver(&Report::left(664_321, "user456"), Duration::ZERO).await, Some(3));
    assert_eq!(tencent.send(&Report::dismissed("664321")).await.status(), StatusCode::OK);
    server.abort();
    let heard = heard.lock().unwrap();
    let mut kinds = Vec::new();
    for (headers, body) in heard.iter() {
        let sign = headers["sign"].to_str().unwrap();
        assert_eq!(verify_callback("the callback key", body, sign), Ok(()));
        assert!(verify_callback("another key", body, sign).is_err());
        assert_eq!(headers["sdkappid"].to_str().unwrap(), SDK_APP_ID.to_string());
        let CallbackEvent::InRoom(event) = parse_callback(body).unwrap() else { panic!("{body:?}") };
        assert_eq!(event.room.id(), Some(room(664_321)));
        kinds.push(event.kind);
    }
    let [left, dismissed] = [RoomEventKind::Left, RoomEventKind::RoomDismissed];
    assert_eq!(kinds, [left, left, left, dismissed]);
}

#[tokio::test]
async fn tencent_gives_up_after_a_minute() {
    let (url, heard, server) = listener(&[StatusCode::FORBIDDEN; 20]).await;
    assert_eq!(Reports::to(url, "key").deliver(&Report::entered(7, "user456"), Duration::ZERO).await, None);
    assert_eq!(heard.lock().unwrap().len(), 8);
    server.abort();
}
