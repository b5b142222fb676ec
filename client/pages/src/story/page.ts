// The story of one call, for whoever has an auditor's token: live while it goes on.

import { h, say } from "../elements/dom.js";
import { foreign } from "../elements/foreign.js";
import { icon } from "../elements/icons.js";
import { Tokens } from "../elements/tokens.js";
import { tokenFor } from "../pages/login.js";
import { frame, language } from "../pages/frame.js";
import { leafOf } from "./party-address.js";
import { canonical, digests, judge, type Verdict } from "./chain.js";
import { type Actor, type Alert, callerName, type CallEvents, type Commit, hadNobody, isOver, isRinging, outcomes, placed, said, steps, type Told, whyGone } from "./events.js";
import { type Lane, lanesOf, laneTold } from "./lanes.js";
import { picture } from "./picture.js";
import { type StoryWord, type StoryWords, storyWords } from "./words.js";

/** The wait while the call rings, and after something new. */
const SHORTEST_MS = 700;
/** By how much each wait is longer than the last one while nothing new comes, up to the longest. */
const LONGER = 1.5;
const LONGEST_MS = 10_000;
/** The longest wait, while the server cannot be reached. */
const LONGEST_AWAY_MS = 15_000;
/** So often a call that is over is asked about: the last messages about it may still be on their way. */
const QUIET = 6;

const CALL_ID = /^[A-Za-z0-9_-]{1,170}$/;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
/** What another question might be answered with later. */
const PASSING = [UNAUTHORIZED, 408, 429];
const REFUSALS: Record<number, StoryWord> = { 400: "bad_id", [FORBIDDEN]: "forbidden", 404: "not_found", 410: "archived" };

/** The call, or the status of an answer without it; `undefined` when the server cannot be reached. */
type Answer = CallEvents | number | undefined;

export function storyPage(): void {
  new StoryPage(callIdOf(location.pathname), storyWords(language())).open();
}

function callIdOf(path: string): string {
  const part = path.split("/")[2] ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    // It is no id either way.
    return part;
  }
}

class StoryPage {
  private readonly summary = h("p", { class: "summary", "data-testid": "summary", hidden: true });
  private readonly live = h("span", { class: "button", hidden: true });
  private readonly note = h("p", { role: "status", "data-testid": "note" });
  private readonly again = h("button", { class: "button", type: "button", hidden: true, "data-testid": "again" });
  private readonly verdict = h("section", { class: "verdict", "data-testid": "verdict", hidden: true });
  private readonly proof: HTMLButtonElement;
  private readonly diagram = h("div", { class: "picture", tabindex: 0, role: "region" });
  private readonly commits = h("ol", { class: "commits" });
  private readonly narrow = matchMedia("(max-width: 600px)");
  private readonly tokens = new Tokens(tokenFor("auditor", "story-page"));
  private shown = "";

  constructor(
    private readonly callId: string,
    private readonly words: StoryWords,
  ) {
    this.proof = h("button", { class: "button", type: "button", "data-testid": "proof", click: () => void this.download() }, icon("download"), words.proof);
  }

  open(): void {
    const { words } = this;
    this.live.textContent = words.live;
    this.again.textContent = words.again;
    this.diagram.setAttribute("aria-label", words.picture);
    document.title = `${words.title} · iLock Call`;
    const head = h("div", { class: "head" }, h("div", {}, h("h1", {}, words.title), this.summary, h("code", {}, foreign(this.callId))), this.live);
    frame("story", head, this.verdict, this.note, this.again,
      h("section", { class: "panel" }, h("h2", {}, words.picture), this.diagram),
      h("section", { class: "panel" }, h("h2", {}, words.commits), this.commits));
    if (CALL_ID.test(this.callId)) void this.follow();
    else say(this.note, words.bad_id);
  }

  /** Asks again and again, until the call is over and everybody was told of it, or there is no use in asking. Every question
   * is entered in the log of accesses for good, so a call that goes on is asked about less and less often. */
  private async follow(): Promise<void> {
    let wait = SHORTEST_MS;
    for (let quiet = 0; quiet < QUIET; ) {
      const answer = await this.ask();
      const call = typeof answer === "object" ? answer : undefined;
      this.tell(answer);
      const news = call !== undefined && (await this.show(call));
      const over = call !== undefined && isOver(call);
      this.live.hidden = call === undefined || over;
      if (typeof answer === "number" && isFinal(answer)) return this.stop(answer);
      quiet = over ? quiet + 1 : 0;
      if (call === undefined) wait = Math.min(2 * wait, LONGEST_AWAY_MS);
      else wait = news || isRinging(call) ? SHORTEST_MS : Math.min(LONGER * wait, LONGEST_MS);
      await online(wait);
    }
  }

  private async ask(): Promise<Answer> {
    try {
      const answer = await this.get("events?personal=true");
      return answer.ok ? ((await answer.json()) as { data: CallEvents }).data : answer.status;
    } catch {
      return undefined;
    }
  }

  private tell(answer: Answer): void {
    const { words } = this;
    if (typeof answer === "object") return say(this.note, "");
    if (answer === undefined) return say(this.note, words.unreachable);
    // The form that asks for another token says it.
    if (answer === UNAUTHORIZED) return say(this.note, "");
    const word = REFUSALS[answer] ?? (isFinal(answer) ? "refused" : "busy");
    say(this.note, words[word].replace("{status}", String(answer)));
  }

  /** There is no use in asking again by itself. The person may: with another token, where this one may not read. */
  private stop(status: number): void {
    this.again.hidden = false;
    this.again.onclick = async () => {
      this.again.hidden = true;
      say(this.note, "");
      if (status === FORBIDDEN) await this.tokens.renew().catch(() => undefined);
      await this.follow();
    };
  }

  private get(path: string): Promise<Response> {
    return this.tokens.fetch(`/api/audit/calls/${encodeURIComponent(this.callId)}/${path}`);
  }

  /** Whether there is something new in it. */
  private async show(call: CallEvents): Promise<boolean> {
    const text = canonical(call);
    if (text === this.shown) return false;
    this.shown = text;
    this.showVerdict(await judge(call));
    this.showSummary(call);
    const lanes = await lanesOf(call, this.words);
    this.draw(call, lanes);
    this.commits.replaceChildren(...steps(call).map((step) => ("n" in step ? this.commit(call, lanes, step) : this.alert(call, step))));
    return true;
  }

  private showSummary(call: CallEvents): void {
    const parties = placed(call);
    const first = call.commits[0];
    this.summary.hidden = parties === undefined || first === undefined;
    if (parties === undefined || first === undefined) return;
    const callees = parties.callees.map(({ id }) => foreign(id)).join(this.words.comma);
    const who = this.words.who.replace("{callees}", () => callees).replace("{caller}", () => foreign(callerName(call)));
    say(this.summary, `${who} · ${new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(first.at)}`);
  }

  private draw(call: CallEvents, lanes: Lane[]): void {
    this.diagram.replaceChildren(picture(call, lanes, this.words, this.narrow.matches));
    this.narrow.onchange = () => this.draw(call, lanes);
  }

  private showVerdict(verdict: Verdict): void {
    const { words } = this;
    const word = verdict.sound === undefined ? "unknown" : verdict.sound ? "sound" : "broken";
    const why = verdict.sound === false ? words[verdict.why].replace("{n}", String(verdict.n)) : verdict.sound ? words.sound_why : words.unknown_why;
    this.verdict.hidden = false;
    this.verdict.dataset["verdict"] = word;
    const focused = document.activeElement === this.proof;
    this.verdict.replaceChildren(icon(word === "broken" ? "cross" : "shield"), h("div", {}, h("strong", {}, words[word]), h("span", {}, why)), this.proof);
    if (focused) this.proof.focus();
  }

  private async download(): Promise<void> {
    const answer = await this.get("proof").catch(() => undefined);
    if (answer === undefined) return say(this.note, this.words.unreachable_now);
    if (!answer.ok) return say(this.note, this.words.no_proof);
    const link = h("a", { href: URL.createObjectURL(await answer.blob()), download: `${this.callId}.proof.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  private commit(call: CallEvents, lanes: Lane[], commit: Commit): HTMLElement {
    const { words } = this;
    const names = commit.events.map(({ type }) => words[type as StoryWord] ?? type).join(", ");
    const told = outcomes(call, commit.n).map((outcome) => h("li", {}, h("span", {}, whom(outcome, lanes)), h("b", {}, this.outcome(outcome))));
    return h("li", { class: "commit", "data-testid": "commit" },
      h("h3", {}, `${commit.n}. ${names}`, this.when(call, this.actor(commit.actor), commit.at)),
      ...digests(commit).map((digest) => h("p", { class: "personal" }, this.text(call, commit, digest))),
      h("ul", {}, ...told),
      h("code", {}, `${words.hashed} ${commit.hash}`));
  }

  /** Beside the commits: a phone that rang after the first. */
  private alert(call: CallEvents, { callee, client_id, preview, at }: Alert): HTMLElement {
    const { words } = this;
    return h("li", { class: "commit", "data-testid": "alert" },
      h("h3", {}, words.alert, this.when(call, client_id ?? callee, at)),
      preview === true ? h("p", {}, words.looks) : undefined);
  }

  private when(call: CallEvents, by: string, at: number): HTMLElement {
    const since = ((at - (call.commits[0]?.at ?? at)) / 1000).toFixed(3);
    const time = new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium" }).format(at);
    return h("small", {}, `${this.words.by} ${foreign(by)} · ${time} · +${since} s`);
  }

  /** What was said with a commit, or why it is not there any more. */
  private text({ personal = [] }: CallEvents, commit: Commit, digest: string): string {
    const found = personal.find((text) => text.digest === digest);
    return found === undefined ? this.words[whyGone(commit)] : readable(found.text);
  }

  private outcome(outcome: Told): string {
    if (hadNobody(outcome)) return this.words.nobody;
    return outcome.error === undefined ? `${this.words.told} ${outcome.ms} ms` : `${this.words.lost}: ${foreign(outcome.error)}`;
  }

  private actor(actor: Actor): string {
    if (!("id" in actor)) return this.words[actor.kind];
    return actor.kind === "user" ? (actor.client ?? actor.id) : actor.id;
  }
}

/** Who was told, of what, by which carrier. */
function whom(told: Told, lanes: Lane[]): string {
  const name = foreign(told.phone ?? "") || lanes[laneTold(told, lanes)]?.title;
  // A push has no address of its own.
  return [...new Set([name, foreign(leafOf(told.target)), told.carrier])].join(" · ");
}

/** The texts of a personal text: `Front door, Main entrance`. */
function readable(text: string): string {
  const { caller_info, reason } = said(text);
  return [caller_info?.name, caller_info?.location, reason].filter(Boolean).map((text) => foreign(String(text))).join(", ");
}

/** Whether another question would be answered with the same status. */
function isFinal(status: number): boolean {
  return status < 500 && !PASSING.includes(status);
}

/** Waits so long, or until the browser says that there is a network again. */
function online(ms: number): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
    function end(): void {
      clearTimeout(timer);
      removeEventListener("online", end);
      done();
    }
  });
}
