//! MQTT 5 packets over a stream. The form of a packet is rumqttc's.

use std::io;

use bytes::{Buf, BytesMut};
use rumqttc::v5::mqttbytes;
use rumqttc::v5::mqttbytes::v5::Packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::net::Stream;

/// IoT Core's limit for a packet.
pub(crate) const LARGEST_PACKET: u32 = 128 * 1_024;
const DISCONNECT: u8 = 0xe0;

/// What the broker sent.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
#[derive(Debug)]
pub(crate) enum Received {
    Packet(Packet),
    /// A DISCONNECT with this reason code. rumqttc reads it only with properties, and most have none.
    Disconnect(u8),
}

pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    received: BytesMut,
}

impl Wire {
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, received: BytesMut::with_capacity(4_096) }
    }

    pub async fn send(&mut self, packet: &Packet) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, None).map_err(io::Error::other)?;
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await
    }

    /// The next packet. It may be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> io::Result<Received> {
        loop {
            if let Some(received) = read(&mut self.received)? {
                return Ok(received);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Takes one packet off the bytes; none while it is not complete.
fn read(bytes: &mut BytesMut) -> io::Result<Option<Received>> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    if first == DISCONNECT {
        return Ok(disconnect(bytes).map(Received::Disconnect));
    }
    match Packet::read(bytes, Some(LARGEST_PACKET)) {
        Ok(packet) => Ok(Some(Received::Packet(packet))),
        Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// The reason code of a DISCONNECT: 0 where it has none (MQTT 5, 3.14.2.1). What follows is passed over, as the connection is.
fn disconnect(bytes: &mut BytesMut) -> Option<u8> {
    let (length, code) = (*bytes.get(1)?, bytes.get(2).copied());
    let code = if length == 0 { 0 } else { code? };
    bytes.advance(bytes.len());
    Some(code)
}

#[cfg(test)]
mod tests {
    use rumqttc::v5::mqttbytes::v5::PingResp;

    use super::*;

    fn received(bytes: &[u8]) -> Option<Received> {
        read(&mut BytesMut::from(bytes)).unwrap()
    }

    #[test]
    fn a_disconnect_is_read_with_and_without_properties() {
        for (bytes, code) in [
            (&[0xe0, 0x00][..], 0x00),
            (&[0xe0, 0x01, 0x8e], 0x8e),
            (&[0xe0, 0x02, 0x8e, 0x00], 0x8e),
            (&[0xe0, 0x07, 0x8d, 0x05, 0x1f, 0x00, 0x02, b'h', b'i'], 0x8d),
        ] {
            assert!(matches!(received(bytes), Some(Received::Disconnect(read)) if read == code), "{bytes:x?}");
        }
        for incomplete in [&[0xe0][..], &[0xe0, 0x01], &[]] {
            assert!(received(incomplete).is_none(), "{incomplete:x?}");
        }
    }

    #[test]
    fn packets_are_taken_off_one_by_one() {
        let mut bytes = BytesMut::from(&[0xd0, 0x00, 0xd0, 0x00, 0xd0][..]);
        for _ in 0..2 {
            let one = read(&mut bytes).unwrap();
            assert!(matches!(one, Some(Received::Packet(Packet::PingResp(PingResp)))));
        }
        assert!(read(&mut bytes).unwrap().is_none());
        assert_eq!(&bytes[..], [0xd0]);
    }

    #[test]
    fn what_is_no_packet_ends_the_connection() {
        assert!(read(&mut BytesMut::from(&[0xff, 0xff, 0xff, 0xff, 0xff][..])).is_err());
        let too_long = [0x30, 0xff, 0xff, 0x7f];
        assert!(read(&mut BytesMut::from(&too_long[..])).is_err());
    }
}
