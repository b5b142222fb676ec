// The core, which is WebAssembly: JSON in, JSON out.

import type { Config, Input, Output } from "./types.js";
import { WASM } from "./wasm.js";

interface Exports {
  memory: WebAssembly.Memory;
  ilock_alloc(len: number): number;
  ilock_free(start: number, len: number): void;
  ilock_call(start: number, len: number): bigint;
}

const SEED_BYTES = 32;

let loaded: Promise<Exports> | undefined;

async function load(): Promise<Exports> {
  const packed = Uint8Array.from(atob(WASM), (c) => c.charCodeAt(0));
  const bytes = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { instance } = await WebAssembly.instantiate(await new Response(bytes).arrayBuffer());
  return instance.exports as unknown as Exports;
}

function seed(): number[] {
  return [...crypto.getRandomValues(new Uint8Array(SEED_BYTES))];
}

/** A text without halves of characters, such as a cut through an emoji leaves: the core reads none. */
function wellFormed(_name: string, value: unknown): unknown {
  return typeof value === "string" ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(value)) : value;
}

/** The rules of a client. They know no network and no clock: whoever drives them tells them what happens, and when. */
export class Core {
  private constructor(
    private readonly exports: Exports,
    private readonly client: number,
  ) {}

  /** When to hand in a tick at the latest, on the clock that `handle` is given. */
  wakeAt: number | undefined;
  /** The client's name, by which messages and answers call it. */
  clientId: string | undefined;
  /** Whether something that was done here is still to reach the backend. */
  isActing = false;

  /** Begins, or goes on from what `save` gave. */
  static async create(config: Config, saved?: string, random: number[] = seed()): Promise<Core> {
    const exports = await (loaded ??= load());
    const op = saved === undefined ? { op: "new" } : { op: "restore", saved };
    const { client } = Core.call(exports, { ...op, config, seed: random }) as { client: number };
    return new Core(exports, client);
  }

  /** Takes an input; what is to be done, in this order. `now` is the milliseconds of a steady clock. */
  handle(now: number, input: Input): Output[] {
    const call = { op: "handle", client: this.client, now: Math.floor(now), input };
    const { done } = Core.call(this.exports, call) as {
      done: { outputs: Output[]; wake_at: number | null; client_id: string | null; acting: boolean };
    };
    this.wakeAt = done.wake_at ?? undefined;
    this.clientId = done.client_id ?? undefined;
    this.isActing = done.acting;
    return done.outputs;
  }

  /** All that must outlive the page, as text. It contains secrets. */
  save(): string {
    return (Core.call(this.exports, { op: "save", client: this.client }) as { saved: string }).saved;
  }

  drop(): void {
    Core.call(this.exports, { op: "drop", client: this.client });
  }

  private static call(exports: Exports, call: unknown): object {
    const bytes = new TextEncoder().encode(JSON.stringify(call, wellFormed));
    const start = exports.ilock_alloc(bytes.length);
    new Uint8Array(exports.memory.buffer, start, bytes.length).set(bytes);
    const place = BigInt.asUintN(64, exports.ilock_call(start, bytes.length));
    const [from, length] = [Number(place >> 32n), Number(place & 0xffff_ffffn)];
    const text = new TextDecoder().decode(new Uint8Array(exports.memory.buffer, from, length));
    exports.ilock_free(from, length);
    const answer = JSON.parse(text) as { error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }
}
