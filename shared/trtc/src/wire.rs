//! How a credential's JSON becomes text: zlib, then base64 with `+` written `*`, `/` written `-`, and `=` written `_`.

use std::io::{Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, bufread::ZlibDecoder, write::ZlibEncoder};

use crate::BadCredential;

/// The longest credential that is looked at, in bytes. Real ones have 200 to 400.
const LONGEST_TEXT: usize = 4_096;

/// The most that a credential may unpack to, in bytes: zlib alone would let 4 KB grow into 4 MB.
const LONGEST_JSON: usize = 8_192;

/// Writes `json` as a credential.
pub(crate) fn pack(json: &str) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    #[expect(clippy::expect_used, reason = "writing to memory cannot fail")]
    let packed = zlib.write_all(json.as_bytes()).and_then(|()| zlib.finish()).expect("a Vec takes every byte");
    STANDARD
        .encode(packed)
        .chars()
        .map(|c| match c {
            '+' => '*',
            '/' => '-',
            '=' => '_',
            other => other,
        })
        .collect()
}

/// Reads a credential's JSON; `text` may be hostile.
pub(crate) fn unpack(text: &str) -> Result<Vec<u8>, BadCredential> {
    if text.len() > LONGEST_TEXT {
        return Err(BadCredential::TooLong);
    }
    let standard: String = text
        .chars()
        .map(|c| match c {
            '*' => Ok('+'),
            '-' => Ok('/'),
            '_' => Ok('='),
            '+' | '/' | '=' => Err(BadCredential::Base64),
            other => Ok(other),
        })
        .collect::<Result<_, _>>()?;
    let packed = STANDARD.decode(standard).map_err(|_| BadCredential::Base64)?;

    let mut zlib = ZlibDecoder::new(packed.as_slice());
    let mut json = Vec::new();
    // One byte past the bound tells "too long" from "just fits" without unpacking the rest.
    (&mut zlib).take(LONGEST_JSON as u64 + 1).read_to_end(&mut json).map_err(|_| BadCredential::Zlib)?;
    if json.len() > LONGEST_JSON {
        return Err(BadCredential::TooLong);
    }
    if !zlib.into_inner().is_empty() {
        return Err(BadCredential::Zlib);
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> String {
        STANDARD.encode(bytes).replace('+', "*").replace('/', "-").replace('=', "_")
    }

    #[test]
    fn what_is_packed_unpacks_to_the_same() {
        assert_eq!(unpack(&pack("{\"a\":1}")).unwrap(), b"{\"a\":1}");
    }

    #[test]
    fn a_zip_bomb_is_not_unpacked() {
        let bomb = pack(&"0".repeat(2_000_000));
        assert!(bomb.len() < LONGEST_TEXT, "the bomb itself is small");
        assert_eq!(unpack(&bomb), Err(BadCredential::TooLong));
    }

    #[test]
    fn what_just_fits_is_unpacked() {
        assert!(unpack(&pack(&"0".repeat(LONGEST_JSON))).is_ok());
        assert_eq!(unpack(&pack(&"0".repeat(LONGEST_JSON + 1))), Err(BadCredential::TooLong));
    }

    #[test]
    fn a_credential_in_the_usual_base64_is_none() {
        assert_eq!(unpack("eJw+"), Err(BadCredential::Base64));
        assert_eq!(unpack("eJw="), Err(BadCredential::Base64));
    }

    #[test]
    fn a_cut_stream_and_bytes_after_its_end_are_refused() {
        let whole = STANDARD.decode(pack("{\"a\":1}").replace('*', "+").replace('-', "/").replace('_', "=")).unwrap();
        assert_eq!(unpack(&written(&whole)).unwrap(), b"{\"a\":1}");
        assert_eq!(unpack(&written(&whole[..whole.len() - 3])), Err(BadCredential::Zlib));
        assert_eq!(unpack(&written(&[&whole[..], b"more"].concat())), Err(BadCredential::Zlib));
    }

    #[test]
    fn an_overlong_text_is_refused_before_it_is_read() {
        assert_eq!(unpack(&"A".repeat(LONGEST_TEXT + 1)), Err(BadCredential::TooLong));
    }
}
