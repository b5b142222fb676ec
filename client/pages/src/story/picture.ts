// The call as a sequence diagram: a lane for the caller, the backend, and each person who was called.

import { svg } from "../elements/dom.js";
import { type CallEvents, type Commit, hadNobody, outcomes, placed } from "./events.js";
import type { StoryWord, StoryWords } from "./words.js";

const WIDTH = 960;
const TOP = 56;
const LEFT = 84;
const COMMIT = 44;
const NOTICE = 26;

interface Lane {
  id: string;
  title: string;
  x: number;
}

function drawn(call: CallEvents, commit: Commit) {
  return outcomes(call, commit.n).filter((outcome) => !hadNobody(outcome));
}

export function picture(call: CallEvents, words: StoryWords): SVGElement {
  const lanes = lanesOf(call, words);
  const parts: SVGElement[] = [];
  let y = TOP + 16;
  for (const commit of call.commits) {
    const height = COMMIT + NOTICE * drawn(call, commit).length;
    if (commit.n % 2 === 1) parts.push(svg("rect", { x: 0, y: y - 8, width: WIDTH, height, rx: 10, class: "band" }));
    parts.push(...step(call, commit, lanes, { words, y }));
    y += height;
  }
  const lines = lanes.map(({ x }) => svg("line", { x1: x, x2: x, y1: TOP, y2: y, class: "lane" }));
  const heads = lanes.flatMap(({ x, title }) => [
    svg("rect", { x: x - 82, y: 12, width: 164, height: 36, rx: 10, class: "lane-head" }),
    svg("text", { x, y: 35, "text-anchor": "middle", class: "who" }, short(title)),
  ]);
  const bands = parts.filter((part) => part.classList.contains("band"));
  const rest = parts.filter((part) => !part.classList.contains("band"));
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${y + 8}`, role: "img", "aria-label": words.picture }, ...bands, ...lines, ...heads, ...rest);
}

function lanesOf(call: CallEvents, words: StoryWords): Lane[] {
  const parties = placed(call);
  const people = parties?.callees.map(({ id }) => ({ id, title: words.phones.replace("{id}", id) })) ?? [];
  const all = [{ id: parties?.caller.id ?? "", title: parties?.caller.id ?? "" }, { id: "", title: words.backend }, ...people];
  const gap = (WIDTH - LEFT - 96) / Math.max(all.length - 1, 1);
  return all.map((lane, index) => ({ ...lane, x: LEFT + 90 + index * (gap - 90 / Math.max(all.length - 1, 1)) }));
}

function step(call: CallEvents, commit: Commit, lanes: Lane[], { words, y }: { words: StoryWords; y: number }): SVGElement[] {
  const [caller, backend] = lanes as [Lane, Lane];
  const since = commit.at - (call.commits[0]?.at ?? commit.at);
  const event = commit.events[0]?.type ?? commit.cmd.kind;
  const name = words[event as StoryWord] ?? event;
  const from = "id" in commit.actor ? laneOf(commit.actor.id, lanes) : backend;
  const at = y + 14;
  const parts = [svg("text", { x: 12, y: at + 4, class: "when" }, `+${(since / 1000).toFixed(3)} s`)];
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

function short(text: string): string {
  return text.length > 22 ? `${text.slice(0, 21)}…` : text;
}
