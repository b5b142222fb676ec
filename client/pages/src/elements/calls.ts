// The list of a person's calls.

import { h, say, show } from "./dom.js";
import { foreign } from "./foreign.js";
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
  /** Whether the person has not seen yet that it was missed. */
  unseen?: boolean;
}

interface History {
  calls: Entry[];
  read_at: number;
  /** Of the last 100 calls. */
  unseen?: number;
}

interface CallListOptions {
  words: () => Words;
  language: () => string;
  /** The address of a page about a call; see `storyOf`. */
  storyHref: () => string | undefined;
  load: (path: string) => Promise<unknown>;
  /** The person has looked at the list that was read then. */
  seen: (until: number) => void;
  /** So many missed calls are unseen. */
  counted: (unseen: number) => void;
}

/** The projector writes a history a moment after the commit. */
const SOON_MS = [700, 2500];
/** When a list that could not be read is read once more. */
const AGAIN_MS = 5000;
/** How many calls the backend counts: it may be more than that. */
const COUNTED = 100;

export class CallList {
  readonly element: HTMLElement;
  private readonly rows = h("ul", { class: "rows", part: "call-list" });
  /** Why there are no rows, or not all. */
  private readonly none = h("p", { class: "none", "data-testid": "calls-note", hidden: true });
  private readonly missed = h("span", { class: "badge", part: "missed-count", "data-testid": "missed-count", hidden: true });
  private readonly mark = h("button", { class: "link", part: "mark-seen", type: "button", "data-testid": "mark-seen", hidden: true, click: () => this.markSeen() });
  /** What a screen reader says of the missed calls, when that changes. */
  private readonly told = h("p", { class: "sr", role: "status", "data-testid": "missed-told" });
  private readonly name = h("span");
  private readonly title = h("h3", { class: "calls-title", tabindex: -1 }, this.name, this.missed);
  private calls: Entry[] = [];
  private readAt = 0;
  private unseen = 0;
  private asked = 0;
  private soon: ReturnType<typeof setTimeout>[] = [];
  /** How the last reading went; none since there is somebody here. */
  private read: "well" | "badly" | undefined;

  constructor(private readonly options: CallListOptions) {
    const head = h("div", { class: "calls-head" }, this.title, this.mark);
    this.element = h("section", { class: "calls", part: "calls", "data-testid": "calls" }, head, this.told, this.none, this.rows);
  }

  /** Writes all texts, in the language that there is now. */
  label(): void {
    const words = this.options.words();
    say(this.name, words.calls);
    say(this.mark, words.mark_seen);
    this.element.setAttribute("aria-label", words.calls);
    this.list();
    this.labelCount();
  }

  /** Forgets what was listed: it was somebody's who is not here any more. */
  clear(): void {
    this.forgetSoon();
    this.asked += 1;
    this.read = undefined;
    this.calls = [];
    this.list();
    this.count(0);
    say(this.told, "");
  }

  refreshSoon(): void {
    this.forgetSoon();
    this.soon = SOON_MS.map((wait) => setTimeout(() => void this.refresh(), wait));
  }

  /** Reads the list; once more where that fails. */
  async refresh(again = true): Promise<void> {
    const asked = ++this.asked;
    const history = (await this.options.load("/api/calls?limit=20").catch(() => undefined)) as History | undefined;
    // An answer that was overtaken may say less than what is shown.
    if (asked !== this.asked) return;
    this.read = history === undefined ? "badly" : "well";
    if (history === undefined) {
      if (again) setTimeout(() => this.element.isConnected && asked === this.asked && void this.refresh(false), AGAIN_MS);
      return this.showNone();
    }
    this.readAt = history.read_at;
    this.calls = history.calls;
    this.list();
    this.count(history.unseen ?? 0);
  }

  /** The person has seen all that is listed. */
  markSeen(): void {
    if (this.unseen > 0) this.options.seen(this.readAt);
  }

  private forgetSoon(): void {
    for (const timer of this.soon) clearTimeout(timer);
  }

  private list(): void {
    // The row that has the focus is another one afterwards.
    const focused = this.rows.querySelector("a:focus")?.closest("li")?.dataset["call"];
    this.rows.replaceChildren(...this.calls.map((call) => this.row(call)));
    if (focused !== undefined) this.rows.querySelector<HTMLElement>(`[data-call="${CSS.escape(focused)}"] a`)?.focus();
    this.showNone();
  }

  /** The rows of the last good reading stay. */
  private showNone(): void {
    const words = this.options.words();
    say(this.none, this.read === "badly" ? words.no_list : words.no_calls);
    show(this.none, this.read === "badly" || (this.read === "well" && this.calls.length === 0));
  }

  private count(unseen: number): void {
    const changed = unseen !== this.unseen;
    this.unseen = unseen;
    const text = this.labelCount();
    if (changed) say(this.told, unseen > 0 ? text : this.options.words().none_missed);
    // The focus would be lost with the button.
    if (unseen === 0 && this.mark.matches(":focus")) this.title.focus();
    show(this.missed, unseen > 0);
    show(this.mark, unseen > 0);
    if (changed) this.options.counted(unseen);
  }

  /** Writes how many there are; also in the words that a screen reader says. */
  private labelCount(): string {
    const words = this.options.words();
    const number = this.unseen >= COUNTED ? `${COUNTED}+` : String(this.unseen);
    const text = `${number} ${words[this.unseen === 1 ? "one_missed" : "many_missed"]}`;
    say(this.missed, `${number} ${words.missed_badge}`);
    this.mark.setAttribute("aria-label", `${words.mark_seen}${words.colon}${text}`);
    return text;
  }

  private row(call: Entry): HTMLElement {
    const words = this.options.words();
    const storyHref = this.options.storyHref();
    const missed = isMissed(call);
    const name = foreign((call.direction === "incoming" ? call.caller_info?.name : undefined) ?? call.peer_id);
    const talked = call.answered_at !== undefined && call.ended_at !== undefined ? ` · ${lasted(call.ended_at - call.answered_at)}` : "";
    const state = words[missed ? "state_missed" : (`state_${call.state}` as Word)];
    const time = h("time", { datetime: new Date(call.timestamp).toISOString() }, this.time(call.timestamp));
    const inside = [
      h("span", { class: `way ${missed ? "missed" : ""}` }, icon(missed ? "missed" : call.direction)),
      h("span", { class: "what" }, h("strong", {}, name), h("small", {}, state + talked, call.unseen === true ? h("b", { class: "new" }, words.new_missed) : undefined)),
      time,
    ];
    const content = storyHref === undefined
      ? h("div", { class: "row" }, ...inside)
      : h("a", { class: "row", href: storyOf(storyHref, call.call_id), target: "_blank", rel: "noopener" }, ...inside, h("span", { class: "sr" }, words.story));
    return h("li", { "data-testid": "call-row", "data-call": call.call_id, "data-state": missed ? "missed" : call.state, "data-unseen": call.unseen === true, part: "call-row" }, content);
  }

  private time(at: number): string {
    const today = new Date().toDateString() === new Date(at).toDateString();
    const form: Intl.DateTimeFormatOptions = today ? { timeStyle: "short" } : { dateStyle: "medium" };
    return new Intl.DateTimeFormat(this.options.language(), form).format(at);
  }
}

/** The id stands in place of `{call_id}`, else at the end. */
function storyOf(address: string, callId: string): string {
  const id = encodeURIComponent(callId);
  return address.includes("{call_id}") ? address.replace("{call_id}", () => id) : address + id;
}

/** To the person a call that its caller gave up is a missed one, too. */
function isMissed(call: Entry): boolean {
  return call.missed ?? (call.direction === "incoming" && (call.state === "missed" || call.state === "cancelled"));
}

function lasted(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
