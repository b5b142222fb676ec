//! A press that the backend answers with the call of an earlier one, because that rings or lasts.

use crate::calls::call::CallPhase;
use crate::calls::outgoing::PLACE_WORTH_MS;
use crate::client::Client;
use crate::output::{Ending, Progress};
use crate::requests::{Request, Stage};
use crate::wire::View;

/// How often a press is made once more. When it is answered with the call that was ended here even then, that is the call.
const MOST_ANEW: u8 = 2;

/// Where call `index` is once call `removed` is none any more.
fn without(removed: usize, index: usize) -> usize {
    if removed < index { index.saturating_sub(1) } else { index }
}

impl Client {
    /// Which call the press at `index` is, now that the backend has answered it; none where nothing is left to be done.
    pub(crate) fn answered_with(&mut self, index: usize, request: &Request, view: &View) -> Option<usize> {
        let Some(first) = self.calls.position(&view.call_id).filter(|first| *first != index) else {
            return Some(index);
        };
        let (known, pressed) = (self.calls.0.get(first)?, self.calls.0.get(index)?);
        if known.phase != CallPhase::Over {
            return self.join(index, first);
        }
        if pressed.given_up.is_some() {
            self.end_again(first, view);
            let pressed = self.calls.0.remove(index);
            self.calls.0.get_mut(without(index, first))?.named_as_well(pressed);
            return None;
        }
        if known.ended_here && pressed.made_anew < MOST_ANEW {
            self.end_again(first, view);
            self.press_anew(index, request);
            return None;
        }
        self.revive(index, first, view)
    }

    /// The call rings or lasts here, too: the two presses are one call. The app is told where that stands, under the name of
    /// the press that it made last.
    fn join(&mut self, index: usize, first: usize) -> Option<usize> {
        if self.calls.0.get(first).is_none_or(|call| !call.is_outgoing()) {
            // No call that came in is the answer to a press.
            self.over(index, Ending::Failed, None, None);
            return None;
        }
        let pressed = self.calls.0.remove(index);
        let first = without(index, first);
        let call = self.calls.0.get_mut(first)?;
        if pressed.given_up.is_some() {
            call.given_up.clone_from(&pressed.given_up);
            call.named_as_well(pressed);
            return Some(first);
        }
        let earlier = std::mem::replace(&mut call.press, pressed.press.clone());
        call.aliases.extend(earlier);
        call.named_as_well(pressed);
        call.shown = true;
        let progress = if call.phase == CallPhase::Active { Some(Progress::Accepted) } else { call.progress };
        self.tell_progress(first, Progress::Placed);
        if let Some(progress) = progress {
            self.tell_progress(first, progress);
        }
        Some(first)
    }

    /// Ends the call that was ended here already, where the backend has it still.
    fn end_again(&mut self, index: usize, view: &View) {
        let is_older = self.calls.0.get(index).is_none_or(|call| call.is_older(Some(view.seq)));
        if let Some(state) = view.state.filter(|_| !is_older) {
            self.end_what_lasts(index, state);
        }
    }

    /// Makes the press once more, under a key of its own: the one before names the call that was ended. The app knows it by
    /// the press that it made.
    fn press_anew(&mut self, index: usize, request: &Request) {
        let key = self.random.key();
        let Some(call) = self.calls.0.get_mut(index) else { return };
        call.made_anew = call.made_anew.saturating_add(1);
        call.aliases.push(key.clone());
        let left = call.place_by.map_or(PLACE_WORTH_MS, |end| end.saturating_sub(self.now));
        self.send(Request { key: Some(key), worth_ms: Some(left), ..request.clone() });
    }

    /// The call was over here, and not because this client ended it; or it cannot be ended. The press brings it back, unless
    /// the answer is older than its end.
    fn revive(&mut self, index: usize, first: usize, view: &View) -> Option<usize> {
        let known = self.calls.0.remove(first);
        let index = without(first, index);
        let (seq, ending, is_older) = (known.seq, known.ending, known.is_older(Some(view.seq)));
        self.requests
            .pending
            .retain(|pending| matches!(pending.stage, Stage::Sent(_)) || !pending.request.purpose.ends(&view.call_id));
        let call = self.calls.0.get_mut(index)?;
        call.seq = seq;
        call.named_as_well(known);
        if is_older {
            self.name(index, &view.call_id);
            self.over(index, ending.unwrap_or(Ending::Ended), None, None);
            return None;
        }
        Some(index)
    }
}
