//! The runbooks filter logs by what the functions log.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

use crate::modules::is_test;
use crate::workspace::{relative, repository, rust_files};

/// What is deployed.
const DEPLOYED: [&str; 3] = ["functions/src", "functions/lambda/src", "shared"];

/// The texts in the log macros of `source`, outside its tests.
fn logged(source: &str) -> Vec<String> {
    let mut texts = vec![];
    for item in syn::parse_file(source).unwrap().items {
        if !matches!(&item, syn::Item::Mod(module) if is_test(&module.attrs)) {
            collect(item.to_token_stream(), &mut texts);
        }
    }
    texts
}

/// `tracing::error!(…)` and its like, wherever they stand.
fn collect(code: TokenStream, texts: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let begin = at.saturating_sub(5);
        let before: String = tokens[begin..at].iter().map(ToString::to_string).collect();
        let is_log = ["error", "warn", "info", "debug"].iter().any(|level| before == format!("tracing::{level}!"));
        if is_log {
            let literals = group.stream().into_iter().filter_map(|token| syn::parse2::<syn::LitStr>(token.into()).ok());
            texts.extend(literals.map(|literal| literal.value()));
        } else {
            collect(group.stream(), texts);
        }
    }
}

/// The phrases that a page filters log messages by: what stands behind `--filter-pattern`.
fn log_filters(text: &str) -> Vec<String> {
    let patterns = text.split("--filter-pattern").skip(1).map(|rest| argument(rest.trim_start()));
    patterns.flat_map(phrases).collect()
}

/// The first argument in `rest` of a command in a shell.
fn argument(rest: &str) -> &str {
    let quoted = ['\'', '"'].iter().find_map(|quote| rest.strip_prefix(*quote)?.split(*quote).next());
    quoted.unwrap_or_else(|| rest.split([' ', '\n', '`']).next().unwrap_or_default())
}

/// The phrases of a filter pattern of CloudWatch Logs: those in double quotes, each optional with a `?` before it; or all of
/// it, where it has none.
fn phrases(pattern: &str) -> Vec<String> {
    assert!(!pattern.starts_with('{'), "a pattern of JSON, which this test does not read: {pattern}");
    let quoted: Vec<String> = pattern.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    if quoted.is_empty() { vec![pattern.to_owned()] } else { quoted }
}

#[test]
fn runbooks_filter_logs_by_what_the_functions_log() {
    let files = DEPLOYED.iter().flat_map(|folder| rust_files(&repository().join(folder)));
    let sources = files.filter(|file| !relative(file).contains("/tests/"));
    let texts: Vec<String> = sources.flat_map(|file| logged(&std::fs::read_to_string(file).unwrap())).collect();
    assert!(texts.len() >= 40, "{} texts were read", texts.len());
    let mut filters = 0;
    for entry in std::fs::read_dir(repository().join("infra/runbooks")).unwrap() {
        let page = entry.unwrap().path();
        for phrase in log_filters(&std::fs::read_to_string(&page).unwrap()) {
            filters += 1;
            let is_logged = texts.iter().any(|text| text.contains(&phrase));
            assert!(is_logged, "{}: no function logs “{phrase}”", page.display());
        }
    }
    assert!(filters >= 8, "{filters}");
}

#[test]
fn phrases_are_found_in_every_form_of_a_filter() {
    let page =
        "`tail --filter-pattern TAMPERED` and\n--filter-pattern \"gave up\" or `--filter-pattern '?\"a b\" ?\"c\"'`";
    assert_eq!(log_filters(page), ["TAMPERED", "gave up", "a b", "c"]);
}

#[test]
fn only_log_macros_outside_tests_log() {
    let source = "/// Says a.\nfn f() { tracing::warn!(id = %id, \"b\"); g(\"c\"); join!(async { tracing::error!(\"d {x}\") }) }\n\
        #[cfg(test)] mod tests { fn t() { tracing::info!(\"e\"); } }";
    assert_eq!(logged(source), ["b", "d {x}"]);
}
