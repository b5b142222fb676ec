// The client under test: a program that is told what to do, and tells what happens.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** How long anything may take that is not measured. */
export const PATIENCE_MS = 10_000;

export class App {
  told = [];
  /** What was heard already is passed over. */
  heard = 0;
  waiting = new Set();

  constructor(command, environment) {
    const [program, ...rest] = command;
    this.process = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...environment } });
    this.ended = once(this.process, "exit");
    this.process.stdin.on("error", () => {});
    createInterface(this.process.stdout).on("line", (line) => {
      let event;
      try {
        event = JSON.parse(line);
      } catch {
        return;
      }
      this.told.push({ ...event, at: performance.now() });
      this.waiting.forEach((look) => look());
    });
  }

  does(verb, fields = {}) {
    this.process.stdin.write(`${JSON.stringify({ do: verb, ...fields })}\n`);
  }

  /** The next event of this name with these fields; those before it are skipped. */
  async tells(name, fields = {}, within = PATIENCE_MS) {
    const end = performance.now() + within;
    const fits = (event) => event.event === name && Object.entries(fields).every(([field, value]) => event[field] === value);
    for (;;) {
      const index = this.told.findIndex((event, at) => at >= this.heard && fits(event));
      if (index >= 0) {
        this.heard = index + 1;
        return this.told[index];
      }
      const left = end - performance.now();
      if (left <= 0) {
        const shown = this.told.slice(this.heard).map(({ at, ...event }) => JSON.stringify(event)).join(" ");
        throw new Error(`no ${name} ${JSON.stringify(fields)} within ${within} ms; there was: ${shown || "nothing"}`);
      }
      await new Promise((resolve) => {
        const done = () => {
          this.waiting.delete(done);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.waiting.add(done);
      });
    }
  }

  /** The first event of this name with these fields, told already or yet to come. */
  async hasTold(name, fields = {}, within = PATIENCE_MS) {
    const before = this.heard;
    this.heard = 0;
    const event = await this.tells(name, fields, within);
    this.heard = Math.max(before, this.heard);
    return event;
  }

  /** That this was not told, of all that was not heard yet. */
  hasNot(name, fields = {}) {
    const fits = (event) => event.event === name && Object.entries(fields).every(([field, value]) => event[field] === value);
    const found = this.told.slice(this.heard).find(fits);
    if (found) throw new Error(`it told ${JSON.stringify(found)}`);
  }

  async kill(signal = "SIGKILL") {
    this.process.kill(signal);
    await this.ended;
  }

  async close() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.stdin.end();
    const timer = setTimeout(() => this.process.kill("SIGKILL"), 3_000);
    await this.ended;
    clearTimeout(timer);
  }
}
