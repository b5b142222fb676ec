// <ilock-phone>: a person's phone. See docs/pages.md for its attributes, events and parts.

import type { CallInfo, Ending, Event as ClientEvent } from "@ilock/client";

import { CallList } from "./calls.js";
import { callControls } from "./controls.js";
import { h, say, show } from "./dom.js";
import { IlockElement } from "./element.js";
import { foreign } from "./foreign.js";
import { icon } from "./icons.js";
import { IncomingCard } from "./incoming.js";
import { Logins } from "./logins.js";
import { PhoneCalls } from "./phone-calls.js";
import { type Fault, faultOf } from "./rules.js";
import type { Word } from "./words.js";

/** How much a phone wants to be the one that sounds first, by whether it is looked at. */
const PRIORITY = { visible: 6, hidden: 3 };

/** How long a phone is soft where another one of the person sounds first. Nobody may be near that one, so then it rings as loudly. */
const SOFT_MS = 4000;

/** What a phone keeps beside its client's state. */
interface Beside {
  calls: CallInfo[];
  logins: string[];
}

export class IlockPhone extends IlockElement {
  protected readonly role_ = "phone";
  private readonly calls = new PhoneCalls();
  private readonly state = h("p", { class: "pill", part: "state", role: "status", tabindex: -1, "data-testid": "state" });
  private readonly soundText = h("span");
  private readonly sound = h("button", { class: "chip", part: "sound", type: "button", "data-testid": "sound", hidden: true, click: () => this.switchSoundOn() }, icon("sound"), this.soundText);
  private readonly logins = new Logins(() => this.words, () => this.update());
  private readonly out = h("button", { class: "link", part: "log-out", type: "button", "data-testid": "log-out", hidden: true, click: () => this.logOut() });
  private readonly personName = h("h2", { class: "name", part: "name" });
  private readonly idleTitle = h("p", { class: "idle-title" });
  private readonly idleHint = h("p");
  private readonly idle = h("div", { class: "idle", part: "idle", tabindex: -1 }, icon("bell"), this.idleTitle, this.idleHint);
  private readonly peer = h("p", { class: "peer", part: "peer" });
  private readonly incoming = h("div", { class: "incoming-list", part: "incoming-list" });
  private readonly cards = new Map<string, IncomingCard>();
  private readonly stage = h("div", { class: "stage", part: "stage" });
  private readonly list = new CallList({
    words: () => this.words,
    language: () => this.language,
    storyHref: () => this.getAttribute("story-href") ?? undefined,
    load: (path) => this.load(path),
    seen: (until) => this.ilockClient?.callsSeen(until),
    counted: (count) => this.counted(count),
  });
  /** Whether the person may look before the answer. */
  private looks = true;
  private readonly controls = callControls({
    words: () => this.words,
    off: () => this.muting.off,
    mute: (tracks) => this.mute(tracks),
    hangUp: () => this.hangUp(),
  });

  /** Answers a call that rings; another one that is under way is ended first. One that was declined here may be answered, too; any
   * other is a problem, and ends nothing. */
  answer(callId: string): void {
    if (this.ilockClient === undefined) return this.notReady(`no call can be answered: ${this.link}`);
    const talking = this.calls.talking;
    // Before the other one ends: nobody looks at a call that is answered already.
    const rang = this.calls.answering(callId);
    if (rang && talking !== undefined) this.ilockClient.hangUp(talking.call_id);
    this.ilockClient.answer(callId);
    this.update();
  }

  /** The person has seen the missed calls that are listed, on all of their phones. */
  markSeen(): void {
    this.list.markSeen();
  }

  /** Logs the person out on this phone: no call rings here until somebody logs in again. */
  logOut(): void {
    if (this.ilockClient === undefined) return this.notReady(`nobody can be logged out: ${this.link}`);
    this.ilockClient.logOut();
  }

  protected override faults(): (Fault | undefined)[] {
    const own = (field: "preview" | "story-href") => faultOf(field, this.getAttribute(field));
    return [...super.faults(), own("preview"), own("story-href")];
  }

  protected build(): Node[] {
    const header = h("header", { class: "header", part: "header" }, this.personName, this.sound, this.back, this.state);
    this.stage.append(this.idle, this.remote, this.local, h("div", { class: "caption" }, this.peer, this.stopwatch.element));
    this.stage.append(this.incoming, this.controls.element);
    const main = h("div", { class: "main" }, header, this.stage, this.error, this.logins.element, this.note, this.out);
    return [h("div", { class: "shell phone", part: "shell" }, main, this.list.element)];
  }

  protected label(): void {
    say(this.personName, foreign(this.getAttribute("name") ?? ""));
    say(this.soundText, this.words.sound);
    say(this.out, this.words.log_out);
    this.logins.label();
    say(this.idleTitle, this.words.idle);
    say(this.idleHint, this.words.idle_hint);
    this.list.label();
    this.setLooks(this.getAttribute("preview") !== "off");
  }

  protected override begun(signal: AbortSignal): void {
    document.addEventListener("visibilitychange", () => this.looked(), { signal });
  }

  protected render(): void {
    const { talking, ringing } = this.calls;
    const first = ringing[0];
    const state: Word = talking ? (this.calls.connected ? "in_call" : "answering") : first && this.link !== "logged_out" ? "ringing" : this.link;
    this.state.dataset["state"] = state;
    this.state.dataset["link"] = this.link;
    say(this.state, this.words[state]);
    show(this.idle, talking === undefined && first === undefined);
    show(this.out, talking === undefined && first === undefined && this.link !== "logged_out" && this.link !== "invalid");
    say(this.peer, foreign(talking?.caller_name ?? ""));
    this.stopwatch.run(this.talks);
    this.controls.render({
      visible: talking !== undefined,
      talking: this.calls.connected && !this.outOfRoom,
      hangUp: this.words.hangup,
      missing: this.missing,
    });
    this.renderCards(ringing, talking !== undefined);
    this.ringer.play(first === undefined ? undefined : talking || first.waiting || this.calls.holdsBack(first.call_id) ? "soft" : "ring");
    this.toggleAttribute("in-call", talking !== undefined);
    this.toggleAttribute("ringing", first !== undefined);
  }

  protected get talks(): boolean {
    return this.calls.connected;
  }

  private renderCards(ringing: CallInfo[], talking: boolean): void {
    for (const [id, card] of this.cards) {
      if (ringing.some(({ call_id }) => call_id === id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    ringing.forEach((call, index) => {
      let card = this.cards.get(call.call_id);
      if (card === undefined) {
        card = new IncomingCard(call, {
          accept: () => this.answer(call.call_id),
          decline: () => this.ilockClient?.decline(call.call_id),
          reject: () => this.ilockClient?.reject(call.call_id),
        });
        this.cards.set(call.call_id, card);
      }
      card.render(this.words, { second: talking || index > 0, talking, looks: this.looks });
      if (card.element.parentNode === null) this.incoming.append(card.element);
    });
  }

  protected places(): HTMLElement[] {
    return [this.controls.hangUp, ...[...this.cards.values()].map(({ first }) => first), this.back, this.idle, this.state];
  }

  protected hangUp(): void {
    const { talking } = this.calls;
    if (talking !== undefined) this.ilockClient?.hangUp(talking.call_id);
  }

  protected reset(): void {
    this.calls.clear();
    this.list.clear();
    this.logins.clear();
  }

  protected happened(event: ClientEvent): void {
    switch (event.type) {
      case "online":
        this.reportStatus();
        void this.list.refresh();
        break;
      case "ring":
        this.untell();
        this.rings(event.call);
        break;
      case "can_preview":
        if (this.calls.talking === undefined && this.calls.ringing[0]?.call_id === event.call_id) this.look(event.call_id);
        break;
      case "stop_ringing":
        this.calls.silent(event.call_id, event.why === "answered_here");
        this.lookAtNext();
        break;
      case "enter_room":
        this.entersRoom(event.call_id);
        break;
      case "call_over":
        this.over(event.call_id, event.why);
        break;
      case "calls_seen":
        void this.list.refresh();
        break;
      case "client_added":
        this.logins.add(event.client_id);
        this.announce("client-added", { clientId: event.client_id });
        break;
      case "logged_out":
        // Whoever logs in next may be somebody else.
        this.list.clear();
        this.logins.clear();
        break;
      case "missed_call":
        this.tellMissed(event.caller_name);
        this.list.refreshSoon();
        break;
      default:
    }
  }

  protected override beside(): Beside {
    return { calls: this.calls.save(), logins: this.logins.save() };
  }

  protected override restored(beside: unknown): void {
    const { calls = [], logins = [] } = (beside ?? {}) as Partial<Beside>;
    this.calls.restore(calls);
    this.logins.restore(logins);
  }

  protected override soundBlocked(blocked: boolean): void {
    this.keepFocus(() => show(this.sound, blocked));
  }

  /** Of the ring tone, and of whoever is looked at. */
  private switchSoundOn(): void {
    void this.ringer.unlock();
    this.hear();
  }

  private rings(call: CallInfo): void {
    this.calls.rings(call);
    if (call.secondary) setTimeout(() => this.calls.holdBackNoMore(call.call_id) && this.update(), SOFT_MS);
    this.announce("ring", { call });
  }

  /** Looks before the answer. */
  private look(callId: string): void {
    if (this.roomless || !this.looks) return;
    this.calls.previewed = callId;
    this.ilockClient?.preview(callId);
  }

  /** Looks at the first call that rings, unless the person talks or looks at it already. It may have waited until now. */
  private lookAtNext(): void {
    const next = this.calls.ringing[0];
    if (next === undefined || this.calls.talking !== undefined || this.calls.previewed === next.call_id) return;
    this.look(next.call_id);
  }

  private setLooks(looks: boolean): void {
    if (looks === this.looks) return;
    this.looks = looks;
    if (looks) return this.lookAtNext();
    this.calls.previewed = undefined;
    this.endLook();
  }

  private entersRoom(callId: string): void {
    const { talking } = this.calls;
    this.calls.entered(callId);
    // One that was declined here ends another one only now: until then it might have been over.
    if (talking !== undefined && talking.call_id !== callId) this.ilockClient?.hangUp(talking.call_id);
    this.announce("call", { callId });
  }

  private over(callId: string, why: Ending): void {
    const call = this.calls.over(callId);
    this.lookAtNext();
    const missed = why === "missed" || why === "cancelled";
    const reason = why === "failed" ? this.failureOf(callId) : undefined;
    if (call !== undefined && missed) this.tellMissed(call.caller_name);
    else if (call !== undefined) this.tell(reason ?? this.words[why]);
    this.announce("over", { callId, why });
    this.list.refreshSoon();
  }

  private tellMissed(callerName: string): void {
    this.tell(`${this.words.missed_from} ${foreign(callerName)}`);
  }

  /** The page is shown or hidden: on another page the person may have seen the missed calls. */
  private looked(): void {
    this.reportStatus();
    if (document.visibilityState === "visible" && this.link === "ready" && this.isConnected) void this.list.refresh();
  }

  private counted(count: number): void {
    if (count > 0) this.setAttribute("unseen", String(count));
    else this.removeAttribute("unseen");
    this.announce("unseen", { count });
  }

  private reportStatus(): void {
    if (this.link !== "ready" || !this.isConnected) return;
    const visible = document.visibilityState === "visible";
    this.ilockClient?.status(visible ? "active" : "background", visible ? PRIORITY.visible : PRIORITY.hidden);
  }

  private async load(path: string): Promise<unknown> {
    // A token would be asked for, of nobody.
    if (this.link === "logged_out") throw new Error(`${path}: nobody is logged in`);
    const answer = await this.tokens.fetch(this.backend + path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return ((await answer.json()) as { data: unknown }).data;
  }
}
