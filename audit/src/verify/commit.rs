//! One commit, read without copying where it stands there as we write it, and its hash.

use std::borrow::Cow;

use ilock_events::{
    Act, Actor, CallEvent, CallState, ClientName, ClientProof, Command, CommandId, CommitNo, Day, Millis, Nonce,
    PartyId,
};
use ilock_proof::{canonical, digest, has_digest};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cursor::Cursor;
use crate::json_error::said;
use crate::verify::args;

/// A commit's fields; what happened is still text.
#[derive(Debug)]
pub(crate) struct CommitView<'a> {
    pub(crate) at: Millis,
    pub(crate) call_id: &'a str,
    /// What was asked, by whom; once it was taken, why it cannot be read.
    command: Result<Command, String>,
    /// The command's kind, for what is said of it.
    pub(crate) kind: &'a str,
    pub(crate) events: &'a str,
    /// Whether all but `events` is known to be written as what is hashed is written.
    pub(crate) canonical: bool,
    pub(crate) hash: &'a str,
    pub(crate) n: CommitNo,
    pub(crate) personal_until: Option<Day>,
    pub(crate) prev: &'a str,
    pub(crate) state: CallState,
    pub(crate) tenant: &'a str,
}

/// A commit, with what is known of its hash.
#[derive(Debug)]
pub(crate) struct CheckedCommit<'a> {
    /// Its number; where it cannot be trusted, that of the place where it stands.
    pub(crate) n: u32,
    /// Its fields, where they can be read.
    pub(crate) view: Option<CommitView<'a>>,
    /// The hash of what stands there.
    pub(crate) hash: Cow<'a, str>,
    /// Whether that is the hash that it names.
    pub(crate) sound: bool,
    /// Whether it is written as what is hashed is written. Of `events` that is not known yet.
    pub(crate) canonical: bool,
    /// Why its fields cannot be read.
    pub(crate) why: String,
}

/// Checks the commit that stands at `place` (from 1), which is read as `view` where it is written as we write it. `scratch`
/// saves making room for each commit anew.
pub(crate) fn see<'a>(
    text: &'a str,
    view: Option<CommitView<'a>>,
    place: u32,
    scratch: &mut Vec<u8>,
) -> CheckedCommit<'a> {
    if let Some(view) = view
        && has_hash(text, view.hash, scratch)
    {
        let (hash, why) = (view.hash.into(), String::new());
        return CheckedCommit { n: view.n.0, view: Some(view), hash, sound: true, canonical: true, why };
    }
    let Slow { hash, sound, canonical, n } = hash_of_value(text);
    let (view, why) = match read_slowly(text, canonical) {
        Ok(view) => (Some(view), String::new()),
        Err(why) => (None, why),
    };
    // What was changed may be the number: then only the place says which commit this was.
    let hash = hash.into();
    CheckedCommit { n: n.filter(|_| sound).unwrap_or(place), view, hash, sound, canonical, why }
}

/// The fields of a commit that is all of `text`, in exactly the form in which it is written.
pub(crate) fn read(text: &str) -> Option<CommitView<'_>> {
    let mut at = Cursor::new(text);
    let view = take(&mut at)?;
    at.end()?;
    Some(view)
}

/// The fields of a commit that stands next, in exactly the form in which it is written.
pub(crate) fn take<'a>(at: &mut Cursor<'a>) -> Option<CommitView<'a>> {
    at.take("{\"actor\":")?;
    let actor = read_actor(at)?;
    at.take(",\"at\":")?;
    let when = Millis(at.integer()?);
    at.take(",\"call_id\":")?;
    let call_id = at.word()?;
    at.take(",\"cmd\":{")?;
    let args = if at.takes("\"args\":") {
        let args = at.object()?;
        at.take(",")?;
        Some(args)
    } else {
        None
    };
    let client_is = at.word_before("\"client_is\":")?;
    at.take("\"id\":")?;
    let id = CommandId::new(at.word()?).ok()?;
    at.take(",\"kind\":")?;
    let kind = at.word()?;
    at.take(",\"nonce\":")?;
    let nonce = Nonce::new(at.word()?).ok()?;
    at.take("},\"events\":")?;
    let events = at.list()?;
    at.take(",\"hash\":")?;
    let hash = at.word()?;
    at.take(",\"n\":")?;
    let n = CommitNo(at.number()?);
    let personal_until = at.typed(",\"personal_until\":", |day| day.parse().ok())?;
    at.take(",\"prev\":")?;
    let prev = at.word()?;
    at.take(",\"state\":")?;
    let state = at.word_of()?;
    at.take(",\"tenant\":")?;
    let tenant = at.word()?;
    at.take("}")?;
    let act = args::act(kind, args)?;
    let command = Ok(Command { id, nonce, client_is, actor, act });
    let canonical = true;
    Some(CommitView {
        at: when,
        call_id,
        command,
        kind,
        events,
        canonical,
        hash,
        n,
        personal_until,
        prev,
        state,
        tenant,
    })
}

fn read_actor(at: &mut Cursor<'_>) -> Option<Actor> {
    at.take("{")?;
    let client = at.typed("\"client\":", |name| ClientName::new(name).ok())?;
    if client.is_some() {
        at.take(",")?;
    }
    let id = at.typed("\"id\":", |id| PartyId::new(id).ok())?;
    if id.is_some() {
        at.take(",")?;
    }
    at.take("\"kind\":")?;
    let actor = match (at.word()?, id, client) {
        ("user", Some(id), client) => Actor::User { id, client },
        ("device", Some(id), None) => Actor::Device { id },
        ("timer", None, None) => Actor::Timer,
        ("system", None, None) => Actor::System,
        _ => return None,
    };
    at.take("}")?;
    Some(actor)
}

/// A commit in any form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyForm<'a> {
    #[serde(deserialize_with = "actor")]
    actor: Actor,
    at: Millis,
    call_id: &'a str,
    #[serde(borrow)]
    cmd: AnyCommand<'a>,
    #[serde(borrow)]
    events: &'a RawValue,
    hash: &'a str,
    n: CommitNo,
    #[serde(default)]
    personal_until: Option<Day>,
    prev: &'a str,
    state: CallState,
    tenant: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyCommand<'a> {
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(default)]
    client_is: Option<ClientProof>,
    id: CommandId,
    kind: &'a str,
    nonce: Nonce,
}

/// The actor of a commit, where that is written as we write it: with nothing beside what is known.
fn actor<'a, D: Deserializer<'a>>(from: D) -> Result<Actor, D::Error> {
    let value = Value::deserialize(from)?;
    let actor = Actor::deserialize(&value).map_err(D::Error::custom)?;
    if serde_json::to_value(&actor).map_err(D::Error::custom)? == value {
        Ok(actor)
    } else {
        Err(D::Error::custom("its actor has a field that is not known"))
    }
}

fn read_slowly(text: &str, canonical: bool) -> Result<CommitView<'_>, String> {
    let AnyForm { actor, at, call_id, cmd, events, hash, n, personal_until, prev, state, tenant } =
        serde_json::from_str(text).map_err(|error| said(&error))?;
    let AnyCommand { args, client_is, id, kind, nonce } = cmd;
    let act = act_slowly(kind, args.map(RawValue::get));
    let command = act.map(|act| Command { id, nonce, client_is, actor, act });
    let events = events.get();
    Ok(CommitView { at, call_id, command, kind, events, canonical, hash, n, personal_until, prev, state, tenant })
}

fn act_slowly(kind: &str, args: Option<&str>) -> Result<Act, String> {
    let unread = |error: serde_json::Error| format!("command {kind} cannot be read: {}", said(&error));
    let args: Value = serde_json::from_str(args.unwrap_or("{}")).map_err(unread)?;
    let act: Act = serde_json::from_value(serde_json::json!({ "kind": kind, "args": args })).map_err(unread)?;
    let written = serde_json::to_value(&act).map_err(unread)?;
    if written["args"] == args { Ok(act) } else { Err(format!("command {kind} has arguments that are not known")) }
}

/// What a commit's events say.
///
/// # Errors
/// What cannot be read, in words: also a field that is not known.
pub(crate) fn stored_events(text: &str) -> Result<Vec<CallEvent>, String> {
    let all: Vec<Value> = serde_json::from_str(text).map_err(|error| format!("its events: {}", said(&error)))?;
    let read = |value: Value| {
        let stored = serde_json::from_value(value.clone()).map_err(|error| format!("its events: {}", said(&error)))?;
        let event = CallEvent::read(&stored).map_err(|unknown| unknown.to_string())?;
        // An older form is written anew in another one.
        let is_old = stored.v != CallEvent::version_of(&stored.name);
        let written = serde_json::to_value(event.stored()).map_err(|error| format!("its events: {error}"))?;
        if is_old || written == value {
            Ok(event)
        } else {
            Err(format!("event {} has a field that is not known", stored.name))
        }
    };
    all.into_iter().map(read).collect()
}

/// Whether a commit in RFC 8785 form has the hash that it names: that of its text without `"hash":"…",`. `named` is part of
/// `text`.
fn has_hash(text: &str, named: &str, scratch: &mut Vec<u8>) -> bool {
    without_hash(text, named, scratch).is_some_and(|hashed| has_digest(hashed, named))
}

fn without_hash<'s>(text: &str, named: &str, scratch: &'s mut Vec<u8>) -> Option<&'s [u8]> {
    const FIELD: &str = "\"hash\":\"";
    let value = named.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let start = value.checked_sub(FIELD.len())?;
    let end = value + named.len();
    if text.get(start..value)? != FIELD || text.get(end..end + 2)? != "\"," {
        return None;
    }
    scratch.clear();
    scratch.extend_from_slice(&text.as_bytes()[..start]);
    scratch.extend_from_slice(&text.as_bytes()[end + 2..]);
    Some(scratch)
}

struct Slow {
    hash: String,
    sound: bool,
    canonical: bool,
    n: Option<u32>,
}

/// The hash of a commit in any form, of whatever fields it has.
fn hash_of_value(text: &str) -> Slow {
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    let is_canonical = canonical(&value).is_ok_and(|form| form == text.as_bytes());
    let named = value.as_object_mut().and_then(|fields| fields.remove("hash"));
    let hash = canonical(&value).map(|form| digest(&form)).unwrap_or_default();
    let sound = named.as_ref().and_then(Value::as_str) == Some(&hash);
    Slow { sound, canonical: is_canonical, n: value["n"].as_u64().and_then(|n| u32::try_from(n).ok()), hash }
}

impl CommitView<'_> {
    /// Takes out what was asked.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub(crate) fn take_command(&mut self) -> Result<Command, String> {
        std::mem::replace(&mut self.command, Err("it was taken out".into()))
    }
}

#[cfg(test)]
mod tests {
    use ilock_events::Commit;

    use super::*;
    use crate::samples::samples;

    #[test]
    fn every_sample_of_the_contract_is_read_at_once_as_the_slow_way_reads_it() {
        let samples = samples::<Commit>("stored.commit.");
        assert!(samples.len() >= 10, "only {}", samples.len());
        for (name, stored) in samples {
            let text = String::from_utf8(canonical(&stored).unwrap()).unwrap();
            let quick = read(&text).unwrap_or_else(|| panic!("{name}"));
            let slow = read_slowly(&text, true).unwrap();
            assert_eq!(format!("{quick:?}"), format!("{slow:?}"), "{name}");
            assert_eq!(stored_events(quick.events).map(|events| events.len()), Ok(stored.events.len()));
        }
    }
}
