//! Who is in which room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ilock_functions::lock::lock;
use tokio::sync::mpsc::{Sender, error::TrySendError};

use super::admission::Admitted;
use super::message::{Signal, ToParty};

struct Member {
    /// Which connection it is: an earlier one of the same name has another number.
    connection: u64,
    room: u32,
    outbox: Sender<ToParty>,
}

/// All members of all rooms, by the name that they entered under. A name is in one room at most, as at Tencent.
#[derive(Clone, Default)]
pub(super) struct Members(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    by_name: BTreeMap<String, Member>,
    connections: u64,
}

impl Inside {
    fn tell(&self, name: &str, message: ToParty) {
        let Some(member) = self.by_name.get(name) else { return };
        if let Err(TrySendError::Full(_)) = member.outbox.try_send(message) {
            tracing::warn!(user_id = name, "a party of a room does not read what it is sent; a message is dropped");
        }
    }

    fn others(&self, room: u32, name: &str) -> Vec<String> {
        let others = self.by_name.iter().filter(|(other, member)| member.room == room && other.as_str() != name);
        others.map(|(other, _)| other.clone()).collect()
    }

    fn remove(&mut self, name: &str) {
        let Some(gone) = self.by_name.remove(name) else { return };
        for other in self.others(gone.room, name) {
            self.tell(&other, ToParty::MemberLeft { user_id: name.to_owned() });
        }
    }
}

impl Members {
    /// Puts a party into its room; the earlier one of the same name is put out. Returns the connection's number.
    pub(super) fn enter(&self, party: &Admitted, outbox: Sender<ToParty>) -> u64 {
        let mut inside = lock(&self.0);
        inside.tell(&party.user_id, ToParty::PutOut);
        inside.remove(&party.user_id);
        inside.connections += 1;
        let connection = inside.connections;
        let members = inside.others(party.room, &party.user_id);
        inside.by_name.insert(party.user_id.clone(), Member { connection, room: party.room, outbox });
        for other in &members {
            inside.tell(other, ToParty::MemberEntered { user_id: party.user_id.clone() });
        }
        inside.tell(&party.user_id, ToParty::Entered { members, may_send: party.may_send() });
        connection
    }

    /// Takes a party out, unless another connection has its name by now.
    pub(super) fn leave(&self, party: &Admitted, connection: u64) {
        let mut inside = lock(&self.0);
        if inside.by_name.get(&party.user_id).is_some_and(|member| member.connection == connection) {
            inside.remove(&party.user_id);
        }
    }

    /// Hands a signal to another member of the same room; one that has left gets none.
    pub(super) fn signal(&self, party: &Admitted, to: &str, signal: Signal) {
        let inside = lock(&self.0);
        if inside.by_name.get(to).is_some_and(|member| member.room == party.room) {
            inside.tell(to, ToParty::Signal { from: party.user_id.clone(), signal });
        }
    }
}

#[cfg(test)]
mod tests {
    use ilock_trtc::Privileges;
    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;

    fn party(name: &str, room: u32) -> (Admitted, Sender<ToParty>, Receiver<ToParty>) {
        let (sender, receiver) = channel(8);
        (Admitted { user_id: name.into(), room, privileges: Privileges::new(63) }, sender, receiver)
    }

    fn entered(members: &[&str]) -> ToParty {
        let members = members.iter().map(|name| (*name).to_owned()).collect();
        ToParty::Entered { members, may_send: super::super::message::MaySend { audio: true, video: true } }
    }

    #[test]
    fn those_of_one_room_know_each_other_and_nobody_else() {
        let members = Members::default();
        let (door, to_door, mut door_hears) = party("door", 7);
        let (anna, to_anna, mut anna_hears) = party("anna", 7);
        let (ben, to_ben, mut ben_hears) = party("ben", 8);
        members.enter(&door, to_door);
        let first = members.enter(&anna, to_anna);
        members.enter(&ben, to_ben);
        assert_eq!(door_hears.try_recv(), Ok(entered(&[])));
        assert_eq!(door_hears.try_recv(), Ok(ToParty::MemberEntered { user_id: "anna".into() }));
        assert_eq!(anna_hears.try_recv(), Ok(entered(&["door"])));
        assert_eq!(ben_hears.try_recv(), Ok(entered(&[])));
        members.signal(&anna, "door", Signal::default());
        members.signal(&anna, "ben", Signal::default());
        assert_eq!(door_hears.try_recv(), Ok(ToParty::Signal { from: "anna".into(), signal: Signal::default() }));
        assert!(ben_hears.try_recv().is_err(), "ben is in another room");
        members.leave(&anna, first);
        assert_eq!(door_hears.try_recv(), Ok(ToParty::MemberLeft { user_id: "anna".into() }));
    }

    #[test]
    fn of_two_with_one_name_the_earlier_is_put_out() {
        let members = Members::default();
        let (anna, to_first, mut first_hears) = party("anna", 7);
        let first = members.enter(&anna, to_first);
        let (again, to_second, mut second_hears) = party("anna", 8);
        members.enter(&again, to_second);
        assert_eq!(first_hears.try_recv(), Ok(entered(&[])));
        assert_eq!(first_hears.try_recv(), Ok(ToParty::PutOut));
        // The end of the first connection does not take the second one out.
        members.leave(&anna, first);
        let (ben, to_ben, _ben_hears) = party("ben", 8);
        members.enter(&ben, to_ben);
        assert_eq!(second_hears.try_recv(), Ok(entered(&[])));
        assert_eq!(second_hears.try_recv(), Ok(ToParty::MemberEntered { user_id: "ben".into() }));
    }
}
