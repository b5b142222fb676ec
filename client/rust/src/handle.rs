//! What an app holds: a handle to act with, and the events.

use ilock_client_core::{Event, Input, PushTokens, Status};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use crate::press::Press;
use crate::wish::Wish;

/// The client has ended: its [`Events`] were dropped, or [`Handle::close`] was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client has ended: start another one")]
pub struct Stopped;

/// Acts for the person. Clones act for the same client. After the client has ended, nothing happens.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) wishes: UnboundedSender<Wish>,
}

/// The events of a client. When it is dropped, the client ends; its session at the broker stays for an hour.
#[derive(Debug)]
pub struct Events {
    pub(crate) events: UnboundedReceiver<Event>,
}

impl Events {
    /// The next event; none when the client has ended.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Handle {
    fn input(&self, input: Input) {
        let _ = self.wishes.send(Wish::Input(input));
    }

    /// Answers the call.
    pub fn answer(&self, call_id: &str) {
        self.input(Input::Answer { call_id: call_id.into() });
    }

    /// Rejects the call for all of the person's phones.
    pub fn reject(&self, call_id: &str, reason: Option<&str>) {
        self.input(Input::Reject { call_id: call_id.into(), reason: reason.map(str::to_owned) });
    }

    /// Silences this phone; the person's others ring on.
    pub fn decline(&self, call_id: &str) {
        self.input(Input::Decline { call_id: call_id.into() });
    }

    /// Asks for the way in before the answer, to look and listen: [`Event::Preview`] brings it.
    pub fn preview(&self, call_id: &str) {
        self.input(Input::Preview { call_id: call_id.into() });
    }

    /// Ends the call: gives up before an answer, hangs up after it. A call that has no id yet is named by its press; of one that
    /// is over, [`Event::CallOver`] comes once more.
    pub fn hang_up(&self, call_id: &str, reason: Option<&str>) {
        self.input(Input::HangUp { call_id: call_id.into(), reason: reason.map(str::to_owned) });
    }

    /// Presses the button. While a call to the same people is just being ended, the press waits until that is through.
    pub fn press(&self, press: Press) {
        self.input(press.input());
    }

    /// Says that the person has looked at their list of calls; `until` is `read_at` of that page. [`Event::CallsSeen`] comes
    /// when the backend has noted it.
    pub fn calls_seen(&self, until: i64) {
        self.input(Input::CallsSeen { until });
    }

    /// Reports how the app is doing; `priority` is 0 to 10.
    pub fn status(&self, status: Status, priority: u8) {
        self.input(Input::Status { status, priority });
    }

    /// Hands in the tokens of the push services.
    pub fn push_tokens(&self, tokens: PushTokens) {
        self.input(Input::PushTokens { tokens });
    }

    /// Hands in a push: the app's part of it, a JSON object. `must_show` where the system demands that a call is shown.
    pub fn push(&self, data: &str, must_show: bool) {
        self.input(Input::Push { data: data.into(), must_show });
    }

    /// Says what the system says of the network. Without one [`Event::Offline`] comes at once, and with one again another
    /// connection is opened at once.
    pub fn network(&self, online: bool) {
        self.input(Input::Network { online });
    }

    /// The machine was suspended and runs again.
    pub fn woken(&self) {
        self.input(Input::Woken);
    }

    /// Is reachable here again after [`Event::TakenOver`] or [`Event::RegistrationRefused`].
    pub fn start(&self) {
        self.input(Input::Start);
    }

    /// The person has logged in again after [`Event::LoggedOut`].
    pub fn logged_in(&self) {
        let _ = self.wishes.send(Wish::LoggedIn);
    }

    /// Logs the person out on this client: at once here. At the backend the calls are ended first that were placed or answered
    /// here.
    pub fn log_out(&self) {
        self.input(Input::LogOut);
    }

    /// All that must outlive the process, for [`crate::Builder::restore`]. It contains secrets.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn save(&self) -> Result<String, Stopped> {
        let (sender, saved) = oneshot::channel();
        self.wishes.send(Wish::Save(sender)).map_err(|_| Stopped)?;
        saved.await.map_err(|_| Stopped)
    }

    /// Waits until every request has been answered or given up, at most two seconds, and ends the client. What was done to a
    /// call and failed is tried again until then. A call that lasts is not ended: [`Self::hang_up`] does that.
    pub async fn close(&self) {
        let (sender, closed) = oneshot::channel();
        if self.wishes.send(Wish::Close(sender)).is_ok() {
            let _ = closed.await;
        }
    }
}
