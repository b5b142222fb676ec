//! Base32 in lower case and without padding (RFC 4648, 6): what is derived or random in an id.

use data_encoding::BASE32_NOPAD;

/// `bytes` in base32.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = BASE32_NOPAD.encode(bytes);
    text.make_ascii_lowercase();
    text
}

/// Whether `text` has only characters that base32 writes.
pub(super) fn is_base32(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}
