//! Carries out what the core says: one task, and one more for each request and connection under way.

use std::time::Duration;

use ilock_client_core::{Client, Command, Event, Input, Lost, Output};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::broker::{self, Login, Order};
use crate::http::Http;
use crate::tokens::{AccessTokens, Token};
use crate::wish::Wish;

/// How long a client that is closed waits for requests under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
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
            let wake = self.core.wake_at().map(|ms| self.started + Duration::from_millis(ms));
            let wake = wake.unwrap_or_else(|| Instant::now() + IDLE);
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
        let _ = timeout(CLOSE_TIMEOUT, self.finish(&mut wished)).await;
    }

    /// Carries on until everything that was wished for before has been done, and no request is under way.
    async fn finish(&mut self, wished: &mut UnboundedReceiver<Wish>) {
        while let Ok(wish) = wished.try_recv() {
            self.grant(wish);
        }
        while self.requests > 0 {
            let Some(wish) = wished.recv().await else { return };
            self.grant(wish);
        }
        if let Some(connection) = &mut self.connection {
            let _ = connection.orders.send(Order::Disconnect);
            // Its task ends once that was sent.
            let _ = (&mut connection.task).await;
        }
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
            // It is about a login that another one has followed.
            Wish::Token(_, login, _) if login != self.login => {}
            Wish::Token(Token::Fresh(token), _, then) => {
                self.token = Some(token);
                self.input(then);
            }
            Wish::Token(Token::Later, _, then) => self.token_failed(then),
            Wish::Token(Token::LogIn, _, Input::LoggedIn) => self.input(Input::LoginFailed),
            Wish::Token(Token::LogIn, ..) => self.input(Input::TokenUnavailable),
            Wish::Save(sender) => {
                let _ = sender.send(self.core.save());
            }
            Wish::Close(closed) => self.closing.push(closed),
        }
    }

    /// Gets an access token, and then tells the core `then`.
    fn fetch_token(&self, then: Input) {
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
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
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
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn a_login_that_gets_no_token_is_told_each_time() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let core = Client::new(Config::new(Role::Phone, "phone".into()), vec![7; 32]).unwrap();
        let (server, language) = ("http://backend.invalid".into(), "en".into());
        let http = Http { client: reqwest::Client::new(), server, language };
        let (wishes, _wished) = unbounded_channel();
        let (events, mut told) = unbounded_channel();
        let mut driver = Driver::new(core, http, AccessTokens::fixed("t"), wishes, events);
        for then in [Input::Start, Input::LoggedIn, Input::LoggedIn] {
            driver.grant(Wish::Token(Token::LogIn, 0, then));
            assert!(matches!(told.try_recv(), Ok(Event::LoggedOut { .. })));
        }
    }
}
