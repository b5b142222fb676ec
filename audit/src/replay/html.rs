//! The story as one page that needs nothing else: the diagram, the timeline, the raw commits.

use std::fmt::Write as _;

use crate::call_line::CallLine;
use crate::replay::diagram::{Arrow, Diagram};
use crate::replay::step::What;
use crate::replay::story::Story;
use crate::replay::text::{head, line, seconds, stood, went};

const LANE: usize = 230;
const ROW: usize = 34;
const TOP: usize = 56;
const LEFT: usize = 130;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8a8f98;--soft:#8a8f9833;--bad:#c0392b}\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
h1{font-size:1.2rem;overflow-wrap:anywhere}h2{font-size:1rem;margin-top:2rem}\
pre,code,td{font-family:ui-monospace,monospace;font-size:.85rem}\
pre{overflow:auto;padding:.8rem;background:var(--soft);border-radius:.4rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}\
th{font-weight:600}tr.told td{color:var(--line)}td.time{text-align:right;white-space:nowrap}\
figure{overflow-x:auto;margin:0}svg text{font:13px ui-monospace,monospace;fill:currentColor}\
svg .lane{stroke:var(--line);stroke-dasharray:3 4}svg .arrow{stroke:currentColor}svg .lost{stroke:var(--bad)}\
svg .who{font-weight:600}svg .when{fill:var(--line)}.bad{color:var(--bad)}";

/// The page. `raw` is the call as it was stored.
#[must_use]
pub fn html(story: &Story, raw: &CallLine<'_>) -> String {
    let mut out = String::with_capacity(16 * 1024);
    let title = escaped(&story.call_id);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<pre>{}</pre>\n",
        escaped(&head(story))
    );
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
    out.push_str("<h2>As stored</h2>\n");
    let stored = [
        ("commit", &raw.commits),
        ("phone that rang later", &raw.alerts),
        ("receipt", &raw.receipts),
        ("forgotten", &raw.forgotten),
    ];
    for (what, items) in stored {
        for (place, item) in items.iter().enumerate() {
            let _ = writeln!(
                out,
                "<details><summary>{what} {}</summary><pre>{}</pre></details>",
                place + 1,
                escaped(&indented(item))
            );
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn timeline(out: &mut String, story: &Story) {
    out.push_str("<table>\n<tr><th>since placed</th><th>after</th><th>what</th></tr>\n");
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

fn svg(diagram: &Diagram) -> String {
    let width = LEFT + diagram.lanes.len() * LANE;
    let height = TOP + (diagram.arrows.len() + 1) * ROW;
    let x = |lane: usize| LEFT + lane * LANE + LANE / 2;
    let mut out = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"sequence diagram\">\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" fill=\"currentColor\"/></marker></defs>"
    );
    for (lane, name) in diagram.lanes.iter().enumerate() {
        let _ = write!(
            out,
            "<text class=\"who\" x=\"{x}\" y=\"24\" text-anchor=\"middle\">{}</text>\
             <line class=\"lane\" x1=\"{x}\" y1=\"34\" x2=\"{x}\" y2=\"{height}\"/>",
            escaped(name),
            x = x(lane)
        );
    }
    for (row, Arrow { from, to, says, when, lost }) in diagram.arrows.iter().enumerate() {
        let y = TOP + row * ROW + ROW / 2;
        let class = if *lost { "arrow lost" } else { "arrow" };
        let _ = write!(out, "<text class=\"when\" x=\"8\" y=\"{y}\">{}</text>", escaped(when));
        // The timer speaks from where it listens: a short arrow from the side.
        let (x1, x2) = if from == to { (x(*to) + 60, x(*to)) } else { (x(*from), x(*to)) };
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y}\" x2=\"{x2}\" y2=\"{y}\" marker-end=\"url(#tip)\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            usize::midpoint(x1, x2),
            y - 5,
            escaped(says)
        );
    }
    out.push_str("</svg>");
    out
}

fn indented(json: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| json.to_owned())
}

/// Text that a browser takes for nothing but text, in an element or in an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
