// <ilock-door>: a door station's panel. See docs/apps.md for its attributes, events and parts.

import type { Ending, Event as ClientEvent, Progress } from "@ilock/client";

import { callControls } from "./controls.js";
import { Stopwatch } from "./stopwatch.js";
import { h, say, show } from "./dom.js";
import { IlockElement } from "./element.js";
import { icon } from "./icons.js";
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
  private readonly state = h("p", { class: "state", part: "state", role: "status", "data-testid": "state" });
  private readonly press = h("button", { class: "bell", part: "press", type: "button", "data-testid": "press", click: () => this.ring() }, icon("bell"));
  private readonly plate = h("div", { class: "plate", part: "plate" });
  private readonly stopwatch = new Stopwatch();
  private readonly controls = callControls({
    words: () => this.words,
    mute: (tracks) => void this.media?.mute(tracks),
    hangUp: () => this.call && this.client?.hangUp(this.call.name),
  });

  /** Presses the button. */
  ring(): void {
    const callees = (this.getAttribute("callee") ?? "").split(",").map((id) => id.trim()).filter(Boolean);
    const seconds = Number(this.getAttribute("ring-seconds") ?? 30);
    const callerInfo = { name: this.label, ...(this.place && { location: this.place }) };
    void this.ringer.unlock();
    this.client?.press(callees, { callerInfo, ringSeconds: seconds });
  }

  private get label(): string {
    return this.getAttribute("name") ?? this.words.press;
  }

  private get place(): string | undefined {
    return this.getAttribute("location") ?? undefined;
  }

  protected build(): Node[] {
    this.press.append(h("span", { class: "sr" }, this.words.press));
    this.plate.append(
      h("p", { class: "plate-name", part: "name" }, this.label),
      h("p", { class: "plate-place" }, this.place ?? ""),
    );
    this.remote.append(this.plate);
    const stage = h("div", { class: "stage", part: "stage" }, this.remote, this.local, this.stopwatch.element);
    return [h("div", { class: "shell door", part: "shell" }, stage, this.state, this.back, this.press, this.controls.element, this.note)];
  }

  protected render(): void {
    const talking = this.call?.progress === "accepted";
    const state = this.call === undefined ? this.link : PROGRESS[this.call.progress];
    this.state.dataset["state"] = talking ? "in_call" : (this.call?.progress ?? this.link);
    say(this.state, this.words[state]);
    show(this.press, this.call === undefined);
    this.press.disabled = this.call === undefined && this.link !== "ready" && this.link !== "offline";
    this.controls.render({ visible: this.call !== undefined, talking: talking && !this.roomless, hangUp: talking ? this.words.hangup : this.words.cancel });
    this.stopwatch.run(talking);
    show(this.plate, !talking);
    this.toggleAttribute("in-call", talking);
    const waits = this.call !== undefined && ["ringing", "alerted"].includes(this.call.progress);
    this.ringer.play(waits ? "ringback" : undefined);
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
        if (own || event.why !== "gone") this.tell(this.words[over(event.why)]);
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
