//! The story as one page that needs nothing else: what it comes to, the diagram, the timeline, the raw commits. It fits a
//! laptop's screen and a sheet of paper.

use std::fmt::Write as _;

use crate::call_line::CallLine;
use crate::replay::diagram::Diagram;
use crate::replay::escape::escaped;
use crate::replay::facts::facts;
use crate::replay::step::What;
use crate::replay::story::Story;
use crate::replay::svg::svg;
use crate::replay::text::{line, stood, went};
use crate::replay::times::seconds;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8a8f98;--soft:#8a8f9826;--bad:#b3261e;--good:#1b7a3d}\
*{box-sizing:border-box}\
body{font:14px/1.45 system-ui,sans-serif;margin:1rem auto;max-width:72rem;padding:0 1rem}\
h1{font-size:1.1rem;margin:.2rem 0 .6rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:1.2rem 0 .4rem}\
pre,code,.mono{font-family:ui-monospace,monospace;font-size:.8rem;overflow-wrap:anywhere}\
pre{white-space:pre-wrap;padding:.6rem;background:var(--soft);border-radius:.4rem;margin:.4rem 0}\
.verdict{border-left:.4rem solid var(--good);background:var(--soft);padding:.5rem .8rem;font-weight:600}\
.verdict.bad{border-color:var(--bad);color:#fff;background:var(--bad)}\
.verdict ul{margin:.3rem 0 0;padding-left:1.2rem;font-weight:400}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.6rem 0}\
dt{color:var(--line)}dd{margin:0;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%;table-layout:fixed}\
td,th{text-align:left;padding:.15rem .6rem .15rem 0;vertical-align:top;overflow-wrap:anywhere;font-size:.8rem}\
td{font-family:ui-monospace,monospace}th{font-weight:600}tr.told td{color:var(--line)}\
td.time,th.time{text-align:right;white-space:nowrap;width:6.5rem}\
figure{margin:0}svg{display:block;width:100%;height:auto}\
svg text{font:12px system-ui,sans-serif;fill:currentColor}\
svg .says{paint-order:stroke;stroke:Canvas;stroke-width:3px;stroke-linejoin:round}\
svg .lane{stroke:var(--line);stroke-dasharray:3 4}svg .arrow{stroke:currentColor}svg .lost{stroke:var(--bad)}\
svg .who{font-weight:600}svg .when{fill:var(--line);font-size:11px}.bad{color:var(--bad)}\
@page{size:A4;margin:12mm}\
@media print{:root{color-scheme:light}body{margin:0;padding:0;max-width:none;font-size:10pt}details{display:none}\
h2.raw{display:none}tr,dl{break-inside:avoid}*{print-color-adjust:exact}}";

/// The page. `raw` is the call as it was stored.
#[must_use]
pub fn html(story: &Story, raw: &CallLine<'_>) -> String {
    let mut out = String::with_capacity(16 * 1024);
    let title = escaped(&story.call_id);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    verdict(&mut out, story);
    let tenant = story.tenant.as_ref().map(|tenant| format!(", tenant {tenant}")).unwrap_or_default();
    let _ = writeln!(out, "<h1>call {title}{}</h1>", escaped(&tenant));
    out.push_str("<dl>\n");
    for (what, fact) in facts(story) {
        let class = if what == "Last hash" { " class=\"mono\"" } else { "" };
        let _ = writeln!(out, "<dt>{what}</dt><dd{class}>{}</dd>", escaped(&fact));
    }
    out.push_str("</dl>\n");
    if let Some(standing) = &story.standing {
        let _ = writeln!(out, "<pre>{}</pre>", escaped(&stood(standing)));
    }
    if let Some(why) = &story.broken {
        let _ = writeln!(out, "<p class=\"bad\">not sound: {}</p>", escaped(why));
    }
    for what in &story.unreadable {
        let _ = writeln!(out, "<p class=\"bad\">cannot be read: {}</p>", escaped(what));
    }
    let _ =
        write!(out, "<h2>Who spoke to whom</h2>\n<figure>{}</figure>\n<h2>Timeline</h2>\n", svg(&Diagram::of(story)));
    timeline(&mut out, story);
    for gone in &story.forgotten {
        let _ = writeln!(out, "<p>{}</p>", escaped(&went(gone)));
    }
    stored(&mut out, raw);
    out.push_str("</body>\n</html>\n");
    out
}

/// What stands at the top, so that nobody hands the page on without it.
fn verdict(out: &mut String, story: &Story) {
    let verdict = &story.verdict;
    let class = if verdict.sound { "verdict" } else { "verdict bad" };
    let _ = write!(out, "<div class=\"{class}\" role=\"alert\">{}", escaped(&verdict.summary()));
    if !verdict.sound {
        out.push_str("<ul>\n");
        for finding in verdict.lines() {
            let _ = writeln!(out, "<li>{}</li>", escaped(&finding));
        }
        out.push_str("</ul>");
    }
    out.push_str("</div>\n");
}

fn timeline(out: &mut String, story: &Story) {
    out.push_str("<table>\n<tr><th class=\"time\">since placed</th><th class=\"time\">after</th><th>what</th></tr>\n");
    for step in &story.steps {
        let class = if matches!(step.what, What::Delivery(_)) { " class=\"told\"" } else { "" };
        let _ = writeln!(
            out,
            "<tr{class}><td class=\"time\">{}</td><td class=\"time\">{:+} ms</td><td>{}</td></tr>",
            seconds(step.since_placed),
            step.after,
            escaped(line(step, story).trim())
        );
    }
    out.push_str("</table>\n");
}

fn stored(out: &mut String, raw: &CallLine<'_>) {
    out.push_str("<h2 class=\"raw\">As stored</h2>\n");
    let kinds = [
        ("commit", &raw.commits),
        ("phone that rang later", &raw.alerts),
        ("receipt", &raw.receipts),
        ("mark that text was forgotten,", &raw.forgotten),
    ];
    for (what, items) in kinds {
        for (place, item) in (1..).zip(items) {
            let _ = writeln!(
                out,
                "<details><summary>{what} {place}</summary><pre>{}</pre></details>",
                escaped(&indented(item))
            );
        }
    }
}

fn indented(json: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| json.to_owned())
}
