//! The files of client/pages/dist, and what stands beside them.

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
/// The licences of others' code in the script.
pub(super) const LICENCES: File =
    File { kind: "text/plain; charset=utf-8", bytes: include_bytes!("../../../../client/pages/dist/licences.txt") };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_are_at_most_a_megabyte() {
        let files = [PAGE, SCRIPT, STYLE, ICON, LICENCES];
        let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
        assert!(bytes <= 1_000_000, "{bytes} bytes");
    }

    #[test]
    fn the_licences_are_those_of_the_packages_and_crates_in_the_script() {
        let text = str::from_utf8(LICENCES.bytes).unwrap();
        for named in ["mqtt ", "readable-stream ", "ieee754 ", "worker-timers ", "aes-gcm ", "sha2 "] {
            assert!(text.lines().any(|line| line.starts_with(named)), "{named}");
        }
        assert!(text.contains("Permission is hereby granted") && text.contains("Redistribution and use"));
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
