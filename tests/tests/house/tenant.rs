//! An endpoint gets a call from the tenant check, and from nowhere else.
//!
//! The sources are read as tokens, so that neither a line break nor a comment hides anything.

use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;

use crate::modules::plain;
use crate::workspace::{repository, rust_files};

const ENDPOINTS: &str = "functions/src/http";

/// The check itself, and the callback of Tencent, which acts for no tenant.
const EXEMPT: [&str; 2] = ["tenant.rs", "trtc_callback.rs"];

/// What has the log of all tenants inside.
const ALL_TENANTS: [&str; 4] = ["EventLog", "Calls", "Notifier", "RoomWatch"];

/// The functions that are fed by events: their states have the log inside.
const TRIGGERS: &str = "triggers";

/// `LookedAt::Calls` is a word of an audit record.
const RECORD: &str = "LookedAt";

/// The methods of `Wiring` that make one of [`ALL_TENANTS`], each with the gates that alone may be handed it.
const PARTS: [(&str, &[&str]); 5] = [
    ("log", &["PartyLog", "AuditLog"]),
    ("calls", &["PartyCalls"]),
    ("calls_that_ring", &["PartyCalls"]),
    ("notifier", &[]),
    ("room_watch", &[]),
];

/// The names by which `source` reaches the calls of all tenants without handing them to a gate.
fn unguarded(source: &str) -> Vec<String> {
    let mut found = vec![];
    collect(source.parse().unwrap(), &mut found);
    found
}

fn collect(code: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let before = &tokens[..at];
        match token {
            TokenTree::Group(group) if is_guarded(before, group) => {}
            TokenTree::Group(group) => collect(group.stream(), found),
            TokenTree::Ident(ident) => {
                let name = plain(ident);
                if is_named(before, &name) || is_taken(before, &name, tokens.get(at + 1)) {
                    found.push(name);
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Whether `group` is all of `(wiring.part()?)` behind `Gate::new`, of a gate that may be handed this part.
fn is_guarded(before: &[TokenTree], group: &Group) -> bool {
    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
    let [TokenTree::Ident(_), dot, TokenTree::Ident(part), call, question] = &inside[..] else { return false };
    let is_call = dot.to_string() == "." && is_empty_call(Some(call)) && question.to_string() == "?";
    let of_part = PARTS.into_iter().filter(|(name, _)| *name == plain(part));
    let mut gates = of_part.flat_map(|(_, gates)| gates.iter().copied());
    is_call && gates.any(|gate| ends_with(before, &[gate, ":", ":", "new"]))
}

/// Whether a type with the log inside is named, in a `use` too.
fn is_named(before: &[TokenTree], name: &str) -> bool {
    name == TRIGGERS || ALL_TENANTS.contains(&name) && !ends_with(before, &[RECORD, ":", ":"])
}

/// Whether a part is taken from a `Wiring`: by its method, or by the path of that.
fn is_taken(before: &[TokenTree], name: &str, next: Option<&TokenTree>) -> bool {
    let by_method = ends_with(before, &["."]) && is_empty_call(next);
    let owner = before.len().checked_sub(3).map(|at| before[at].to_string()).unwrap_or_default();
    let of_type = owner == ">" || owner.starts_with(char::is_uppercase);
    PARTS.iter().any(|(part, _)| *part == name) && (by_method || ends_with(before, &[":", ":"]) && of_type)
}

fn is_empty_call(token: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = token else { return false };
    group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty()
}

fn ends_with(tokens: &[TokenTree], last: &[&str]) -> bool {
    let Some(first) = tokens.len().checked_sub(last.len()) else { return false };
    tokens[first..].iter().zip(last).all(|(token, text)| token.to_string() == *text)
}

fn is_exempt(file: &Path) -> bool {
    EXEMPT.iter().any(|name| file == repository().join(ENDPOINTS).join(name))
}

#[test]
fn no_endpoint_reaches_a_call_around_the_tenant_check() {
    let all = rust_files(&repository().join(ENDPOINTS));
    let read: Vec<_> = all.iter().filter(|file| !is_exempt(file)).collect();
    assert_eq!(all.len() - read.len(), EXEMPT.len(), "each file that is exempt is there");
    assert!(read.len() >= 25, "{} files were read", read.len());
    for file in read {
        let source = std::fs::read_to_string(file).unwrap();
        assert_eq!(unguarded(&source), Vec::<String>::new(), "{}", file.display());
    }
}

#[test]
fn every_part_with_the_log_inside_is_known_here() {
    let source = std::fs::read_to_string(repository().join("functions/src/wiring.rs")).unwrap();
    let items = syn::parse_file(&source).unwrap().items.into_iter();
    let methods = items.filter_map(|item| if let syn::Item::Impl(item) = item { Some(item.items) } else { None });
    let mut known = 0;
    for method in methods.flatten() {
        let syn::ImplItem::Fn(method) = method else { continue };
        let made = method.sig.output.to_token_stream().to_string();
        let has_log = made.split(' ').any(|word| ALL_TENANTS.contains(&word));
        if has_log && matches!(method.vis, syn::Visibility::Public(_)) {
            let name = method.sig.ident.to_string();
            assert!(PARTS.iter().any(|(part, _)| *part == name), "Wiring::{name} makes {made}");
            known += 1;
        }
    }
    assert_eq!(known, PARTS.len(), "each part is there");
}

#[test]
fn what_goes_around_the_tenant_check_is_found() {
    let ways: [(&str, &[&str]); 11] = [
        ("let log = wiring.log()?;", &["log"]),
        ("let log = wiring\n    .notifier()? // a comment\n    .log;", &["notifier"]),
        ("let calls = wiring.room_watch()?.calls;", &["room_watch"]),
        ("use service::calls::{Calls, CommandRequest}; fn f(w: &Wiring) { w.calls()?; }", &["Calls", "calls"]),
        ("use ilock_log::EventLog as Log;", &["EventLog"]),
        ("use crate::service::{calls as c}; struct State(c::Calls);", &["Calls"]),
        ("PartyLog::new(wiring.calls()?)", &["calls"]),
        ("PartyLog::new({ keep(wiring.log()?); wiring.log()? })", &["log", "log"]),
        ("let take = Wiring::log; take(wiring)?", &["log"]),
        ("<Wiring>::calls_that_ring(wiring)?", &["calls_that_ring"]),
        ("crate::triggers::projector::Projector::new(wiring)?.log", &["triggers"]),
    ];
    for (way, names) in ways {
        assert_eq!(unguarded(way), names, "{way}");
    }
}

#[test]
fn what_goes_through_the_tenant_check_is_not_found() {
    let ways = [
        "Ok(Self { log: PartyLog::new(wiring.log()?), calls: PartyCalls::new(wiring.calls_that_ring()?) })",
        "let (a, b) = (AuditLog::new(wiring.log()?), wiring.directory()?);",
        "use crate::service::calls::CommandRequest; pub mod calls; (LookedAt::Calls, self.log.of_party(caller))",
        "/// Not the [`EventLog`].\nfn f() { placed.calls(&caller.party); \"wiring.log()?\"; }",
    ];
    for way in ways {
        assert_eq!(unguarded(way), Vec::<String>::new(), "{way}");
    }
}
