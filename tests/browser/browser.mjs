// Debian's Chromium, with a camera and a microphone that are made up, and pages whose errors are a test's errors.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const TIMEOUT_MS = 15_000;

/** `camera` is a film (.mjpeg) that the camera shows; else it shows Chromium's own moving picture. */
export function launch({ camera } = {}) {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--use-fake-device-for-media-stream",
      ...(camera === undefined ? [] : [`--use-file-for-fake-video-capture=${camera}`]),
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
      "--allow-loopback-in-peer-connection",
      // A page that a test itself answers for counts as one of the internet, and might reach no backend on this machine.
      "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks",
    ],
  });
}

/** Keeps the page's peer connections, whose figures tests read. */
function watchPeers() {
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given);
      window.peers.push(this);
    }
  };
}

/** Who comes second is answered 409, as when another phone has answered already: the browser reports each such answer. */
const SECOND = /status of 409/;

/** Pages of one person's browser, and what went wrong in them. */
export class Tabs {
  static async open(browser, http, options = {}) {
    const context = await browser.newContext({ permissions: ["camera", "microphone"], locale: "en-GB", ...options });
    context.setDefaultTimeout(TIMEOUT_MS);
    await context.addInitScript(watchPeers);
    return new Tabs(context, http);
  }

  constructor(context, http) {
    this.context = context;
    this.http = http;
    this.errors = [];
  }

  async page(path) {
    const page = await this.context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(`${path}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.errors.push(`${path}: ${error.message}`));
    await page.goto(this.http + path);
    return page;
  }

  /** A phone that is ready to ring. */
  async phone(user, client) {
    const page = await this.page(`/phone?user=${user}&client=${client}`);
    await state(page, "ready");
    return page;
  }

  /** A door that is ready to be pressed. */
  async door(device, callee, more = "") {
    const page = await this.page(`/door?device=${device}&callee=${callee}${more}`);
    await state(page, "ready");
    return page;
  }

  /** Closes all pages; fails if one of them reported an error that is not `expected`. */
  async close(expected) {
    await this.context.close();
    const errors = this.errors.filter((error) => !SECOND.test(error) && !expected?.test(error));
    assert.deepEqual(errors, [], "errors in the pages' consoles");
  }
}

/** Waits until a page says that it is in one of these states. */
export async function state(page, ...states) {
  const any = states.map((state) => `[data-testid=state][data-state=${state}]`).join(", ");
  await page.locator(any).waitFor();
}

export const by = (page, id) => page.getByTestId(id);

/** Waits until the other side's picture moves. */
export async function sees(page) {
  const video = by(page, "remote-video");
  await video.waitFor();
  await until(`${page.url()} sees frames`, () => video.evaluate((shown) => shown.videoWidth > 0 && shown.getVideoPlaybackQuality().totalVideoFrames > 5));
}

/** What the page has received of a kind: frames decoded, or the energy of the sound. */
export function received(page, kind) {
  return page.evaluate(async (wanted) => {
    let sum = 0;
    for (const peer of window.peers.filter(({ signalingState }) => signalingState !== "closed")) {
      for (const report of (await peer.getStats()).values()) {
        if (report.type === "inbound-rtp" && report.kind === wanted) sum += (wanted === "video" ? report.framesDecoded : report.totalAudioEnergy) ?? 0;
      }
    }
    return sum;
  }, kind);
}

/** Waits until frames of the other side arrive: the same ones as before do not count. */
export async function moves(page) {
  const before = await received(page, "video");
  await until(`${page.url()} receives frames`, async () => {
    const now = await received(page, "video");
    // A connection that was made anew counts from nothing.
    return now > 0 && now !== before;
  });
}

/** What has the focus, also inside an element: its test id, else its part, else its text. */
export function focused(page) {
  return page.evaluate(() => {
    let found = document.activeElement;
    while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
    return found?.dataset.testid ?? found?.getAttribute("part") ?? found?.textContent.trim();
  });
}

/** What the page has sent, in packets. */
export function sent(page) {
  return page.evaluate(async () => {
    let sum = 0;
    for (const peer of window.peers) {
      if (peer.signalingState === "closed") continue;
      for (const report of (await peer.getStats()).values()) if (report.type === "outbound-rtp") sum += report.packetsSent;
    }
    return sum;
  });
}

/** Waits until the other side's sound is heard. */
export function hears(page) {
  return until(`${page.url()} hears something`, async () => (await received(page, "audio")) > 0);
}

export async function until(what, holds) {
  const end = performance.now() + TIMEOUT_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `not in ${TIMEOUT_MS} ms: ${what}`);
    await new Promise((later) => setTimeout(later, 100));
  }
}

/** axe-core's serious findings. */
export async function findings(page) {
  const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(await readFile(axe, "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}

/** Waits until the phone shows nothing that rings. */
export async function silent(page) {
  await by(page, "incoming").waitFor({ state: "detached" });
}
