//! The part of a `PrivateMapKey` that names the room. Big-endian, in this order:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version: 0 with a numbered room, 1 with a named one |
//! | 2 + n | the user's name |
//! | 4 | the application (SdkAppId) |
//! | 4 | the room's number; 0 with a named room |
//! | 4 | until when it lets in, in seconds since 1970 |
//! | 4 | privileges, bit by bit |
//! | 4 | account type, always 0 |
//! | 2 + n | the room's name, in version 1 only |

use serde::Serialize;

/// What a `PrivateMapKey` permits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserBuf {
    /// Who may enter.
    pub account: String,
    /// The operator's TRTC application.
    pub sdk_app_id: u32,
    /// The room's number; 0 with a named room.
    pub room: u32,
    /// The room's name, when it has one instead of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_name: Option<String>,
    /// Until when, in seconds since 1970.
    pub expires: u32,
    /// What they may do there; see [`crate::ALL_PRIVILEGES`].
    pub privileges: u32,
    /// Always 0.
    pub account_type: u32,
}

impl UserBuf {
    /// The bytes. A text longer than 65,535 bytes, which no id is, is cut to what its length field can say.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.room_name.is_some())];
        put_text(&mut bytes, &self.account);
        for number in [self.sdk_app_id, self.room, self.expires, self.privileges, self.account_type] {
            bytes.extend(number.to_be_bytes());
        }
        if let Some(name) = &self.room_name {
            put_text(&mut bytes, name);
        }
        bytes
    }

    /// Reads bytes that may be hostile; none when they are anything but one whole userbuf.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let [version] = take(&mut rest)?;
        let account = take_text(&mut rest)?;
        let mut number = || take(&mut rest).map(u32::from_be_bytes);
        let (sdk_app_id, room, expires, privileges, account_type) =
            (number()?, number()?, number()?, number()?, number()?);
        let room_name = match version {
            0 => None,
            1 => Some(take_text(&mut rest)?),
            _ => return None,
        };
        rest.is_empty().then_some(Self { account, sdk_app_id, room, room_name, expires, privileges, account_type })
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(text.bytes().take(usize::from(length)));
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let length = usize::from(u16::from_be_bytes(take(rest)?));
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    String::from_utf8(taken.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(room_name: Option<&str>) -> UserBuf {
        UserBuf {
            account: "xiaojun".into(),
            sdk_app_id: 1_400_000_000,
            room: if room_name.is_some() { 0 } else { 10_000 },
            room_name: room_name.map(Into::into),
            expires: 1_700_000_300,
            privileges: 63,
            account_type: 0,
        }
    }

    #[test]
    fn numbered_and_named_rooms_are_read_back() {
        for userbuf in [sample(None), sample(Some("call-7f3a9c"))] {
            assert_eq!(UserBuf::from_bytes(&userbuf.to_bytes()), Some(userbuf));
        }
    }

    #[test]
    fn every_cut_is_refused_and_so_is_every_surplus() {
        for userbuf in [sample(None), sample(Some("call-7f3a9c"))] {
            let bytes = userbuf.to_bytes();
            for length in 0..bytes.len() {
                assert_eq!(UserBuf::from_bytes(&bytes[..length]), None, "{length}");
            }
            assert_eq!(UserBuf::from_bytes(&[&bytes[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let mut bytes = sample(None).to_bytes();
        bytes[0] = 2;
        assert_eq!(UserBuf::from_bytes(&bytes), None);
    }
}
