//! The files of client/pages/dist.

/// A file as it is sent.
pub(super) struct File {
    pub(super) kind: &'static str,
    pub(super) bytes: &'static [u8],
}

/// Of every page: its script makes the one that the address names.
pub(super) const PAGE: File =
    File { kind: "text/html; charset=utf-8", bytes: include_bytes!("../../../../client/pages/dist/page.html") };
pub(super) const SCRIPT: File =
    File { kind: "text/javascript; charset=utf-8", bytes: include_bytes!("../../../../client/pages/dist/pages.js") };
pub(super) const STYLE: File =
    File { kind: "text/css; charset=utf-8", bytes: include_bytes!("../../../../client/pages/dist/pages.css") };
pub(super) const ICON: File =
    File { kind: "image/svg+xml", bytes: include_bytes!("../../../../client/pages/dist/icon.svg") };

/// `/pages/config.json`: how one logs in, and which room there is. Where the pages can log in as anybody,
pub(super) const LOGIN_BY_ITSELF: File =
    File { kind: "application/json", bytes: br#"{"login":"demo","room":"local"}"# };
/// and where a login service has its own tokens.
pub(super) const LOGIN_BY_TOKEN: File =
    File { kind: "application/json", bytes: br#"{"login":"token","room":"local"}"# };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_are_at_most_a_megabyte() {
        let files = [PAGE, SCRIPT, STYLE, ICON];
        let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
        assert!(bytes <= 1_000_000, "{bytes} bytes");
    }

    #[test]
    fn no_page_has_a_script_or_a_style_of_its_own_or_names_another_host() {
        let text = str::from_utf8(PAGE.bytes).unwrap();
        for forbidden in ["<style", "style=", "http://", "https://", "onclick", "onload", "javascript:"] {
            assert!(!text.contains(forbidden), "{forbidden} in {text}");
        }
        assert_eq!(text.matches("<script").count(), text.matches("<script type=\"module\" src=\"/pages/").count());
    }
}
