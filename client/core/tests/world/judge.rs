//! Who must ring, show and be silent when.

use std::collections::BTreeSet;

use ilock_client_core::Input;

use crate::backend::{Call, party};
use crate::device::Device;
use crate::people::press;
use crate::story::{Happens, NAMES, Story};

/// How much longer than its call a phone may ring: it knows the backend's time to some seconds.
const RINGS_ON_MS: u64 = 9_000;
/// No device makes more requests in one story.
const REQUESTS: u32 = 1_500;

impl Story {
    pub fn nobody_rings_too_long(&self) -> Result<(), String> {
        for device in &self.devices {
            let late = |id: &&String| {
                let is_late = |call: &Call| call.id == **id && self.now > call.deadline + RINGS_ON_MS;
                self.backend.calls.iter().any(is_late)
            };
            if let Some(id) = device.app.ringing.iter().find(late) {
                return Err(format!("{} still rings for {id}", device.name));
            }
        }
        Ok(())
    }

    /// Once all is well, a call rings everywhere within seconds, falls silent everywhere when it is answered, and ends for
    /// both when one hangs up.
    pub fn last(&mut self, step: u8) -> Result<(), String> {
        let [door, anna] = ["door_1", "anna_a"].map(|of| NAMES.iter().position(|name| *name == of).unwrap());
        let call = self.backend.calls.iter().rfind(|call| call.caller == "door");
        let call_id = call.map(|call| call.id.clone()).unwrap_or_default();
        let at = |list: fn(&Device) -> &BTreeSet<String>| {
            let has = |device: &&Device| list(device).contains(&call_id);
            self.devices.iter().filter(has).map(|device| device.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        let (ringing, in_room) = (at(|device| &device.app.ringing), at(|device| &device.app.in_room));
        let expected = [("anna_a anna_b ben_a", "door_1"), ("", "anna_a door_1"), ("", "")];
        let expected = step.checked_sub(1).and_then(|n| expected.get(usize::from(n)));
        if expected.is_some_and(|expected| *expected != (ringing.as_str(), in_room.as_str())) {
            return Err(format!("{call_id}, the last, at step {step}: rings at {ringing}, in the room: {in_room}"));
        }
        match step {
            0 => {
                for call_id in self.devices[door].app.shown.clone() {
                    self.input(door, Input::HangUp { call_id, reason: None })?;
                }
                self.input(door, press(&["anna", "ben"]))?;
            }
            1 => self.input(anna, Input::Answer { call_id })?,
            2 => {
                let by = if self.random.percent(50) { door } else { anna };
                self.input(by, Input::HangUp { call_id, reason: None })?;
            }
            _ => return Ok(()),
        }
        self.plan(5_000, door, Happens::Last(step + 1));
        Ok(())
    }

    /// Whether everybody shows what the backend has.
    pub fn judge(&self) -> Result<(), String> {
        for device in &self.devices {
            self.judge_device(device).map_err(|error| format!("{} {error}", device.name))?;
        }
        // A caller that was never told of its call, neither by an answer nor by a message, cannot end it.
        let known = |call: &Call| {
            let mut own = self.devices.iter().filter(|device| party(&device.name) == call.caller);
            own.any(|device| device.knows(&call.id))
        };
        for call in self.backend.calls.iter().filter(|call| !call.is_over() && known(call)) {
            let is_in = |who: &str| {
                let mut theirs = self.devices.iter().filter(|device| device.name == who || party(&device.name) == who);
                theirs.any(|device| device.app.in_room.contains(&call.id))
            };
            let answered_by = call.answered_by.as_deref().unwrap_or_default();
            if call.state == "ringing" || !is_in(&call.caller) || !is_in(answered_by) {
                return Err(format!("{} lasts, and somebody is not in it: {call:?}", call.id));
            }
        }
        Ok(())
    }

    fn judge_device(&self, device: &Device) -> Result<(), String> {
        let app = &device.app;
        let (calls, requests) = device.saved();
        if device.requests > REQUESTS {
            return Err(format!("has made {} requests", device.requests));
        }
        if app.logged_out.is_some() || !app.ringing.is_empty() || !requests.is_empty() {
            return Err(format!("is logged out, rings for {:?}, or still has {requests:?} to do", app.ringing));
        }
        for call in calls {
            let (id, phase) = (call["id"].as_str(), call["phase"].as_str().unwrap());
            let lasts = |known: &Call| Some(known.id.as_str()) == id && known.state == "active";
            let lasts = self.backend.calls.iter().any(lasts);
            let shows = id.is_some_and(|id| app.shown.contains(id) && app.in_room.contains(id));
            match phase {
                "Over" if !shows => {}
                "Active" if lasts && shows => {}
                _ => return Err(format!("has {id:?} as {phase}; lasts: {lasts}, in the room: {shows}")),
            }
        }
        match app.shown.iter().find(|id| !app.in_room.contains(*id)) {
            Some(odd) => Err(format!("shows {odd} for ever")),
            None => Ok(()),
        }
    }
}
