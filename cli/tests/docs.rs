//! Checks that the docs agree with the code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod server;

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use ilock_auth::PayloadKeys;
use ilock_events::{ClientRegistered, Envelope, Incoming};
use ilock_functions::http::body::MAX_BODY;
use ilock_functions::service::calls::MAX_REASON;
use serde::de::DeserializeOwned;
use serde_json::Value;
use server::{Server, root};

const COMMAND: &str = "target/debug/ilock";

struct Page {
    path: PathBuf,
    prose: Vec<String>,
    blocks: Vec<Block>,
}

/// A block of code, and the last line of prose before it.
struct Block {
    language: String,
    code: String,
    before: String,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let (mut prose, mut blocks): (Vec<String>, Vec<Block>) = (vec![], vec![]);
        let mut open: Option<Block> = None;
        for line in read_to_string(&path).unwrap().lines() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(language), None) => {
                    let before = prose.last().cloned().unwrap_or_default();
                    open = Some(Block { language: language.into(), code: String::new(), before });
                }
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.code += line;
                    block.code.push('\n');
                    open = Some(block);
                }
                (None, None) => prose.push(line.into()),
            }
        }
        assert!(open.is_none(), "{}: a block stays open", path.display());
        Self { path, prose, blocks }
    }

    fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap().display().to_string()
    }

    fn code(&self, language: &str) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.language == language)
    }

    /// Its tables: rows of cells, without the line under the head.
    fn tables(&self) -> Vec<Vec<Vec<&str>>> {
        let mut tables: Vec<Vec<Vec<&str>>> = vec![];
        let mut inside = false;
        for line in &self.prose {
            let row = line.strip_prefix('|').and_then(|row| row.strip_suffix('|'));
            if let Some(row) = row {
                if !inside {
                    tables.push(vec![]);
                }
                if !row.chars().all(|c| "-|: ".contains(c)) || !row.contains('-') {
                    tables.last_mut().unwrap().push(row.split('|').map(str::trim).collect());
                }
            }
            inside = row.is_some();
        }
        tables
    }

    /// Everything in backticks. A span may continue on the next line.
    fn spans(&self) -> Vec<String> {
        self.prose.split(String::is_empty).flat_map(|paragraph| spans(&paragraph.join(" "))).collect()
    }
}

fn spans(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The pages in `folder`, and those with these names.
fn pages_in(folder: &str, names: &[&str]) -> Vec<Page> {
    let mut paths: Vec<PathBuf> = names
        .iter()
        .map(|name| root().join(name))
        .chain(root().join(folder).read_dir().unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

fn pages() -> Vec<Page> {
    pages_in("docs", &["README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md"])
}

/// Those, and what operators read besides: the threat model and the runbooks.
fn pages_and_runbooks() -> Vec<Page> {
    let mut pages = pages();
    pages.extend(pages_in("infra/runbooks", &["SECURITY.md", "SECURITY.zh.md"]));
    pages
}

fn page(name: &str) -> Page {
    Page::read(root().join(name))
}

fn source(name: &str) -> String {
    read_to_string(root().join(name)).unwrap()
}

fn sample<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&source(&format!("events/samples/{name}"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn ilock(arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ilock")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn help_of_dev() -> String {
    String::from_utf8(ilock(&["dev".into(), "--help".into()]).stdout).unwrap()
}

/// The commands of a shell script, as words. A command inside `$(…)` is listed too, and replaced by `x` where it was.
fn commands(shell: &str) -> Vec<Vec<String>> {
    let mut commands = vec![];
    for line in shell.replace("\\\n", " ").lines() {
        let mut line = line.to_owned();
        while let Some(start) = line.rfind("$(") {
            let end = start + line[start..].find(')').expect("what is opened is closed");
            commands.extend(split(&line[start + 2..end]));
            line.replace_range(start..=end, "x");
        }
        commands.extend(split(&line));
    }
    commands
}

fn split(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (vec![], vec![], String::new());
    let mut quote = None;
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if word.is_empty() => break,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (None, '|' | ';' | '&') => {
                words.push(std::mem::take(&mut word));
                commands.push(std::mem::take(&mut words));
            }
            (_, c) => word.push(c),
        }
    }
    commands.push(words);
    for words in &mut commands {
        words.retain(|word| !word.is_empty());
    }
    commands.retain(|words| !words.is_empty());
    commands
}

/// Every command in the docs and the runbooks, with its page.
fn commands_in_docs() -> Vec<(String, Vec<String>)> {
    let mut found = vec![];
    for page in pages_and_runbooks() {
        let blocks = page.code("sh").map(|block| block.code.clone());
        let spans = page.spans().into_iter().filter(|span| span.starts_with("make ") || span.starts_with(COMMAND));
        for shell in blocks.chain(spans) {
            found.extend(commands(&shell).into_iter().map(|words| (page.name(), words)));
        }
    }
    found
}

fn is_setting(name: &str) -> bool {
    name.contains('_')
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// The settings that a source asks for.
fn settings_read_by(source: &str) -> BTreeSet<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    source.split('"').filter(|quoted| is_setting(quoted)).map(str::to_owned).collect()
}

#[test]
fn every_message_shown_is_the_sample_named_before_it() {
    let mut shown = 0;
    for page in pages() {
        for block in page.code("json") {
            let named = block.before.strip_prefix("<!-- sample: ").and_then(|rest| rest.strip_suffix(" -->"));
            let named = named.unwrap_or_else(|| panic!("{}: no sample is named before {}", page.name(), block.code));
            let here: Value = serde_json::from_str(&block.code).unwrap_or_else(|error| panic!("{named}: {error}"));
            // Of some samples a page shows only the part that an app sees.
            let (name, part) = named.split_once(' ').unwrap_or((named, ""));
            assert_eq!(Some(&here), sample::<Value>(name).pointer(part), "{}: {named}", page.name());
            shown += 1;
        }
        let named = page.prose.iter().filter(|line| line.starts_with("<!-- sample: ")).count();
        assert_eq!(named, page.code("json").count(), "{}: a sample is named and not shown", page.name());
    }
    assert!(shown > 0);
}

/// Comments in shell code are in each page's language, so they are left out.
fn without_comments(code: &str) -> String {
    let line = |line: &str| match line.find("# ") {
        Some(at) if at == 0 || line[..at].ends_with(' ') => line[..at].trim_end().to_owned(),
        _ => line.to_owned(),
    };
    code.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn every_page_is_in_step_with_its_chinese_twin() {
    let english = |page: &Page| !page.name().ends_with(".zh.md");
    let pages = pages_and_runbooks();
    let twinned = |page: &Page| !["CONTRIBUTING.md", "CHANGELOG.md"].contains(&page.name().as_str());
    assert!(pages.iter().filter(|page| page.name().starts_with("infra/runbooks/")).count() >= 20);
    for page in pages.iter().filter(|page| english(page) && twinned(page)) {
        let twin = Page::read(page.path.with_extension("zh.md"));
        let (name, twin_name) = (page.name(), twin.name());

        let code = |page: &Page| -> Vec<(String, String)> {
            page.blocks.iter().map(|block| (block.language.clone(), without_comments(&block.code))).collect()
        };
        assert_eq!(code(page), code(&twin), "the code of {name} and {twin_name}");

        let headings = |page: &Page| -> Vec<usize> {
            let depth = |line: &String| line.chars().take_while(|c| *c == '#').count();
            page.prose.iter().map(depth).filter(|depth| *depth > 0).collect()
        };
        assert_eq!(headings(page), headings(&twin), "the headings of {name} and {twin_name}");

        let first_column = |page: &Page| -> Vec<Vec<Vec<String>>> {
            page.tables().iter().map(|table| table.iter().map(|row| spans(row[0])).collect()).collect()
        };
        assert_eq!(first_column(page), first_column(&twin), "the tables of {name} and {twin_name}");
    }
    for twin in pages.iter().filter(|page| !english(page)) {
        let original = twin.path.to_str().unwrap().replace(".zh.md", ".md");
        assert!(PathBuf::from(&original).exists(), "{original}");
    }
}

#[test]
fn every_target_to_make_is_in_the_makefile() {
    let makefile = source("Makefile");
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with('.'))
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    let made: Vec<_> = commands_in_docs().into_iter().filter(|(_, words)| words[0] == "make").collect();
    assert!(made.len() >= 4, "{made:?}");
    for (page, words) in made {
        // What follows the first `NAME=value` is handed to the target.
        for target in words[1..].iter().take_while(|word| !word.contains('=')) {
            assert!(targets.contains(target.as_str()), "{page}: make {target}");
        }
    }
}

#[test]
fn every_command_line_is_one_that_the_command_takes() {
    let mut tried = 0;
    for (page, mut words) in commands_in_docs().into_iter().filter(|(_, words)| words[0] == COMMAND) {
        words.push("--help".into());
        let output = ilock(&words[1..]);
        assert!(output.status.success(), "{page}: {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        tried += 1;
    }
    assert!(tried >= 4);
    assert_eq!(ilock(&["phone".into(), "--no-such".into(), "--help".into()]).status.code(), Some(2));
}

#[test]
fn the_call_placed_by_hand_rings() {
    let readme = page("README.md");
    let block = readme.code("sh").find(|block| block.code.contains("curl")).expect("README shows a call by hand");
    let server = Server::start();
    server.has_phone("user456");
    let script = block.code.replace("http://127.0.0.1:8080", server.at("http")).replace(COMMAND, "\"$ILOCK\"");
    assert_eq!(script.matches("$ILOCK").count(), 1, "{script}");
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("ILOCK", env!("CARGO_BIN_EXE_ilock"))
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("AUTH_AUDIENCE")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let answer: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((&answer["code"], &answer["data"]["state"]), (&0.into(), &"ringing".into()), "{answer}");
}

#[test]
fn every_setting_is_described_and_every_description_is_of_a_setting() {
    let settings = page("docs/settings.md");
    let tables = settings.tables();
    let described: BTreeSet<String> =
        tables[0].iter().flat_map(|row| spans(row[0])).filter(|name| is_setting(name)).collect();
    let by_kind = std::fs::read_dir(root().join("functions/src/settings")).unwrap();
    let files = by_kind.map(|file| read_to_string(file.unwrap().path()).unwrap());
    let read: BTreeSet<String> =
        files.chain([source("functions/src/settings.rs")]).flat_map(|file| settings_read_by(&file)).collect();
    assert_eq!(described, read);

    let mut on_lambda = settings_read_by(&source("functions/lambda/src/logging.rs"));
    on_lambda.insert("RUST_LOG".into()); // which the logging library reads
    let named: BTreeSet<String> = settings.spans().into_iter().collect();
    assert!(on_lambda.is_subset(&named), "{on_lambda:?}");

    let help = help_of_dev();
    for page in pages() {
        for name in page.spans().into_iter().filter(|span| is_setting(span)) {
            // Which AWS's SDK reads, and which the commands do; and words of FCM's and of KMS's.
            let known = ["AWS_ENDPOINT_URL", "ILOCK_SERVER", "ILOCK_TOKEN"].contains(&name.as_str())
                || ["INVALID_ARGUMENT", "SENDER_ID_MISMATCH", "ECC_NIST_EDWARDS25519"].contains(&name.as_str())
                || read.contains(&name)
                || on_lambda.contains(&name)
                || help.contains(&format!("[env: {name}="));
            assert!(known, "{}: nothing reads {name}", page.name());
        }
    }
}

#[test]
fn every_address_can_be_moved_as_described() {
    let help = help_of_dev();
    let settings = page("docs/settings.md");
    let tables = settings.tables();
    let rows = &tables.last().unwrap()[1..];
    assert_eq!(rows.len(), help.matches("[env: ILOCK_").count());
    for row in rows {
        for name in spans(row[0]) {
            assert!(help.contains(&format!("[env: {name}=")), "{name}");
        }
        let flags = spans(row[1]);
        for flag in &flags {
            assert!(help.contains(&format!(" {flag} <")), "{flag}");
        }
        if let Some(default) = spans(row[2]).first() {
            let line = help.lines().find(|line| line.contains(&format!(" {} <", flags[0]))).unwrap();
            assert!(line.ends_with(&format!("[default: {default}]")), "{line}");
        }
    }
}

/// What GitHub calls a heading in a link to it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    heading.trim().to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn a_heading_is_linked_to_by_its_letters_in_lower_case() {
    assert_eq!(anchor("429: under attack, or too small?"), "429-under-attack-or-too-small");
    assert_eq!(anchor("`TopicPrefix` and client_id"), "topicprefix-and-client_id");
    assert_eq!(anchor("不经 SNS 使用 FCM"), "不经-sns-使用-fcm");
}

#[test]
fn every_link_to_a_file_leads_to_one_and_to_a_heading_of_it() {
    let pages = pages_and_runbooks();
    let headings_of = |path: &PathBuf| -> Option<BTreeSet<String>> {
        let canonical = path.canonicalize().ok()?;
        let page = pages.iter().find(|page| page.path.canonicalize().is_ok_and(|path| path == canonical))?;
        let heading = |line: &String| line.starts_with('#').then(|| anchor(line.trim_start_matches('#')));
        Some(page.prose.iter().filter_map(heading).collect())
    };
    let mut led_to_headings = 0;
    for page in &pages {
        let prose = page.prose.join("\n");
        for target in prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
            assert!(path.exists(), "{}: {target}", page.name());
            if let Some(headings) = headings_of(&path).filter(|_| !heading.is_empty()) {
                assert!(headings.contains(heading), "{}: {target}: there is no such heading", page.name());
                led_to_headings += 1;
            }
        }
    }
    assert!(led_to_headings >= 50, "only {led_to_headings}");
}

/// Whether a page's route is one of the contract's, with its parameters or with values in their place.
fn fits(named: &str, of_contract: &str) -> bool {
    let (named, of_contract): (Vec<&str>, Vec<&str>) = (named.split('/').collect(), of_contract.split('/').collect());
    named.len() == of_contract.len()
        && named.iter().zip(&of_contract).all(|(named, part)| named == part || part.starts_with('{'))
}

#[test]
fn every_route_named_is_one_that_the_contract_has() {
    let contract = source("events/openapi.yaml");
    let (mut routes, mut path) = (BTreeSet::new(), "");
    for line in contract.lines() {
        if let Some(found) = line.strip_prefix("  /").and_then(|_| line.trim().strip_suffix(':')) {
            path = found;
        } else if let Some(method) = line.strip_prefix("    ").and_then(|line| line.strip_suffix(':'))
            && ["get", "post", "put", "delete"].contains(&method)
        {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let methods = ["GET /", "POST /", "PUT /", "DELETE /"];
    let is_route = |span: &String| methods.iter().any(|method| span.starts_with(method));
    for page in pages() {
        for route in page.spans().into_iter().filter(is_route) {
            let named = route.split('?').next().unwrap();
            assert!(routes.iter().any(|of_contract| fits(named, of_contract)), "{}: {route}", page.name());
        }
    }
    // The local stack's own routes are not for apps, nor is Tencent's.
    routes.remove("GET /healthz");
    routes.remove("GET /dev/pushes");
    routes.remove("POST /api/trtc/callback");
    let without_query = |route: String| route.split('?').next().unwrap().to_owned();
    let named = |name: &str| -> BTreeSet<String> {
        page(name).spans().into_iter().filter(is_route).map(without_query).collect()
    };
    assert_eq!(named("README.md"), routes, "README.md");
    let (auditors, rest): (BTreeSet<String>, BTreeSet<String>) =
        routes.into_iter().partition(|route| route.contains(" /api/audit/"));
    let (operators, apps): (BTreeSet<String>, BTreeSet<String>) =
        rest.into_iter().partition(|route| route.contains(" /api/admin/"));
    assert_eq!(named("docs/operators.md"), operators, "docs/operators.md");
    assert_eq!(named("docs/auditors.md"), auditors, "docs/auditors.md");
    assert_eq!(named("docs/protocol.md"), apps, "docs/protocol.md");
}

#[test]
fn every_error_code_of_the_contract_is_explained_to_apps() {
    let contract = source("events/openapi.yaml");
    // Code, status, meaning, and what an app does.
    let row = |line: &str| -> Option<Vec<String>> {
        let cells = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|');
        let cells: Vec<String> = cells.map(|cell| cell.trim().replace('`', "")).collect();
        (cells.len() == 4 && cells[0].len() == 5 && cells[0].parse::<u32>().is_ok()).then_some(cells)
    };
    let there: Vec<_> = contract.lines().filter_map(row).collect();
    let here: Vec<_> = page("docs/protocol.md").prose.iter().filter_map(|line| row(line)).collect();
    assert!(here.len() > 10);
    assert_eq!(here, there);
}

#[test]
fn the_limits_told_to_apps_are_those_of_the_schemas() {
    let apps = page("docs/protocol.md");
    let tables = apps.tables();
    let limits = tables.last().unwrap();
    let of = |name: &str| -> BTreeSet<u64> {
        let row = limits.iter().find(|row| row[0].contains(name)).unwrap_or_else(|| panic!("{name} has no limit"));
        row[1].split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
    };
    assert!(of("a body").contains(&(MAX_BODY as u64)));
    assert!(of("`reason`").contains(&(MAX_REASON as u64)));

    let mut checked = BTreeSet::new();
    for name in ["CalleeAction", "CallerAction", "PlaceCall", "RegisterClient", "RegisterPushToken", "UpdateStatus"] {
        let schema: Value = serde_json::from_str(&source(&format!("events/schema/http.{name}.json"))).unwrap();
        for (field, rule) in schema["properties"].as_object().unwrap() {
            let link = rule["$ref"].as_str().or_else(|| rule["anyOf"][0]["$ref"].as_str());
            let rule = link.map_or(rule, |link| schema.pointer(&link[1..]).unwrap());
            let pattern = rule["pattern"].as_str().and_then(|pattern| pattern.rsplit_once('{')).map(|(_, most)| most);
            let in_pattern = pattern.into_iter().flat_map(|most| most.trim_end_matches("}$").split(','));
            let bounds: Vec<u64> = ["maxLength", "minimum", "maximum"]
                .iter()
                .filter_map(|bound| rule[bound].as_u64())
                .chain(in_pattern.map(|number| number.parse().unwrap()))
                .collect();
            if bounds.is_empty() || field == "user_id" {
                continue;
            }
            let told = of(&format!("`{field}`"));
            assert!(bounds.iter().all(|bound| told.contains(bound)), "{field}: {bounds:?}, told {told:?}");
            checked.insert(field.clone());
        }
    }
    assert!(checked.len() >= 8, "{checked:?}");
}

#[test]
fn the_encrypted_user_sig_shown_decrypts_with_the_key_shown_to_the_text_shown() {
    let incoming: Incoming = sample("message.incoming.json");
    let registered: Envelope<ClientRegistered> = sample("http.reply.ClientRegistered.json");
    let opened =
        PayloadKeys::open(&registered.data.payload_key.unwrap(), &incoming.room_info.user_sig.unwrap()).unwrap();
    for name in ["docs/protocol.md", "docs/protocol.zh.md"] {
        assert!(page(name).spans().contains(&opened), "{name} does not show {opened}");
    }
}
