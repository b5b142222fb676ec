// The call as a sequence diagram: a lane for the caller, the backend, and each person who was called.

import { svg } from "../elements/dom.js";
import { callerName, type CallEvents, type Commit, hadNobody, outcomes, placed } from "./events.js";
import type { StoryWord, StoryWords } from "./words.js";

const TOP = 56;
const NOTICE = 26;

/** How wide it is drawn, in its own units. */
interface Form {
  width: number;
  /** The middle of the first lane and the room beside the last one. */
  first: number;
  last: number;
  head: number;
  letters: number;
  /** How much lower than its time a step begins: in a narrow picture the time has a line of its own. */
  below: number;
}

const WIDE: Form = { width: 960, first: 174, last: 96, head: 164, letters: 22, below: 0 };
const NARROW: Form = { width: 440, first: 68, last: 68, head: 132, letters: 17, below: 20 };
/** As many lanes fit into a narrow picture; the picture of a household is scrolled. */
const NARROW_LANES = 3;
const COMMIT = 44;

interface Lane {
  id: string;
  title: string;
  x: number;
}

function drawn(call: CallEvents, commit: Commit) {
  return outcomes(call, commit.n).filter((outcome) => !hadNobody(outcome));
}

/** The picture; `narrow` for a screen as wide as a phone's. */
export function picture(call: CallEvents, words: StoryWords, narrow: boolean): SVGElement {
  const titles = titlesOf(call, words);
  const form = narrow && titles.length <= NARROW_LANES ? NARROW : WIDE;
  const gap = (form.width - form.first - form.last) / Math.max(titles.length - 1, 1);
  const lanes = titles.map((title, index) => ({ ...title, x: form.first + index * gap }));
  const parts: SVGElement[] = [];
  let y = TOP + 16;
  for (const commit of call.commits) {
    const height = COMMIT + form.below + NOTICE * drawn(call, commit).length;
    if (commit.n % 2 === 1) parts.push(svg("rect", { x: 0, y: y - 8, width: form.width, height, rx: 10, class: "band" }));
    parts.push(...step(call, commit, lanes, { words, y, form }));
    y += height;
  }
  const lines = lanes.map(({ x }) => svg("line", { x1: x, x2: x, y1: TOP, y2: y, class: "lane" }));
  const heads = lanes.flatMap(({ x, title }) => [
    svg("rect", { x: x - form.head / 2, y: 12, width: form.head, height: 36, rx: 10, class: "lane-head" }),
    svg("text", { x, y: 35, "text-anchor": "middle", class: "who" }, short(title, form.letters)),
  ]);
  const bands = parts.filter((part) => part.classList.contains("band"));
  const rest = parts.filter((part) => !part.classList.contains("band"));
  return svg("svg", { viewBox: `0 0 ${form.width} ${y + 8}`, class: form === NARROW ? "narrow" : undefined, role: "img", "aria-label": words.picture }, ...bands, ...lines, ...heads, ...rest);
}

/** Whom the lanes are of, and what stands above them. */
function titlesOf(call: CallEvents, words: StoryWords): Omit<Lane, "x">[] {
  const parties = placed(call);
  const people = parties?.callees.map(({ id }) => ({ id, title: words.phones.replace("{id}", id) })) ?? [];
  return [{ id: parties?.caller.id ?? "", title: callerName(call) }, { id: "", title: words.backend }, ...people];
}

function step(call: CallEvents, commit: Commit, lanes: Lane[], { words, y, form }: { words: StoryWords; y: number; form: Form }): SVGElement[] {
  const [caller, backend] = lanes as [Lane, Lane];
  const since = commit.at - (call.commits[0]?.at ?? commit.at);
  const event = commit.events[0]?.type ?? commit.cmd.kind;
  const name = words[event as StoryWord] ?? event;
  const from = "id" in commit.actor ? laneOf(commit.actor.id, lanes) : backend;
  const at = y + 14 + form.below;
  const parts = [svg("text", { x: 12, y: y + 18 - form.below / 5, class: "when" }, `+${(since / 1000).toFixed(3)} s`)];
  const middle = from === backend ? backend.x + 12 : (from.x + backend.x) / 2;
  parts.push(svg("text", { x: middle, y: at - 4, "text-anchor": from === backend ? "start" : "middle", class: "step-name" }, name));
  if (from !== backend) parts.push(...arrow(from.x, backend.x, at + 4, true));
  drawn(call, commit).forEach((outcome, index) => {
    const to = targetLane(outcome.target, caller, lanes);
    const line = at + 30 + index * NOTICE;
    const label = `${topic(outcome.target)} · ${outcome.error === undefined ? `${outcome.ms} ms` : words.lost}`;
    parts.push(svg("text", { x: (backend.x + to.x) / 2, y: line - 5, "text-anchor": "middle", class: "soft" }, label));
    parts.push(...arrow(backend.x, to.x, line, false));
  });
  return parts;
}

function arrow(from: number, to: number, y: number, command: boolean): SVGElement[] {
  const way = Math.sign(to - from);
  const tip = `${to},${y} ${to - 9 * way},${y - 4.5} ${to - 9 * way},${y + 4.5}`;
  return [
    svg("line", { x1: from, x2: to - 6 * way, y1: y, y2: y, class: command ? "command" : "notice" }),
    svg("polygon", { points: tip, class: command ? "tip" : "tip soft" }),
  ];
}

function laneOf(id: string, lanes: Lane[]): Lane {
  return lanes.find((lane) => lane.id === id) ?? (lanes[1] as Lane);
}

/** A topic names its party by the address, which for simple ids is the id; a push names whose phones. */
function targetLane(target: string, caller: Lane, lanes: Lane[]): Lane {
  const known = lanes.find(({ id }) => id !== "" && (target.includes(`/${id}/`) || target.endsWith(`/${id}`) || target === id));
  return known ?? (/(^|\/)devices\/[^/]+\/calls/.test(target) ? caller : (lanes[2] ?? caller));
}

/** The topic without its party: `calls/incoming`. */
export function topic(target: string): string {
  const parts = target.split("/");
  const from = parts.findIndex((part) => part === "users" || part === "devices");
  return from < 0 ? target : parts.slice(from + 2).join("/") || target;
}

function short(text: string, letters: number): string {
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
}
