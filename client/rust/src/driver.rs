//! Carries out what the core says: one task, and one more for each request and connection under way.

use std::time::Duration;

use ilock_client_core::{Client, Command, Event, Input, Lost, Method, Output};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::broker::{self, Login, Order};
use crate::http::Http;
use crate::tokens::{AccessTokens, Token};
use crate::wish::Wish;

/// How long a client that is closed waits for requests under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the core is woken within that time, at most, to see whether it acts again.
const WAKES: usize = 16;
/// When nothing else wakes the client.
const IDLE: Duration = Duration::from_hours(24);

struct Connection {
    orders: UnboundedSender<Order>,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) struct Driver {
    core: Client,
    http: Http,
    tokens: AccessTokens,
    /// The last token of this login.
    token: Option<String>,
    /// How often the person has logged in since the start.
    login: u64,
    wishes: UnboundedSender<Wish>,
    events: UnboundedSender<Event>,
    started: Instant,
    connection: Option<Connection>,
    /// Requests under way.
    requests: usize,
    /// Access tokens that were asked for and have not come.
    tokens_asked: usize,
    trust: Option<Vec<u8>>,
    authorizer: Option<String>,
    /// Those who wait for the end: they are told by being dropped.
    closing: Vec<oneshot::Sender<()>>,
}

impl Driver {
    pub fn new(
        core: Client,
        http: Http,
        tokens: AccessTokens,
        wishes: UnboundedSender<Wish>,
        events: UnboundedSender<Event>,
    ) -> Self {
        let started = Instant::now();
        let (token, connection, trust, authorizer) = (None, None, None, None);
        Self {
            core,
            http,
            tokens,
            token,
            login: 0,
            wishes,
            events,
            started,
            connection,
            requests: 0,
            tokens_asked: 0,
            trust,
            authorizer,
            closing: vec![],
        }
    }

    pub fn with_broker(self, trust: Option<Vec<u8>>, authorizer: Option<String>) -> Self {
        Self { trust, authorizer, ..self }
    }

    /// Runs until it is closed or nobody takes the events.
    pub async fn run(mut self, mut wished: UnboundedReceiver<Wish>) {
        self.fetch_token(Input::Start);
        loop {
            let wake = self.wake();
            let wish = tokio::select! {
                wish = wished.recv() => wish,
                () = sleep_until(wake) => Some(Wish::Input(Input::Tick)),
                () = self.events.closed() => None,
            };
            match wish {
                None => break,
                Some(Wish::Close(closed)) => {
                    self.closing.push(closed);
                    break;
                }
                Some(wish) => self.grant(wish),
            }
        }
        let end = Instant::now() + CLOSE_TIMEOUT;
        let _ = timeout_at(end, self.finish(&mut wished, end)).await;
    }

    /// When the core is to be woken, should nothing happen before.
    fn wake(&self) -> Instant {
        let wake = self.core.wake_at().map(|ms| self.started + Duration::from_millis(ms));
        wake.unwrap_or_else(|| Instant::now() + IDLE)
    }

    /// Carries on until everything that was wished for before has been done, no request is under way, and no action on a
    /// call that failed comes again before `end`.
    async fn finish(&mut self, wished: &mut UnboundedReceiver<Wish>, end: Instant) {
        while let Ok(wish) = wished.try_recv() {
            self.grant(wish);
        }
        while self.requests > 0 || self.tokens_asked > 0 || self.acts_again(end) {
            tokio::select! {
                wish = wished.recv() => match wish {
                    Some(wish) => self.grant(wish),
                    None => return,
                },
                () = sleep_until(self.wake()) => self.input(Input::Tick),
            }
        }
        if let Some(connection) = &mut self.connection {
            let _ = connection.orders.send(Order::Disconnect);
            // Its task ends once that was sent.
            let _ = (&mut connection.task).await;
        }
    }

    /// Whether the core sends an action on a call, or a logout, by itself before `end`, such as a hang-up that failed. A copy
    /// of it looks ahead. What else it would send, such as another attempt to register, keeps nobody waiting.
    fn acts_again(&self, end: Instant) -> bool {
        let is_action = |output: &Output| {
            let Output::Do(Command::Request { method, idempotency_key, .. }) = output else { return false };
            idempotency_key.is_some() || *method == Method::Delete
        };
        let end = milliseconds(end.duration_since(self.started));
        let mut ahead = self.core.clone();
        for _ in 0..WAKES {
            let Some(wake) = ahead.wake_at().filter(|wake| *wake <= end) else { return false };
            if ahead.handle(wake, Input::Tick).iter().any(is_action) {
                return true;
            }
        }
        false
    }

    fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::Input(input) => self.input(input),
            Wish::Answered(input) => {
                self.requests = self.requests.saturating_sub(1);
                self.input(input);
            }
            Wish::LoggedIn => {
                self.login = self.login.saturating_add(1);
                self.fetch_token(Input::LoggedIn);
            }
            Wish::Token(token, login, then) => {
                self.tokens_asked = self.tokens_asked.saturating_sub(1);
                // Else it is about a login that another one has followed.
                if login == self.login {
                    self.fetched(token, then);
                }
            }
            Wish::Save(sender) => {
                let _ = sender.send(self.core.save());
            }
            Wish::Close(closed) => self.closing.push(closed),
        }
    }

    fn fetched(&mut self, token: Token, then: Input) {
        match (token, then) {
            (Token::Fresh(token), then) => {
                self.token = Some(token);
                self.input(then);
            }
            (Token::Later, then) => self.token_failed(then),
            (Token::LogIn, Input::LoggedIn) => self.input(Input::LoginFailed),
            (Token::LogIn, _) => self.input(Input::TokenUnavailable),
        }
    }

    /// Gets an access token, and then tells the core `then`.
    fn fetch_token(&mut self, then: Input) {
        self.tokens_asked += 1;
        let (tokens, wishes, login) = (self.tokens.clone(), self.wishes.clone(), self.login);
        tokio::spawn(async move {
            // A source that panics has said nothing about the login.
            let token = tokio::spawn(async move { tokens.fetch().await }).await.unwrap_or(Token::Later);
            let _ = wishes.send(Wish::Token(token, login, then));
        });
    }

    /// The login service did not answer. The client starts all the same: only what needs a token waits for one.
    fn token_failed(&mut self, then: Input) {
        if then == Input::LoggedIn {
            // The one there is belongs to the login before.
            self.token = None;
        }
        let renewing = then == Input::TokenRenewed;
        self.input(if renewing { Input::TokenFailed } else { then });
    }

    fn input(&mut self, input: Input) {
        let now = milliseconds(self.started.elapsed());
        for output in self.core.handle(now, input) {
            match output {
                Output::Event(event) => drop(self.events.send(event)),
                Output::Do(command) => self.carry_out(command),
            }
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Request { .. } => {
                self.requests += 1;
                let request = self.http.clone().request(command, self.token.clone());
                let wishes = self.wishes.clone();
                tokio::spawn(async move {
                    if let Some(input) = request.await {
                        let _ = wishes.send(Wish::Answered(input));
                    }
                });
            }
            Command::Connect { connection, broker_url, client_id, username, password, .. } => {
                let username = match &self.authorizer {
                    Some(name) => {
                        // A signature may stand there already.
                        let sign = if username.contains('?') { '&' } else { '?' };
                        format!("{username}{sign}x-amz-customauthorizer-name={name}")
                    }
                    None => username,
                };
                let trust = self.trust.clone();
                self.connect(Login { connection, broker_url, client_id, username, password, trust });
            }
            Command::Subscribe { topics, .. } => {
                if let Some(connection) = &self.connection {
                    let _ = connection.orders.send(Order::Subscribe(topics));
                }
            }
            Command::Disconnect => self.connection = None,
            Command::NeedToken => self.fetch_token(Input::TokenRenewed),
        }
    }

    fn connect(&mut self, login: Login) {
        // The one before ends first: it has the same client id.
        self.connection = None;
        let connection = login.connection;
        if let Some((orders, follow)) = broker::open(login, self.wishes.clone()) {
            self.connection = Some(Connection { orders, task: tokio::spawn(follow) });
        } else {
            let reason = Lost::Network;
            let _ = self.wishes.send(Wish::Input(Input::Disconnected { connection, reason }));
        }
    }
}

#[cfg(test)]
mod tests {
    use ilock_client_core::{Config, Role};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc::unbounded_channel;
    use tokio::time::timeout;

    use super::*;

    /// The driver of a door, what it is asked for, and what it tells.
    fn door(server: String) -> (Driver, UnboundedReceiver<Wish>, UnboundedReceiver<Event>) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let core = Client::new(Config::new(Role::Door, "door".into()), vec![7; 32]).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let http = Http { client, server, language: "en".into() };
        let (wishes, wished) = unbounded_channel();
        let (events, told) = unbounded_channel();
        (Driver::new(core, http, AccessTokens::fixed("t"), wishes, events), wished, told)
    }

    #[test]
    fn a_login_that_gets_no_token_is_told_each_time() {
        let (mut driver, _wished, mut told) = door("http://backend.invalid".into());
        for then in [Input::Start, Input::LoggedIn, Input::LoggedIn] {
            driver.grant(Wish::Token(Token::LogIn, 0, then));
            assert!(matches!(told.try_recv(), Ok(Event::LoggedOut { .. })));
        }
    }

    /// A backend that gives these answers, status and body, one after the other, and then none.
    async fn backend(answers: [(u16, &'static str); 2]) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                // A logout has no body.
                let is_whole =
                    |request: &[u8]| request.ends_with(if request.starts_with(b"DELETE") { b"\r\n\r\n" } else { b"}" });
                while !is_whole(&request) {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                }
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        });
        (server, serving)
    }

    #[tokio::test]
    async fn an_action_or_a_logout_that_fails_while_the_client_closes_comes_again() {
        let done = (200, r#"{"code":0,"message":"","data":null}"#);
        let callees = vec!["user456".to_owned()];
        let press = Input::Press { callees, caller_info: None, ring_seconds: None, invitation_data: None };
        let no_token = (401, r#"{"code":40101,"message":"","data":null}"#);
        for (deed, refused) in [(press.clone(), (503, "")), (press, no_token), (Input::LogOut, (503, ""))] {
            let (server, serving) = backend([refused, done]).await;
            let (mut driver, mut wished, _told) = door(server);
            driver.token = Some("t".into());
            driver.grant(Wish::Input(deed));
            let end = Instant::now() + Duration::from_secs(10);
            driver.finish(&mut wished, end).await;
            timeout(Duration::from_secs(1), serving).await.expect("both requests were made").unwrap();
        }
    }

    #[tokio::test]
    async fn a_client_that_cannot_register_closes_at_once() {
        let (mut driver, mut wished, _told) = door("http://127.0.0.1:9".into());
        driver.token = Some("t".into());
        driver.grant(Wish::Input(Input::Start));
        let asked = Instant::now();
        driver.finish(&mut wished, asked + Duration::from_mins(1)).await;
        assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    }
}
