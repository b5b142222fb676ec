//! The diagram, drawn: as wide as the page, however many take part.

use std::fmt::Write as _;

use crate::replay::diagram::{Arrow, Diagram};
use crate::replay::escape::escaped;

/// Its width in units of its own; the page scales it.
const WIDTH: usize = 1000;
const ROW: usize = 32;
/// Where times stand.
const LEFT: usize = 70;
/// About how wide a letter is, in tenths of a unit.
const LETTER: usize = 62;
/// With more lanes than this their names stand in two rows.
const ONE_ROW: usize = 6;

pub(super) fn svg(diagram: &Diagram) -> String {
    let lanes = diagram.lanes.len().max(1);
    let lane_width = (WIDTH - LEFT) / lanes;
    let two_rows = lanes > ONE_ROW;
    let top = if two_rows { 72 } else { 56 };
    let height = top + (diagram.arrows.len() + 1) * ROW;
    let x = |lane: usize| LEFT + lane * lane_width + lane_width / 2;
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"sequence diagram\">\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" fill=\"currentColor\"/></marker></defs>"
    );
    for (lane, name) in diagram.lanes.iter().enumerate() {
        let (room, y) = if two_rows { (lane_width * 2, 20 + 18 * (lane % 2)) } else { (lane_width, 24) };
        let _ = write!(
            out,
            "<line class=\"lane\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{height}\"/>\
             <text class=\"who\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}<title>{}</title></text>",
            y + 8,
            escaped(&shortened(name, room * 9 / LETTER)),
            escaped(name),
            x = x(lane)
        );
    }
    for (row, Arrow { from, to, says, when, lost }) in diagram.arrows.iter().enumerate() {
        let y = top + row * ROW + ROW / 2;
        let class = if *lost { "arrow lost" } else { "arrow" };
        let _ = write!(out, "<text class=\"when\" x=\"0\" y=\"{y}\">{}</text>", escaped(when));
        // The timer speaks from where it listens: a short arrow from the side.
        let (x1, x2) = if from == to { (x(*to) + 60, x(*to)) } else { (x(*from), x(*to)) };
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y}\" x2=\"{x2}\" y2=\"{y}\" marker-end=\"url(#tip)\"/>\
             <text class=\"says\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}<title>{}</title></text>",
            middle_of(says, usize::midpoint(x1, x2)),
            y - 5,
            escaped(&shortened(says, MOST_LETTERS)),
            escaped(says)
        );
    }
    out.push_str("</svg>");
    out
}

/// No label is longer than the diagram is wide.
const MOST_LETTERS: usize = (WIDTH - LEFT) * 10 / LETTER - 4;

/// Where the middle of a text stands that would best stand at `x`, and does not end outside.
fn middle_of(text: &str, x: usize) -> usize {
    let half = text.chars().count().min(MOST_LETTERS) * LETTER / 20;
    x.clamp(LEFT + half, (WIDTH - half).max(LEFT + half))
}

/// A text of at most `most` letters: where it is longer, its beginning and its end.
fn shortened(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most.max(3) {
        return text.to_owned();
    }
    let keep = most.max(3) - 1;
    let (begins, ends) = (keep.div_ceil(2), keep / 2);
    let first: String = text.chars().take(begins).collect();
    let last: String = text.chars().skip(count - ends).collect();
    format!("{first}…{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        assert_eq!(shortened("user456", 20), "user456");
        assert_eq!(shortened("google-oauth2|103456789012345678901", 15), "google-…5678901");
        assert_eq!(shortened("小区大门小区大门", 5), "小区…大门");
    }

    #[test]
    fn a_label_stays_within_the_diagram() {
        assert_eq!(middle_of("rings", 500), 500);
        let long = "x".repeat(100);
        assert!(middle_of(&long, 990) + 310 <= WIDTH && middle_of(&long, 80) >= LEFT + 310);
        assert!(middle_of(&"x".repeat(1000), 500) < WIDTH);
    }
}
