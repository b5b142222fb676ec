// <ilock-door>: a door station's panel. See docs/pages.md for its attributes, events and parts.

import type { Ending, Event as ClientEvent, Progress } from "@ilock/client";

import { callControls } from "./controls.js";
import { h, say, show } from "./dom.js";
import { IlockElement } from "./element.js";
import { foreign } from "./foreign.js";
import { icon } from "./icons.js";
import { type Fault, faultOf, idsOf } from "./rules.js";
import type { Word } from "./words.js";

const PROGRESS: Record<Progress, Word> = {
  placing: "placing",
  placed: "placed",
  ringing: "sent",
  alerted: "alerted",
  unreachable: "unreachable",
  accepted: "in_call",
};

interface DoorCall {
  /** The call's id, or until it has one the press. */
  name: string;
  progress: Progress;
}

export class IlockDoor extends IlockElement {
  protected readonly role_ = "door";
  private call: DoorCall | undefined;
  private readonly state = h("p", { class: "state", part: "state", role: "status", tabindex: -1, "data-testid": "state" });
  private readonly pressText = h("span", { class: "sr" });
  private readonly press = h("button", { class: "bell", part: "press", type: "button", "data-testid": "press", click: () => this.ring() }, icon("bell"), this.pressText);
  private readonly plateName = h("p", { class: "plate-name", part: "name" });
  private readonly platePlace = h("p", { class: "plate-place" });
  private readonly plate = h("div", { class: "plate", part: "plate" }, this.plateName, this.platePlace);
  private readonly controls = callControls({
    words: () => this.words,
    off: () => this.muting.off,
    mute: (tracks) => this.mute(tracks),
    hangUp: () => this.hangUp(),
  });

  /** Presses the button. Where it cannot be pressed, `ilock-problem` says so. */
  ring(): void {
    // An attribute may have been set in the same turn.
    this.check();
    if (!this.canPress()) {
      this.notReady(`the bell cannot be pressed: ${this.faulty ? "an attribute is wrong" : this.call ? "a call is under way" : this.link}`);
      return this.update();
    }
    const [name, location] = [this.getAttribute("name"), this.getAttribute("location")];
    const callerInfo = { ...(name && { name }), ...(location && { location }) };
    const ringSeconds = Number(this.getAttribute("ring-seconds") ?? 30);
    void this.ringer.unlock();
    this.ilockClient?.press(idsOf(this.getAttribute("callee") ?? ""), { callerInfo, ringSeconds });
  }

  protected override faults(): (Fault | undefined)[] {
    const own = (field: "location" | "ring-seconds") => faultOf(field, this.getAttribute(field));
    return [...super.faults(), faultOf("callee", this.getAttribute("callee"), true), own("location"), own("ring-seconds")];
  }

  protected build(): Node[] {
    this.remote.append(this.plate);
    const stage = h("div", { class: "stage", part: "stage" }, this.remote, this.local, this.stopwatch.element);
    return [h("div", { class: "shell door", part: "shell" }, stage, this.state, this.back, this.press, this.controls.element, this.error, this.note)];
  }

  protected label(): void {
    say(this.pressText, this.words.press);
    say(this.plateName, foreign(this.getAttribute("name") || this.words.press));
    say(this.platePlace, foreign(this.getAttribute("location") ?? ""));
  }

  protected render(): void {
    const talking = this.talks;
    const state = this.call === undefined ? this.link : PROGRESS[this.call.progress];
    this.state.dataset["state"] = talking ? "in_call" : (this.call?.progress ?? this.link);
    say(this.state, this.words[state]);
    show(this.press, this.call === undefined);
    this.press.disabled = !this.canPress();
    this.controls.render({
      visible: this.call !== undefined,
      talking: talking && !this.outOfRoom,
      hangUp: talking ? this.words.hangup : this.words.cancel,
      missing: this.missing,
    });
    this.stopwatch.run(talking);
    show(this.plate, !talking);
    this.toggleAttribute("in-call", talking);
    const waits = this.call !== undefined && ["ringing", "alerted"].includes(this.call.progress);
    this.ringer.play(waits ? "ringback" : undefined);
  }

  protected get talks(): boolean {
    return this.call?.progress === "accepted";
  }

  private canPress(): boolean {
    return this.call === undefined && !this.faulty && (this.link === "ready" || this.link === "offline");
  }

  protected places(): HTMLElement[] {
    return [this.controls.hangUp, this.press, this.back, this.state];
  }

  protected hangUp(): void {
    if (this.call !== undefined) this.ilockClient?.hangUp(this.call.name);
  }

  protected reset(): void {
    this.call = undefined;
  }

  protected override beside(): unknown {
    return this.call;
  }

  protected override restored(beside: unknown): void {
    this.call = beside as DoorCall | undefined;
  }

  protected happened(event: ClientEvent): void {
    switch (event.type) {
      case "progress":
        this.call = { name: event.call_id ?? event.press, progress: event.progress };
        if (event.progress === "placing") this.untell();
        if (event.progress === "placed") this.announce("call", { callId: event.call_id });
        break;
      case "call_over": {
        const own = this.call?.name === event.call_id;
        this.call = undefined;
        const reason = event.why === "failed" ? this.failureOf(event.call_id) : undefined;
        if (own || event.why !== "gone") this.tell(reason ?? this.words[over(event.why)]);
        this.announce("over", { callId: event.call_id, why: event.why });
        break;
      }
      default:
    }
  }
}

/** What a caller is told. */
function over(why: Ending): Word {
  return why === "cancelled" ? "cancelled_here" : why === "logged_out" ? "logged_out" : why;
}
