//! An endpoint gets a call from the tenant check, and from nowhere else.

use crate::workspace::{repository, rust_files};

/// What reaches any call, with the gates of `functions/src/http/tenant.rs` that alone may be handed it.
const UNCHECKED: [(&str, &[&str]); 3] = [
    ("wiring.log()", &["PartyLog::new(", "AuditLog::new("]),
    ("wiring.calls()", &["PartyCalls::new("]),
    ("wiring.calls_that_ring()", &["PartyCalls::new("]),
];

/// Where `source` takes what reaches any call without handing it to a gate.
fn unguarded(source: &str) -> Vec<&str> {
    let mut found: Vec<&str> =
        ["EventLog", "service::calls::Calls"].into_iter().filter(|name| source.contains(name)).collect();
    for (raw, gates) in UNCHECKED {
        let guarded = |at: usize| gates.iter().any(|gate| source[..at].ends_with(gate));
        found.extend(source.match_indices(raw).filter(|(at, _)| !guarded(*at)).map(|(_, name)| name));
    }
    found
}

#[test]
fn no_endpoint_reaches_a_call_around_the_tenant_check() {
    let mut endpoints = 0;
    for folder in ["calls", "clients", "audit"] {
        for file in rust_files(&repository().join("functions/src/http").join(folder)) {
            let source = std::fs::read_to_string(&file).unwrap();
            assert_eq!(unguarded(&source), Vec::<&str>::new(), "{}", file.display());
            endpoints += 1;
        }
    }
    assert!(endpoints >= 12, "{endpoints}");
}

#[test]
fn what_goes_around_the_tenant_check_is_found() {
    assert_eq!(
        unguarded("log: PartyLog::new(wiring.log()?), calls: PartyCalls::new(wiring.calls()?)"),
        Vec::<&str>::new()
    );
    assert_eq!(unguarded("let log = wiring.log()?;"), ["wiring.log()"]);
    assert_eq!(unguarded("use ilock_log::EventLog; f(PartyLog::new(wiring.calls()?))"), ["EventLog", "wiring.calls()"]);
}
