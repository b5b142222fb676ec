//! The arguments of a command, read from the form in which they are stored.

use ilock_events::{Act, Callee, ClientName, Hash, PartyId, RoomId};

use crate::cursor::Cursor;

/// What `kind` asks for with these arguments; none where they are not in the one form in which they are written.
pub(crate) fn act(kind: &str, args: Option<&str>) -> Option<Act> {
    let Some(args) = args else {
        return match kind {
            "alert" => Some(Act::Alert {}),
            "decline" => Some(Act::Decline {}),
            "accept" => Some(Act::Accept {}),
            "expire" => Some(Act::Expire {}),
            "cancel" => Some(Act::Cancel { personal: None }),
            "hang_up" => Some(Act::HangUp { personal: None }),
            _ => None,
        };
    };
    let mut at = Cursor::new(args);
    let act = match kind {
        "place" => place(&mut at)?,
        "reject" => {
            let (personal, comma) = personal(&mut at, "{\"personal\":")?;
            at.take(if comma { ",\"reason\":" } else { "{\"reason\":" })?;
            Act::Reject { reason: at.word_of()?, personal }
        }
        "cancel" => Act::Cancel { personal: Some(named(&mut at)?) },
        "hang_up" => Act::HangUp { personal: Some(named(&mut at)?) },
        "end" => {
            at.take("{\"reason\":")?;
            Act::End { reason: at.word_of()? }
        }
        "fail" => {
            at.take("{\"reason\":")?;
            Act::Fail { reason: at.word()?.to_owned() }
        }
        _ => return None,
    };
    at.take("}")?;
    at.end()?;
    Some(act)
}

fn place(at: &mut Cursor<'_>) -> Option<Act> {
    at.take("{\"callees\":")?;
    let callees = at.each(callee)?;
    at.take(",\"max_call_seconds\":")?;
    let max_call_seconds = at.number()?;
    let (personal, _) = personal(at, ",\"personal\":")?;
    at.take(",\"ring_seconds\":")?;
    let ring_seconds = at.number()?;
    at.take(",\"room_id\":")?;
    let room_id = RoomId::new(at.number()?).ok()?;
    Some(Act::Place { callees, ring_seconds, room_id, max_call_seconds, personal })
}

fn callee(at: &mut Cursor<'_>) -> Option<Callee> {
    at.take("{")?;
    let busy = at.word_before("\"busy\":")?;
    at.take("\"clients\":")?;
    let clients = at.each(|at| ClientName::new(at.word()?).ok())?;
    at.take(",\"id\":")?;
    let id = PartyId::new(at.word()?).ok()?;
    let primary = at.typed(",\"primary\":", |name| ClientName::new(name).ok())?;
    at.take(",\"reachable\":")?;
    let reachable = at.takes("true");
    if !reachable {
        at.take("false")?;
    }
    at.take("}")?;
    Some(Callee { id, clients, primary, reachable, busy })
}

/// The digest of personal text, where the field stands next; and whether it does.
fn personal(at: &mut Cursor<'_>, name: &str) -> Option<(Option<Hash>, bool)> {
    let found = at.field(name)?.map(str::to_owned);
    let stands = found.is_some();
    Some((found, stands))
}

fn named(at: &mut Cursor<'_>) -> Option<Hash> {
    at.take("{\"personal\":")?;
    at.word().map(str::to_owned)
}
