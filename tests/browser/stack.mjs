// `ilock dev` in a process of its own, on ports that stay the same when it is started again.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ILOCK = process.env.ILOCK_BIN ?? fileURLToPath(new URL("../../target/debug/ilock", import.meta.url));
/** That of `ilock dev`, which everybody knows. */
const DEV_TRTC_KEY = "ilock-development-trtc-key-known-to-everybody";
const START_MS = 30_000;
const NAMES = ["port", "mqtt-port", "ws-port", "mqtts-port", "dynamodb-port"];

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

export class Stack {
  static async start() {
    const ports = await Promise.all(NAMES.map(freePort));
    const stack = new Stack(ports, await mkdtemp(join(tmpdir(), "ilock-browser-")));
    await stack.up();
    return stack;
  }

  constructor(ports, folder) {
    this.ports = ports;
    this.folder = folder;
    this.http = `http://127.0.0.1:${ports[0]}`;
  }

  async up() {
    const ports = NAMES.map((name, index) => `--${name}=${this.ports[index]}`);
    // Pages press and register more often than people do.
    const env = { ...process.env, LIMIT_PRESSES_A_MINUTE: "off" };
    const started = spawn(ILOCK, ["--json", "dev", ...ports, "--data-dir", this.folder], { stdio: ["ignore", "pipe", "pipe"], env });
    let log = "";
    started.stderr.on("data", (text) => (log += text));
    this.process = started;
    const up = once(createInterface(started.stdout), "line");
    const down = once(started, "exit").then(() => assert.fail(`it ended at once: ${log}`));
    down.catch(() => {});
    const late = after(START_MS, undefined, { ref: false }).then(() => assert.fail(`not up in ${START_MS} ms: ${log}`));
    late.catch(() => {});
    await Promise.race([up, down, late]);
  }

  /** A PrivateMapKey for whom `room` is of, with these privileges. */
  async privateMapKey({ room_id, sdk_app_id, user_id }, privileges) {
    const given = [user_id, "--sdk-app-id", sdk_app_id, "--key", DEV_TRTC_KEY, "--room", room_id, "--privileges", privileges];
    const { stdout } = await promisify(execFile)(ILOCK, ["usersig", ...given.map(String)]);
    return stdout.trim();
  }

  /** As by a power cut. */
  async kill() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await ended;
  }

  async stop() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGTERM");
    await ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}
