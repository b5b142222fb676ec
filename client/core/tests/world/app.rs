//! An app that follows the events, as docs/apps.md says, and wonders about those that do not fit.

use std::collections::BTreeSet;

use ilock_client_core::{Ending, Event, LogoutReason};

#[derive(Default)]
pub struct App {
    pub ringing: BTreeSet<String>,
    pub in_room: BTreeSet<String>,
    /// Calls on the screen, by their ids or presses.
    pub shown: BTreeSet<String>,
    pub logged_out: Option<LogoutReason>,
    /// Whether it stays away until it is started.
    pub away: bool,
}

impl App {
    /// Takes an event. What an app could not follow is an error.
    pub fn sees(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Ring { call } => {
                self.shown.insert(call.call_id.clone());
                self.ringing.insert(call.call_id.clone());
            }
            Event::StopRinging { call_id, why } if !self.ringing.remove(call_id) => {
                return Err(format!("{call_id} stopped ringing ({why:?}) and did not ring"));
            }
            Event::EnterRoom { call_id, .. } => {
                self.shown.insert(call_id.clone());
                if !self.in_room.insert(call_id.clone()) || self.ringing.contains(call_id) {
                    return Err(format!("{call_id} was entered twice, or rings in its room"));
                }
            }
            Event::LeaveRoom { call_id } if !self.in_room.remove(call_id) => {
                return Err(format!("{call_id} was left and not entered"));
            }
            Event::Progress { press, call_id, .. } => {
                self.shown.remove(press);
                self.shown.insert(call_id.as_ref().unwrap_or(press).clone());
            }
            Event::CallOver { call_id, why, .. } => {
                self.shown.remove(call_id);
                let stays = *why != Ending::DeclinedHere && self.in_room.contains(call_id);
                if stays || self.ringing.contains(call_id) {
                    return Err(format!("{call_id} is over ({why:?}), and rings or is in its room"));
                }
            }
            Event::MissedCall { call_id, .. } if self.shown.contains(call_id) => {
                return Err(format!("{call_id} was missed and is shown"));
            }
            Event::LoggedOut { why } => {
                self.logged_out = Some(*why);
                if !self.shown.is_empty() || !self.in_room.is_empty() {
                    return Err(format!("{:?} are shown after a logout", self.shown));
                }
            }
            Event::TakenOver | Event::RegistrationRefused { .. } => self.away = true,
            Event::Online { .. } => (self.away, self.logged_out) = (false, None),
            _ => {}
        }
        Ok(())
    }
}
