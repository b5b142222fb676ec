//! Where JSON text ends that is not read yet: by its braces and quotes alone.

/// How long the object or list is that stands at the beginning, and begins with `opens`.
pub(crate) fn object_length(bytes: &[u8], opens: u8) -> Option<usize> {
    if bytes.first() != Some(&opens) {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match bytes.get(at)? {
            b'"' => at = string_end(bytes, at + 1)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the quote stands that ends the string whose text begins at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += plain_length(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// How many bytes stand before the first that is written escaped in a JSON string: a quote, a backslash or a control character.
/// Most strings of ours have few bytes, so eight at a time are quicker than sixteen.
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = ONES << 7;
    // The top bit of the first byte that is below `least` (at most 128); of those behind it nothing is known.
    let below = |eight: u64, least: u64| eight.wrapping_sub(ONES * least) & !eight & TOPS;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let eight = u64::from_le_bytes(*eight);
        let quote = below(eight ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(eight ^ (ONES * u64::from(b'\\')), 1);
        let found = below(eight, 0x20) | quote | backslash;
        if found != 0 {
            return at + usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\')).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_is_plain_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let plain = byte >= b' ' && !matches!(byte, b'"' | b'\\');
            for before in 0..20 {
                let text = [vec![b'a'; before], vec![byte], vec![b'"'; 9]].concat();
                assert_eq!(plain_length(&text), before + usize::from(plain), "{byte} behind {before}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_run_of_plain_bytes_ends_where_one_by_one_it_ends(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let ends = bytes.iter().position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(plain_length(&bytes), ends.unwrap_or(bytes.len()));
        }
    }
}
