// `ilock dev` with a folder of its own, so that it can be started again where it was.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { ILOCK, Stack as Process } from "../foreign-clients/stack.mjs";

/** That of `ilock dev`, which everybody knows. */
const DEV_TRTC_KEY = "ilock-development-trtc-key-known-to-everybody";

export class Stack {
  /** `settings` are environment variables. */
  static async start(settings = {}) {
    const stack = new Stack(await mkdtemp(join(tmpdir(), "ilock-browser-")), settings);
    await stack.up();
    return stack;
  }

  constructor(folder, settings) {
    this.folder = folder;
    // Pages press and register more often than people do.
    this.settings = { LIMIT_PRESSES_A_MINUTE: "off", ...settings };
  }

  get http() {
    return this.process.at.http;
  }

  /** Starts it: after the first time at the same addresses. */
  async up() {
    this.process = await Process.start({ settings: this.settings, data: this.folder, ports: this.process?.at });
  }

  /** An access token as the configured login service would sign it. */
  async token(sub, role) {
    const env = { ...process.env, ...this.settings };
    const { stdout } = await promisify(execFile)(ILOCK, ["token", "--sub", sub, "--role", role], { env });
    return stdout.trim();
  }

  /** A PrivateMapKey for whom `room` is of, with these privileges. */
  async privateMapKey({ room_id, sdk_app_id, user_id }, privileges) {
    const given = [user_id, "--sdk-app-id", sdk_app_id, "--key", DEV_TRTC_KEY, "--room", room_id, "--privileges", privileges];
    const { stdout } = await promisify(execFile)(ILOCK, ["usersig", ...given.map(String)]);
    return stdout.trim();
  }

  /** As by a power cut. */
  async kill() {
    await this.process.kill();
  }

  async stop() {
    await this.process.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
