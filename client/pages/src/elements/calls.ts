// The list of a person's calls.

import { h, show } from "./dom.js";
import { icon } from "./icons.js";
import type { Word, Words } from "./words.js";

interface Entry {
  call_id: string;
  direction: "incoming" | "outgoing";
  peer_id: string;
  caller_info?: { name?: string };
  state: "ringing" | "active" | "rejected" | "cancelled" | "missed" | "ended" | "failed";
  timestamp: number;
  answered_by?: string;
  answered_at?: number;
  ended_at?: number;
  /** Whether nobody answered; of a backend that says so. */
  missed?: boolean;
}

interface CallListOptions {
  words: Words;
  language: () => string;
  /** The address of a page about a call, to which its id is appended. */
  storyHref: string | undefined;
  load: (path: string) => Promise<unknown>;
}

/** The projector writes a history a moment after the commit. */
const SOON_MS = [700, 2500];

export class CallList {
  readonly element: HTMLElement;
  private readonly rows = h("ul", { class: "rows", part: "call-list" });
  private readonly none: HTMLElement;
  private readonly missed = h("span", { class: "badge", part: "missed-count", hidden: true });

  constructor(private readonly options: CallListOptions) {
    this.none = h("p", { class: "none" }, options.words.no_calls);
    const title = h("h3", { class: "calls-title" }, options.words.calls, this.missed);
    this.element = h("section", { class: "calls", part: "calls", "data-testid": "calls", "aria-label": options.words.calls }, title, this.none, this.rows);
  }

  refreshSoon(): void {
    for (const wait of SOON_MS) setTimeout(() => void this.refresh(), wait);
  }

  async refresh(): Promise<void> {
    const history = await this.options.load("/api/calls?limit=20").catch(() => undefined);
    if (history === undefined) return;
    const { calls } = history as { calls: Entry[] };
    this.rows.replaceChildren(...calls.map((call) => this.row(call)));
    show(this.none, calls.length === 0);
    const missed = calls.filter(isMissed).length;
    show(this.missed, missed > 0);
    this.missed.textContent = `${missed} ${missed === 1 ? this.options.words.one_missed : this.options.words.many_missed}`;
  }

  private row(call: Entry): HTMLElement {
    const { words, storyHref } = this.options;
    const missed = isMissed(call);
    const name = (call.direction === "incoming" ? call.caller_info?.name : undefined) ?? call.peer_id;
    const talked = call.answered_at !== undefined && call.ended_at !== undefined ? ` · ${lasted(call.ended_at - call.answered_at)}` : "";
    const state = words[missed ? "state_missed" : (`state_${call.state}` as Word)];
    const time = h("time", { datetime: new Date(call.timestamp).toISOString() }, this.time(call.timestamp));
    const inside = [
      h("span", { class: `way ${missed ? "missed" : ""}` }, icon(missed ? "missed" : call.direction)),
      h("span", { class: "what" }, h("strong", {}, name), h("small", {}, state + talked)),
      time,
    ];
    const content = storyHref === undefined
      ? h("div", { class: "row" }, ...inside)
      : h("a", { class: "row", href: storyHref + encodeURIComponent(call.call_id), target: "_blank", rel: "noopener" }, ...inside, h("span", { class: "sr" }, words.story));
    return h("li", { "data-testid": "call-row", "data-call": call.call_id, "data-state": missed ? "missed" : call.state, part: "call-row" }, content);
  }

  private time(at: number): string {
    const today = new Date().toDateString() === new Date(at).toDateString();
    const form: Intl.DateTimeFormatOptions = today ? { timeStyle: "short" } : { dateStyle: "medium" };
    return new Intl.DateTimeFormat(this.options.language(), form).format(at);
  }
}

/** To the person a call that its caller gave up is a missed one, too. */
function isMissed(call: Entry): boolean {
  return call.missed ?? (call.direction === "incoming" && (call.state === "missed" || call.state === "cancelled"));
}

function lasted(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
