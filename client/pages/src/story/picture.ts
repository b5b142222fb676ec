// The call as a sequence diagram: a lane for the caller, the backend, and each person who was called.

import { svg } from "../elements/dom.js";
import { foreign } from "../elements/foreign.js";
import { leafOf } from "./party-address.js";
import { type Alert, type CallEvents, type Commit, hadNobody, outcomes, partyOf, steps, type Told } from "./events.js";
import { type Lane, laneOf, laneTold } from "./lanes.js";
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

/** A lane with its place. */
interface Placed extends Lane {
  x: number;
}

/** What is drawn of a step: who does what, and who is told of it. */
interface Step {
  name: string;
  at: number;
  from: Placed;
  told: Told[];
}

/** The picture; `narrow` for a screen as wide as a phone's. */
export function picture(call: CallEvents, titled: Lane[], words: StoryWords, narrow: boolean): SVGElement {
  const form = narrow && titled.length <= NARROW_LANES ? NARROW : WIDE;
  const gap = (form.width - form.first - form.last) / Math.max(titled.length - 1, 1);
  const lanes = titled.map((lane, index) => ({ ...lane, x: form.first + index * gap }));
  const bands: SVGElement[] = [];
  const parts: SVGElement[] = [];
  let y = TOP + 16;
  for (const [index, drawn] of steps(call).map((step) => drawnStep(call, step, lanes, words)).entries()) {
    const height = COMMIT + form.below + NOTICE * drawn.told.length;
    if (index % 2 === 0) bands.push(svg("rect", { x: 0, y: y - 8, width: form.width, height, rx: 10, class: "band" }));
    const since = drawn.at - (call.commits[0]?.at ?? drawn.at);
    parts.push(svg("text", { x: 12, y: y + 18 - form.below / 5, class: "when" }, `+${(since / 1000).toFixed(3)} s`));
    parts.push(...arrows(drawn, lanes, words, y + 14 + form.below));
    y += height;
  }
  const lines = lanes.map(({ x }) => svg("line", { x1: x, x2: x, y1: TOP, y2: y, class: "lane" }));
  const heads = lanes.flatMap(({ x, title }) => [
    svg("rect", { x: x - form.head / 2, y: 12, width: form.head, height: 36, rx: 10, class: "lane-head" }),
    svg("text", { x, y: 35, "text-anchor": "middle", class: "who" }, short(title, form.letters)),
  ]);
  return svg("svg", { viewBox: `0 0 ${form.width} ${y + 8}`, class: form === NARROW ? "narrow" : undefined, role: "img", "aria-label": words.picture }, ...bands, ...lines, ...heads, ...parts);
}

function drawnStep(call: CallEvents, step: Commit | Alert, lanes: Placed[], words: StoryWords): Step {
  const from = lanes[laneOf(partyOf(step), lanes)] as Placed;
  if (!("n" in step)) return { name: words.alert, at: step.at, from, told: [] };
  const event = step.events[0]?.type ?? step.cmd.kind;
  const told = outcomes(call, step.n).filter((outcome) => !hadNobody(outcome));
  return { name: words[event as StoryWord] ?? event, at: step.at, from, told };
}

function arrows({ name, from, told }: Step, lanes: Placed[], words: StoryWords, y: number): SVGElement[] {
  const backend = lanes[1] as Placed;
  const middle = from === backend ? backend.x + 12 : (from.x + backend.x) / 2;
  const parts = [svg("text", { x: middle, y: y - 4, "text-anchor": from === backend ? "start" : "middle", class: "step-name" }, name)];
  if (from !== backend) parts.push(...arrow(from.x, backend.x, y + 4, true));
  told.forEach((outcome, index) => {
    const to = lanes[laneTold(outcome, lanes)] as Placed;
    const line = y + 30 + index * NOTICE;
    const label = `${ownPart(outcome)} · ${outcome.error === undefined ? `${outcome.ms} ms` : words.lost}`;
    parts.push(svg("text", { x: (backend.x + to.x) / 2, y: line - 5, "text-anchor": "middle", class: "soft", "data-testid": "told", "data-to": to.title }, label));
    parts.push(...arrow(backend.x, to.x, line, false));
  });
  return parts;
}

/** What was told, without whom the lane says already: `calls/incoming`, or which phone. */
function ownPart({ phone, target }: Told): string {
  return foreign(phone === undefined ? leafOf(target) : phone.slice(phone.indexOf("_") + 1));
}

function arrow(from: number, to: number, y: number, command: boolean): SVGElement[] {
  const way = Math.sign(to - from);
  const tip = `${to},${y} ${to - 9 * way},${y - 4.5} ${to - 9 * way},${y + 4.5}`;
  return [
    svg("line", { x1: from, x2: to - 6 * way, y1: y, y2: y, class: command ? "command" : "notice" }),
    svg("polygon", { points: tip, class: command ? "tip" : "tip soft" }),
  ];
}

function short(text: string, letters: number): string {
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
}
