// `ilock dev` in a process of its own, and the parties that send it HTTP requests.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const ILOCK = process.env.ILOCK_BIN ?? fileURLToPath(new URL("../../target/debug/ilock", import.meta.url));

const START_MS = 20_000;
// The promise is two seconds; a busy machine gets more.
const STOP_MS = 6_000;

const ANY_PORT = ["port", "mqtt-port", "ws-port", "mqtts-port", "dynamodb-port"].map((name) => `--${name}=0`);

// Whatever fails, none stays behind.
const running = new Set();
process.on("exit", () => running.forEach((stack) => stack.kill("SIGKILL")));

export const CALLER_INFO = { name: "前门设备", location: "小区大门" };

/** Where to listen: anywhere, or where another one did. */
function listening(at) {
  if (at === undefined) return ANY_PORT;
  const port = (address) => new URL(address).port;
  const [http, mqtt, ws, mqtts] = [at.http, at.mqtt, at.ws, at.mqtts].map(port);
  return [`--port=${http}`, `--mqtt-port=${mqtt}`, `--ws-port=${ws}`, `--mqtts-port=${mqtts}`, "--dynamodb-port=0"];
}

export class Stack {
  /** `settings` are environment variables; `data` is a folder that outlives it, `ports` the addresses of one before. */
  static async start({ settings = {}, data, ports } = {}) {
    const kept = data === undefined ? [] : [`--data-dir=${data}`];
    const process = spawn(ILOCK, ["--json", "dev", ...listening(ports), ...kept], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...globalThis.process.env, ...settings },
    });
    running.add(process);
    process.on("exit", () => running.delete(process));
    let log = "";
    process.stderr.on("data", (text) => (log += text));
    const up = once(createInterface(process.stdout), "line").then(([line]) => JSON.parse(line));
    const down = once(process, "exit").then(() => assert.fail(`it ended at once: ${log}`));
    // Unused once the stack is up.
    down.catch(() => {});
    const late = after(START_MS, undefined, { ref: false }).then(() => assert.fail(`not up in ${START_MS} ms: ${log}`));
    late.catch(() => {});
    return new Stack(process, await Promise.race([up, down, late]));
  }

  constructor(process, at) {
    this.process = process;
    this.at = at;
  }

  /** Ends at once, as in a power cut. */
  async kill() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await ended;
  }

  /** Stops as under an operator's SIGTERM. Connected clients must not delay it. */
  async stop() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGTERM");
    const late = after(STOP_MS, ["late"], { ref: false });
    const [code] = await Promise.race([ended, late]);
    if (code === "late") this.process.kill("SIGKILL");
    assert.equal(code, 0, "soon after SIGTERM, with exit code 0");
  }

  user(id) {
    return Party.withToken(this, id, "user");
  }

  doorStation(id) {
    return Party.withToken(this, id, "device");
  }
}

/** A party with an access token. */
export class Party {
  static async withToken(stack, id, role) {
    const { stdout } = await promisify(execFile)(ILOCK, ["token", "--sub", id, "--role", role]);
    return new Party(stack.at.http, id, stdout.trim());
  }

  constructor(http, id, token) {
    this.http = http;
    this.id = id;
    this.token = token;
  }

  /** The answer's data; fails unless it is a success. */
  async asks(method, path, body) {
    const answer = await fetch(this.http + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const { code, message, data } = await answer.json();
    assert.deepEqual([answer.status, code], [200, 0], message);
    return data;
  }

  /** Registers the client `{id}_{name}`. */
  registers(name) {
    const body = { user_id: this.id, device_type: "mobile", client_id: `${this.id}_${name}`, platform: "web" };
    return this.asks("POST", "/api/mqtt/clients/register", body);
  }

  logsOut(clientId) {
    return this.asks("DELETE", `/api/mqtt/clients/${clientId}`);
  }

  /** Places a call. */
  rings(callee, seconds = 30) {
    return this.asks("POST", "/api/calls", { callee_id: callee, ring_seconds: seconds, caller_info: CALLER_INFO });
  }

  asCallee(call, action, clientId, reason) {
    const body = { call_id: call.call_id, action, client_id: clientId, reason };
    return this.asks("POST", "/api/calls/callee-action", body);
  }

  asCaller(call, action, reason) {
    return this.asks("POST", "/api/calls/caller-action", { call_id: call.call_id, action, reason });
  }
}
