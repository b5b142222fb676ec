//! Lets a party in, or says why not.

use ilock_env::Clock;
use ilock_events::RoomId;
use ilock_trtc::{NotAdmitted, Privileges, RoomEntry, TrtcApp};

use super::message::{Enter, MaySend, Refused};

/// A party that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Admitted {
    pub user_id: String,
    pub room: u32,
    pub privileges: Privileges,
}

impl Admitted {
    pub(super) const fn may_send(&self) -> MaySend {
        MaySend { audio: self.privileges.send_audio(), video: self.privileges.send_video() }
    }
}

/// Checks the credentials of `enter`; the refusal is what the party is sent.
pub(super) fn admit(app: &TrtcApp, clock: &Clock, enter: Enter) -> Result<Admitted, Refused> {
    let room = RoomId::new(enter.room_id).map_err(|error| Refused::new("bad_room", format!("room_id: {error}")))?;
    let entry = RoomEntry {
        user_id: &enter.user_id,
        sdk_app_id: enter.sdk_app_id,
        room,
        user_sig: &enter.user_sig,
        private_map_key: &enter.private_map_key,
    };
    let now_seconds = clock.now().0.div_euclid(1000);
    let privileges = app.admit(&entry, now_seconds).map_err(|why| Refused::new(word(why), why.to_string()))?;
    Ok(Admitted { user_id: enter.user_id, room: enter.room_id, privileges })
}

const fn word(why: NotAdmitted) -> &'static str {
    match why {
        NotAdmitted::OtherApp => "other_app",
        NotAdmitted::Unreadable(..) | NotAdmitted::Forged(_) | NotAdmitted::OtherUser(_) => "bad_credential",
        NotAdmitted::Expired(_) => "expired",
        NotAdmitted::NoRoom | NotAdmitted::OtherRoom => "other_room",
        NotAdmitted::MayNotEnter => "no_privilege",
    }
}
