//! One commit, read without copying, and its hash.

use ilock_events::{
    Act, Actor, CallState, ClientName, ClientProof, Command, CommandId, CommitNo, Day, Millis, Nonce, PartyId,
};
use ilock_proof::{canonical, digest};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use serde_json::value::RawValue;

/// A commit's fields; what decides is still text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommitView<'a> {
    #[serde(deserialize_with = "actor")]
    pub(crate) actor: Actor,
    pub(crate) at: Millis,
    pub(crate) call_id: &'a str,
    #[serde(borrow)]
    cmd: Asked<'a>,
    #[serde(borrow)]
    pub(crate) events: &'a RawValue,
    pub(crate) hash: &'a str,
    pub(crate) n: CommitNo,
    #[serde(default)]
    pub(crate) personal_until: Option<Day>,
    pub(crate) prev: &'a str,
    pub(crate) state: CallState,
    pub(crate) tenant: &'a str,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(default)]
    client_is: Option<ClientProof>,
    id: CommandId,
    kind: &'a str,
    nonce: Nonce,
}

/// An actor as it is written. To be read as its type, whose kind need not come first, it would be copied twice.
#[derive(Deserialize)]
struct ActorView<'a> {
    kind: &'a str,
    id: Option<PartyId>,
    client: Option<ClientName>,
}

fn actor<'a, D: Deserializer<'a>>(from: D) -> Result<Actor, D::Error> {
    let ActorView { kind, id, client } = ActorView::deserialize(from)?;
    let nobody = || D::Error::missing_field("id");
    match kind {
        "user" => Ok(Actor::User { id: id.ok_or_else(nobody)?, client }),
        "device" => Ok(Actor::Device { id: id.ok_or_else(nobody)? }),
        "timer" => Ok(Actor::Timer),
        "system" => Ok(Actor::System),
        other => Err(D::Error::unknown_variant(other, &["user", "device", "timer", "system"])),
    }
}

/// A commit, with what is known of its hash.
#[derive(Debug)]
pub(crate) struct CheckedCommit<'a> {
    /// Its number; where it cannot be trusted, that of the place where it stands.
    pub(crate) n: u32,
    /// Its fields, where they can be read.
    pub(crate) view: Option<CommitView<'a>>,
    /// The hash of what stands there.
    pub(crate) hash: String,
    /// Whether that is the hash that it names.
    pub(crate) sound: bool,
    /// Why its fields cannot be read.
    pub(crate) why: String,
}

/// Reads the commit that stands at `place` (from 1). `scratch` saves making room for each commit anew.
pub(crate) fn see<'a>(text: &'a str, place: u32, scratch: &mut Vec<u8>) -> CheckedCommit<'a> {
    let (view, why) = match serde_json::from_str::<CommitView<'a>>(text) {
        Ok(view) => (Some(view), String::new()),
        Err(error) => (None, error.to_string()),
    };
    let quick = view.as_ref().and_then(|view| hash_of_text(text, view.hash, scratch));
    if let (Some(named), Some(hash)) = (&view, quick)
        && hash == named.hash
    {
        return CheckedCommit { n: named.n.0, view, hash, sound: true, why };
    }
    let slow = hash_of_value(text);
    // What was changed may be the number: then only the place says which commit this was.
    let n = slow.n.filter(|_| slow.sound).unwrap_or(place);
    CheckedCommit { n, view, hash: slow.hash, sound: slow.sound, why }
}

/// The hash of a commit that stands there in RFC 8785 form: of its text, without `"hash":"…",`. None when the text has
/// another form.
fn hash_of_text(text: &str, named: &str, scratch: &mut Vec<u8>) -> Option<String> {
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
    Some(digest(scratch))
}

struct Slow {
    hash: String,
    sound: bool,
    n: Option<u32>,
}

/// The hash of a commit in any form, of whatever fields it has.
fn hash_of_value(text: &str) -> Slow {
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    let named = value.as_object_mut().and_then(|fields| fields.remove("hash"));
    let hash = canonical(&value).map(|form| digest(&form)).unwrap_or_default();
    let sound = named.as_ref().and_then(Value::as_str) == Some(&hash);
    Slow { sound, n: value["n"].as_u64().and_then(|n| u32::try_from(n).ok()), hash }
}

impl CommitView<'_> {
    /// What was asked.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub(crate) fn command(&self, scratch: &mut Vec<u8>) -> Result<Command, String> {
        // With its kind first, an act is read without a detour.
        scratch.clear();
        scratch.extend_from_slice(b"{\"kind\":\"");
        scratch.extend_from_slice(self.cmd.kind.as_bytes());
        scratch.extend_from_slice(b"\",\"args\":");
        scratch.extend_from_slice(self.cmd.args.map_or("{}", RawValue::get).as_bytes());
        scratch.push(b'}');
        let act: Act = serde_json::from_slice(scratch)
            .map_err(|error| format!("command {} cannot be read: {error}", self.cmd.kind))?;
        let Asked { id, nonce, client_is, .. } = &self.cmd;
        Ok(Command { id: id.clone(), nonce: nonce.clone(), client_is: *client_is, actor: self.actor.clone(), act })
    }

    /// The commit's kind, for what is said of it.
    pub(crate) fn kind(&self) -> &str {
        self.cmd.kind
    }
}
