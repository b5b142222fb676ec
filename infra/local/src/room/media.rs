//! Whether a party may send and receive what its description says.
//!
//! Whoever receives a description that does not announce a stream takes none: so it is enough to look at these.

use ilock_trtc::Privileges;

use super::message::Description;

const DIRECTIONS: [&str; 4] = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];

/// One `m=` section.
struct Section<'a> {
    kind: &'a str,
    directions: Vec<&'a str>,
}

impl Section<'_> {
    /// Whether it may be read so that something is sent: with no direction of its own, too.
    fn sends(&self) -> bool {
        self.directions.is_empty() || self.directions.iter().any(|way| matches!(*way, "a=sendrecv" | "a=sendonly"))
    }

    fn receives(&self) -> bool {
        self.directions.is_empty() || self.directions.iter().any(|way| matches!(*way, "a=sendrecv" | "a=recvonly"))
    }
}

fn sections(sdp: &str) -> Vec<Section<'_>> {
    let mut sections = vec![];
    for line in sdp.split(['\r', '\n']) {
        if let Some(media) = line.strip_prefix("m=") {
            sections.push(Section { kind: media.split(' ').next().unwrap_or_default(), directions: vec![] });
        } else if let (Some(section), true) = (sections.last_mut(), DIRECTIONS.contains(&line.trim_end())) {
            section.directions.push(line.trim_end());
        }
    }
    sections
}

/// What the first forbidden thing in `description` is, in words.
pub(super) fn forbidden(description: &Description, privileges: Privileges) -> Option<String> {
    sections(&description.sdp).into_iter().find_map(|section| {
        let (send, receive) = match section.kind {
            "audio" => (privileges.send_audio(), privileges.receive_audio()),
            "video" => (privileges.send_video(), privileges.receive_video()),
            kind => return Some(format!("a room has audio and video, and no {kind}")),
        };
        let kind = section.kind;
        match (section.sends() && !send, section.receives() && !receive) {
            (true, _) => Some(format!("the private_map_key does not permit to send {kind}")),
            (_, true) => Some(format!("the private_map_key does not permit to receive {kind}")),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Privileges = Privileges::new(2 | 8 | 32);
    const ALL: Privileges = Privileges::new(63);

    fn offer(audio: &str, video: &str) -> Description {
        let sdp = format!(
            "v=0\r\ns=-\r\na=recvonly\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{audio}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{video}"
        );
        Description { kind: "offer".into(), sdp }
    }

    #[test]
    fn whoever_may_only_look_announces_no_stream() {
        let looks = offer("a=recvonly\r\n", "a=inactive\r\n");
        assert_eq!(forbidden(&looks, LOOK), None);
        for (audio, video, what) in [
            ("a=sendrecv\r\n", "a=recvonly\r\n", "send audio"),
            ("a=recvonly\r\n", "a=sendonly\r\n", "send video"),
            // Without a direction of its own a section sends and receives, whatever a section says later or before.
            ("", "a=recvonly\r\n", "send audio"),
            ("a=recvonly\r\na=sendrecv\r\n", "a=recvonly\r\n", "send audio"),
            ("a=recvonly\na=sendonly \n", "a=recvonly\n", "send audio"),
            ("a=recvonly\r\n", "a=recvonly\ra=sendonly\r", "send video"),
        ] {
            let said = forbidden(&offer(audio, video), LOOK);
            assert!(said.as_deref().is_some_and(|said| said.contains(what)), "{audio:?} {video:?}: {said:?}");
            assert_eq!(forbidden(&offer(audio, video), ALL), None);
        }
    }

    #[test]
    fn whoever_may_not_receive_does_not() {
        let said = forbidden(&offer("a=recvonly\r\n", "a=inactive\r\n"), Privileges::new(2 | 4 | 16));
        assert!(said.is_some_and(|said| said.contains("receive audio")));
    }

    #[test]
    fn there_is_no_other_channel() {
        let sdp = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=recvonly\r\n".into();
        let said = forbidden(&Description { kind: "offer".into(), sdp }, ALL);
        assert!(said.is_some_and(|said| said.contains("no application")));
    }
}
