// Runs the cases of client/conformance on the core as WebAssembly, in Node and in a page.

import { Core } from "../dist/index.js";
import { Bindings, filled } from "./matching.mjs";

/** More ticks than any case needs. */
const TICKS = 10_000;
/** The steady clock after a restart. */
const RESTARTED_AT = 5_000_000;

const seed = (byte) => Array(32).fill(byte);

class Run {
  now = 0;
  bindings = new Bindings();

  constructor(config, core) {
    this.config = config;
    this.core = core;
  }

  handle(input) {
    return this.core.handle(this.now, input);
  }

  /** Lets time pass, with every tick that the client asks for. */
  pass(ms) {
    const end = this.now + ms;
    const outputs = [];
    for (let n = 0; n < TICKS; n++) {
      const at = this.core.wakeAt;
      if (ms === 0 || at === undefined || at > end) {
        this.now = end;
        return outputs;
      }
      this.now = Math.max(this.now, at);
      outputs.push(...this.handle({ type: "tick" }));
    }
    throw new Error(`it asked for more than ${TICKS} ticks`);
  }

  async step({ after = 0, input, wake, quiet, allow = [], restart = false, expect = [] }) {
    if (quiet !== undefined) {
      return this.bindings.expect([], this.pass(quiet).filter(({ type }) => !allow.includes(type)));
    }
    if (restart) {
      const saved = this.core.save();
      this.core.drop();
      this.core = await Core.create(this.config, saved, seed(9));
      this.now = RESTARTED_AT;
      return;
    }
    if (wake !== undefined) {
      const wait = Math.max((this.core.wakeAt ?? Infinity) - this.now, 0);
      if (wait < wake[0] || wait > wake[1]) throw new Error(`it wants to be woken after ${wait} ms, not after ${wake}`);
      this.now += wait;
      return this.bindings.expect(expect, this.handle({ type: "tick" }));
    }
    const outputs = this.pass(after);
    outputs.push(...this.handle(filled(input, this.bindings)));
    this.bindings.expect(expect, outputs);
  }
}

async function holds({ config, given: name, steps }, given) {
  const run = new Run(config, await Core.create(config, undefined, seed(7)));
  const before = name === undefined ? [] : given[name];
  for (const [index, step] of [...before, ...steps].entries()) {
    try {
      await run.step(step);
    } catch (error) {
      const number = index + 1 - before.length;
      throw new Error(`${number > 0 ? `step ${number}` : "before"}: ${error.message}`);
    }
  }
  run.core.drop();
}

/** Runs all of `files`, each a name and its cases; how many hold of how many, and what is wrong with the others. */
export async function runAll(given, files) {
  let [all, held] = [0, 0];
  const failures = [];
  for (const [file, scenes] of files) {
    for (const scene of scenes) {
      all += 1;
      try {
        await holds(scene, given);
        held += 1;
      } catch (error) {
        failures.push(`${file}: ${scene.name}\n  ${error.message}`);
      }
    }
  }
  return { all, held, failures };
}
