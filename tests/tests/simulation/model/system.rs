//! How the model moves: functions that decide, append, tell and note what they told; projectors that do what is left; time;
//! and crashes between any two of these.

use ilock_events::{CallState, Millis};
use stateright::{Model, Property};

use super::history::{Deed, Entry, Histories, History, MOMENTS, PHONES};
use super::state::{Function, Notices, Projector, Round, State, Step, bit};

/// What is altered to see that the laws notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    DropCondition,
    SkipReceipt,
    AcceptAfterGrace,
    ForgetOthers,
    DeclineAsReject,
}

/// How much of a call a model has: everything at once has too many states.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// The phones decline, beside answering; else one rejects, and the caller may cancel.
    pub declines: bool,
    pub projectors: usize,
    pub most_crashes: u8,
}

pub struct System {
    pub histories: Histories,
    pub scope: Scope,
    pub planted: Option<Planted>,
    /// What must hold.
    pub laws: fn(Scope) -> Vec<Property<Self>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Tick,
    /// A function is asked: it loads the log and decides.
    Decide(usize, Deed),
    Append(usize),
    Tell(usize),
    Note(usize),
    Crash(usize),
    /// A projector reads the log and tells what has no receipt.
    ProjectorTells(usize),
    ProjectorNotes(usize),
    ProjectorCrashes(usize),
}

/// Who carries out what: the phones, then these.
const CALLER: usize = PHONES as usize;
const TIMER: usize = CALLER + 1;
const PLACING: usize = TIMER + 1;

impl System {
    pub fn new(scope: Scope, planted: Option<Planted>, laws: fn(Scope) -> Vec<Property<Self>>) -> Self {
        Self { histories: Histories::default(), scope, planted, laws }
    }

    fn deeds(&self, function: usize) -> Vec<Deed> {
        match function {
            CALLER if self.scope.declines => vec![],
            CALLER => vec![Deed::Cancel],
            TIMER => vec![Deed::Expire],
            PLACING => vec![],
            phone => {
                let phone = u8::try_from(phone).unwrap();
                let mut deeds = vec![Deed::Accept(phone)];
                deeds.extend(self.scope.declines.then_some(Deed::Decline(phone)));
                deeds.extend((phone == 0 && !self.scope.declines).then_some(Deed::Reject(phone)));
                deeds
            }
        }
    }

    fn now(state: &State) -> Millis {
        Millis(MOMENTS[state.moment])
    }

    /// What a function is asked where somebody asks for `deed`.
    fn asked(&self, deed: Deed) -> Deed {
        match (self.planted, deed) {
            (Some(Planted::DeclineAsReject), Deed::Decline(phone)) => Deed::Reject(phone),
            _ => deed,
        }
    }

    /// When the function that takes `deed` takes it to be.
    fn time_of(&self, deed: Deed, now: Millis) -> Millis {
        match (self.planted, deed) {
            (Some(Planted::AcceptAfterGrace), Deed::Accept(_)) => Millis(MOMENTS[0]),
            _ => now,
        }
    }

    /// What a function does next that decides `deed` on `history`; none when it leaves things as they are.
    fn decided(&self, history: &History, deed: Deed, now: Millis) -> Option<Function> {
        let at = self.time_of(deed, now);
        match history.decide(deed, at) {
            Ok(Some(_)) => Some(Function::Appends { n: history.commits.len() + 1, entry: (deed, at), decided: now }),
            // Refused, or done before. Whoever asks again is answered the same.
            Ok(None) | Err(_) => None,
        }
    }

    fn append(&self, state: &mut State, function: usize, (n, entry, decided): (usize, Entry, Millis)) {
        let stands = state.log.len() < n || self.planted == Some(Planted::DropCondition);
        if stands && matches!(entry.0, Deed::Accept(_)) {
            state.answered = Some(decided);
        }
        state.functions[function] = if state.log.len() < n {
            state.log.push(entry);
            self.lose(state, function);
            Function::Tells { n }
        } else {
            // What followed from the commit that stood there is void; the law is broken here already.
            state.overwritten = true;
            Function::Waiting
        };
    }

    /// Whoever else was about to append has lost. They decide again on what now stands, whenever that is: as if they were
    /// asked then. Without the put's condition they would overwrite what stands.
    fn lose(&self, state: &mut State, winner: usize) {
        if self.planted == Some(Planted::DropCondition) {
            return;
        }
        for (index, function) in state.functions.iter_mut().enumerate() {
            if index != winner && matches!(function, Function::Appends { .. }) {
                *function = Function::Waiting;
            }
        }
    }

    /// What one round of delivery does: hands over what is due of commit `n`, or gives it up.
    fn tell(&self, state: &mut State, n: usize, settled: Notices, known: usize) -> Round {
        let history = self.histories.of(&state.log);
        let ringing = self.histories.of(&state.log[..known]).call.state() == Some(CallState::Ringing);
        let (_, notices) = &history.commits[n - 1];
        let mut round = Round::default();
        for notice in notices.iter().filter(|notice| settled & bit(n, notice.index) == 0) {
            let bit = bit(n, notice.index);
            if notice.expires_at <= Self::now(state) || (notice.rings() && !ringing) {
                round.given_up |= bit;
                continue;
            }
            round.handed |= bit;
            if self.planted == Some(Planted::ForgetOthers) && n > 1 && notice.target().starts_with("users/") {
                continue;
            }
            state.again |= state.handed & bit != 0;
            state.handed |= bit;
        }
        round
    }

    fn note(&self, state: &mut State, round: Round) {
        if self.planted != Some(Planted::SkipReceipt) {
            state.settled |= round.handed | round.given_up;
            state.receipted |= round.handed;
        }
    }

    fn move_projector(&self, state: &mut State, index: usize, action: Action) {
        let Projector { n, step } = state.projectors[index];
        let next = match (action, step) {
            (Action::ProjectorTells(_), Step::Waits) => {
                let (settled, known) = (state.settled, state.log.len());
                Projector { n, step: Step::Notes(self.tell(state, n, settled, known)) }
            }
            (Action::ProjectorNotes(_), Step::Notes(round)) => {
                self.note(state, round);
                Projector { n: n + 1, step: Step::Waits }
            }
            _ => {
                state.crashes += 1;
                Projector { n, step: Step::Waits }
            }
        };
        state.projectors[index] = next;
        // Which of the two is which makes no difference.
        state.projectors.sort_unstable();
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut functions = vec![Function::Waiting; PLACING];
        functions.push(Function::Tells { n: 1 });
        let waits = Projector { n: 1, step: Step::Waits };
        vec![State {
            moment: 0,
            log: vec![(Deed::Place, Millis(0))],
            overwritten: false,
            answered: None,
            functions,
            projectors: vec![waits; self.scope.projectors],
            handed: 0,
            again: false,
            settled: 0,
            receipted: 0,
            meant_to_reject: false,
            crashes: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.moment + 1 < MOMENTS.len() {
            actions.push(Action::Tick);
        }
        let may_crash = state.crashes < self.scope.most_crashes;
        for (index, function) in state.functions.iter().enumerate() {
            match function {
                Function::Waiting => {
                    actions.extend(self.deeds(index).into_iter().map(|deed| Action::Decide(index, deed)));
                }
                Function::Appends { .. } => actions.push(Action::Append(index)),
                Function::Tells { .. } => actions.push(Action::Tell(index)),
                Function::Notes(_) => actions.push(Action::Note(index)),
            }
            if may_crash && !matches!(function, Function::Waiting) {
                actions.push(Action::Crash(index));
            }
        }
        for (index, projector) in state.projectors.iter().enumerate() {
            match projector.step {
                Step::Waits if projector.n <= state.log.len() => actions.push(Action::ProjectorTells(index)),
                Step::Waits => {}
                Step::Notes(_) => actions.push(Action::ProjectorNotes(index)),
            }
            if may_crash && projector.step != Step::Waits {
                actions.push(Action::ProjectorCrashes(index));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.moment += 1,
            Action::Decide(function, deed) => {
                let history = self.histories.of(&state.log);
                state.functions[function] = self.decided(&history, self.asked(deed), Self::now(&state))?;
                state.meant_to_reject |= matches!(deed, Deed::Reject(_));
            }
            Action::Append(function) => {
                let Function::Appends { n, entry, decided } = state.functions[function] else { return None };
                self.append(&mut state, function, (n, entry, decided));
            }
            Action::Tell(function) => {
                let Function::Tells { n } = state.functions[function] else { return None };
                let round = self.tell(&mut state, n, 0, n);
                state.functions[function] = Function::Notes(round);
            }
            Action::Note(function) => {
                let Function::Notes(round) = state.functions[function] else { return None };
                self.note(&mut state, round);
                state.functions[function] = Function::Waiting;
            }
            Action::Crash(function) => {
                state.crashes += 1;
                state.functions[function] = Function::Waiting;
            }
            Action::ProjectorTells(index) | Action::ProjectorNotes(index) | Action::ProjectorCrashes(index) => {
                self.move_projector(&mut state, index, action);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        (self.laws)(self.scope)
    }
}
