//! Entry bundles (C2SP tlog-tiles): entries, each behind its length as a big-endian 16-bit number.

/// Adds an entry. One that is longer than a bundle can say is cut: a log's own entries never are.
pub(crate) fn add(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(&entry[..usize::from(length)]);
}

/// The entries of a bundle; none when it is cut off.
#[must_use]
pub fn entries(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut rest, mut found) = (bundle, vec![]);
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let (entry, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        found.push(entry);
        rest = behind;
    }
    rest.is_empty().then_some(found)
}
