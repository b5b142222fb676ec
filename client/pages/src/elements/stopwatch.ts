// How long a call has lasted, by the page's steady clock: the time of day does not matter.

import { h } from "./dom.js";

export class Stopwatch {
  readonly element = h("p", { class: "time", part: "time", role: "timer", "aria-live": "off", hidden: true });
  private since: number | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  run(running: boolean): void {
    if (running === (this.since !== undefined)) return;
    clearInterval(this.timer);
    this.element.hidden = !running;
    this.since = running ? performance.now() : undefined;
    if (running) {
      this.show();
      this.timer = setInterval(() => this.show(), 500);
    }
  }

  private show(): void {
    const seconds = Math.floor((performance.now() - (this.since ?? 0)) / 1000);
    this.element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
