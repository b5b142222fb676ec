//! What people do, and what happens to their devices.

use ilock_client_core::{Input, Lost};

use crate::backend::party;
use crate::story::{Happens, NAMES, Story};

impl Story {
    /// Somebody does something, or something happens to a device.
    pub fn act(&mut self, device: usize) -> Result<(), String> {
        let this = &mut self.devices[device];
        if this.app.logged_out.is_some() && self.random.percent(60) {
            this.app.logged_out = None;
            this.token = true;
            return self.input(device, Input::LoggedIn);
        }
        match self.random.below(100) {
            0..65 => self.taps(device),
            65..73 => {
                let there = !self.devices[device].network;
                if !there {
                    let after = self.random.below(60_000);
                    self.plan(after, device, Happens::Network(true));
                }
                self.network(device, there)
            }
            73..80 => {
                self.note(device, "restarts", &());
                let seed = self.random.bytes();
                if !self.stale {
                    self.devices[device].kept = self.devices[device].client.save();
                }
                self.devices[device].restart(seed);
                self.input(device, Input::Start)
            }
            80..83 => self.input(device, Input::LogOut),
            83..86 => self.input(device, Input::Woken),
            86..89 => match self.devices[device].online.take() {
                Some(connection) => self.input(device, Input::Disconnected { connection, reason: Lost::TakenOver }),
                None => Ok(()),
            },
            89..93 => {
                (self.devices[device].token, self.devices[device].fresh) = (false, false);
                Ok(())
            }
            _ if self.devices[device].app.away => self.input(device, Input::Start),
            _ => Ok(()),
        }
    }

    /// The person acts on a call that rings or is shown, or presses. Something must come of it.
    fn taps(&mut self, device: usize) -> Result<(), String> {
        let app = &self.devices[device].app;
        let ringing: Vec<String> = app.ringing.iter().cloned().collect();
        let shown: Vec<String> = app.shown.iter().cloned().collect();
        let tap = match (self.random.below(13), self.random.pick(&ringing), self.random.pick(&shown)) {
            (0..4, Some(call_id), _) => Input::Answer { call_id },
            (4, Some(call_id), _) => Input::Reject { call_id, reason: None },
            (5, Some(call_id), _) => Input::Decline { call_id },
            (6, Some(call_id), _) => Input::Preview { call_id },
            (5..9, _, Some(call_id)) => Input::HangUp { call_id, reason: None },
            _ => {
                let sets: &[&[&str]] = match party(NAMES[device]) {
                    "anna" => &[&["ben"], &["ben"], &["anna", "ben"]],
                    "ben" => &[&["anna"]],
                    _ => &[&["anna"], &["ben"], &["anna", "ben"], &["ben", "anna"]],
                };
                press(self.random.pick(sets).unwrap())
            }
        };
        self.input(device, tap.clone())?;
        let app = &self.devices[device].app;
        let nothing = match tap {
            Input::HangUp { call_id, .. } | Input::Reject { call_id, .. } => app.shown.contains(&call_id),
            Input::Decline { call_id } | Input::Answer { call_id } => app.ringing.contains(&call_id),
            Input::Press { .. } => app.logged_out.is_none() && app.shown.is_empty(),
            _ => false,
        };
        if nothing { Err(format!("{}: nothing came of what the person did", NAMES[device])) } else { Ok(()) }
    }

    /// All is well from now on.
    pub fn heal(&mut self) -> Result<(), String> {
        self.note(0, "all is well", &());
        for device in 0..self.devices.len() {
            self.devices[device].token = true;
            if !self.devices[device].network {
                self.network(device, true)?;
            }
            if self.devices[device].app.logged_out.take().is_some() {
                self.input(device, Input::LoggedIn)?;
            }
            if self.devices[device].app.away {
                self.input(device, Input::Start)?;
            }
        }
        self.plan(300_000, 0, Happens::Last(0));
        Ok(())
    }
}

pub fn press(callees: &[&str]) -> Input {
    let callees = callees.iter().map(|id| (*id).to_owned()).collect();
    Input::Press { callees, caller_info: None, ring_seconds: None, invitation_data: None }
}
