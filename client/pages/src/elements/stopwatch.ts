// How long a call has lasted since it was answered.

import { h } from "./dom.js";

export class Stopwatch {
  readonly element = h("p", { class: "time", part: "time", role: "timer", "aria-live": "off", hidden: true });
  /** When the call was answered, by the page's steady clock. */
  private start: number | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  /** Counts from the answer, which was so long ago; none where the client does not know that, or nobody has answered yet. */
  answered(msAgo = 0): void {
    this.start = performance.now() - msAgo;
  }

  /** Whether somebody talks, and the time is shown: before the client has said when they began, it is not. */
  run(talks: boolean): void {
    const runs = talks && this.start !== undefined;
    if (runs) this.show();
    this.element.hidden = !runs;
    if (runs === (this.timer !== undefined)) return;
    clearInterval(this.timer);
    this.timer = runs ? setInterval(() => this.show(), 500) : undefined;
  }

  private show(): void {
    const seconds = Math.floor((performance.now() - (this.start ?? 0)) / 1000);
    this.element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
