// How long a call has lasted since it was answered. The time of day is read only to go on after a reload: both readings are of the same
// machine, so it may be wrong.

import { h } from "./dom.js";

/** Since when which call lasts, by the time of day of this machine. */
export interface Timing {
  of: string;
  since: number;
}

export class Stopwatch {
  readonly element = h("p", { class: "time", part: "time", role: "timer", "aria-live": "off", hidden: true });
  /** What is to be kept over a reload. */
  timing: Timing | undefined;
  /** Of the call that is counted now: when it was answered, by the page's steady clock. */
  private running: { of: string; start: number } | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  /** Counts for this call, which has just been answered, or was before the reload; for none it stops. */
  run(call: string | undefined): void {
    if (call === this.running?.of) return;
    clearInterval(this.timer);
    this.element.hidden = call === undefined;
    this.running = undefined;
    if (call === undefined) return;
    if (this.timing?.of !== call) this.timing = { of: call, since: Date.now() };
    this.running = { of: call, start: performance.now() - Math.max(Date.now() - this.timing.since, 0) };
    this.show();
    this.timer = setInterval(() => this.show(), 500);
  }

  private show(): void {
    const seconds = Math.floor((performance.now() - (this.running?.start ?? 0)) / 1000);
    this.element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
