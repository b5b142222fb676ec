// The pages of `ilock dev` with a TRTC application of one's own. A double stands in for trtc-sdk-v5, which is not checked in.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { by, launch, state, Tabs, until } from "./browser.mjs";
import { Stack } from "./stack.mjs";

/** A script that leaves `TRTC` behind, as trtc.js of the package does. It writes down which rooms were entered, and who listens in the
 * last one. */
const SDK = `
window.entered = [];
window.listeners = {};
window.TRTC = {
  EVENT: { REMOTE_VIDEO_AVAILABLE: "video", REMOTE_USER_ENTER: "enter", REMOTE_USER_EXIT: "exit", KICKED_OUT: "out" },
  create: () => ({
    on: (event, listener) => void (window.listeners[event] = listener),
    destroy() {},
    enterRoom: async (options) => void window.entered.push(options),
    exitRoom: async () => {},
    startLocalAudio: async () => {},
    stopLocalAudio: async () => {},
    startLocalVideo: async () => {},
    stopLocalVideo: async () => {},
  }),
};`;
const OWN = { TRTC_SDK_APP_ID: "1400000002", TRTC_SECRET_KEY: "a key of the operator's own" };

let folder;
let browser;

before(async () => {
  [folder, browser] = await Promise.all([mkdtemp(join(tmpdir(), "ilock-trtc-")), launch()]);
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A door rings a phone, which answers. */
async function call(tabs) {
  const [phone, door] = [await tabs.phone("anna", "one"), await tabs.door("door1", "anna")];
  await by(door, "press").click();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  return { phone, door };
}

test("door and phone enter Tencent's room with the operator's copy of the SDK, and may connect to Tencent", async () => {
  const file = join(folder, "trtc.js");
  await writeFile(file, SDK);
  const stack = await Stack.start({ ...OWN, ILOCK_TRTC_SDK: file });
  try {
    const policy = (await fetch(`${stack.http}/phone?user=anna`)).headers.get("content-security-policy");
    assert.match(policy, /connect-src 'self' ws:\/\/127\.0\.0\.1:\d+ https:\/\/yun\.tim\.qq\.com wss:\/\/yun\.tim\.qq\.com [^;]*;/);
    const tabs = await Tabs.open(browser, stack.http);
    const { phone, door } = await call(tabs);
    const inside = async (page) => {
      await until("a room was entered", () => page.evaluate(() => window.entered?.length > 0));
      return (await page.evaluate(() => window.entered)).at(-1);
    };
    const rooms = await Promise.all([phone, door].map(inside));
    assert.deepEqual(rooms.map(({ sdkAppId }) => sdkAppId), [1400000002, 1400000002]);
    assert.equal(rooms[0].roomId, rooms[1].roomId);
    assert.ok(rooms.every(({ userSig, privateMapKey }) => userSig && privateMapKey));

    // The other side is gone, and comes back.
    const apart = by(door, "error").filter({ hasText: /^The connection to the other side is interrupted\.$/ });
    const other = (event) => door.evaluate((event) => window.listeners[event]({ userId: "anna_0" }), event);
    await other("enter");
    await other("exit");
    await apart.waitFor();
    await other("enter");
    await by(door, "error").waitFor({ state: "hidden" });

    // The backend dismisses the rooms of calls that are over: nobody has to know. Whoever is put out is told why, and has nothing to mute.
    const putOut = (reason) => door.evaluate((reason) => window.listeners.out({ reason }), reason);
    const microphone = door.getByRole("button", { name: /^Microphone/ });
    await putOut("room-disband");
    assert.ok(!(await by(door, "error").isVisible()));
    assert.ok(await microphone.isVisible());
    for (const [reason, text] of [["banned", "Put out of the room."], ["kick", "Put out of the room: somebody entered under the same name."]]) {
      await putOut(reason);
      assert.equal(await by(door, "error").textContent(), text);
      assert.ok(!(await microphone.isVisible()));
    }
    await by(door, "hangup").click();
    await Promise.all([state(phone, "ready"), state(door, "ready")]);
    assert.ok(!(await by(door, "error").isVisible()));
    await tabs.close();
  } finally {
    await stack.stop();
  }
});

/** One whose person has not answered yet whether the page may use the camera. It writes down what it is asked. */
const PROMPTS = SDK.replace(/(\w+): async \(\) => \{\}/g, "$1: async () => void window.asked.push('$1')")
  .replace(/startLocalVideo: async .*,/, "startLocalVideo: () => new Promise(() => undefined),")
  .replace("destroy() {}", "destroy() {}, updateLocalAudio: async ({ mute }) => void window.asked.push(mute ? 'mute' : 'unmute')")
  .replace("window.entered = [];", "window.entered = []; window.asked = [];");

test("while the browser asks for the camera, mute and hang up have an effect, also by taking the element out, and the next call is in its own room", async () => {
  const file = join(folder, "prompts.js");
  await writeFile(file, PROMPTS);
  const stack = await Stack.start({ ...OWN, ILOCK_TRTC_SDK: file });
  try {
    const tabs = await Tabs.open(browser, stack.http);
    const { phone, door } = await call(tabs);
    const asked = (page) => page.evaluate(() => asked.splice(0));
    await until("the microphone is open", () => phone.evaluate(() => window.asked?.includes("startLocalAudio")));
    await asked(phone);
    await by(phone, "mute-microphone").click();
    assert.deepEqual(await asked(phone), ["mute"]);
    await by(phone, "hangup").click();
    await Promise.all([state(phone, "ready"), state(door, "ready")]);
    assert.deepEqual(await asked(phone), ["stopLocalVideo", "stopLocalAudio", "exitRoom"]);

    await by(door, "press").click();
    await by(phone, "accept").click();
    await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
    await until("the microphone is open", () => phone.evaluate(() => window.asked.includes("startLocalAudio")));
    const rooms = await phone.evaluate(() => entered.map(({ roomId }) => roomId));
    assert.notEqual(rooms.at(-1), rooms[0]);
    await asked(phone);
    await phone.evaluate(() => document.querySelector("ilock-phone").remove());
    await until("the room is left", () => phone.evaluate(() => window.asked.includes("exitRoom")));
    assert.deepEqual(await asked(phone), ["stopLocalVideo", "stopLocalAudio", "exitRoom"]);
    await by(door, "hangup").click();
    await state(door, "ready");
    await tabs.close();
  } finally {
    await stack.stop();
  }
});

test("without the SDK's file calls are answered, and the pages and the server say what is missing", async () => {
  const stack = await Stack.start(OWN);
  try {
    const answer = await fetch(`${stack.http}/pages/trtc.esm.js`);
    assert.deepEqual([answer.status, /--trtc-sdk/.test(await answer.text())], [404, true]);
    const tabs = await Tabs.open(browser, stack.http);
    const { phone, door } = await call(tabs);
    const missing = "TRTC's SDK cannot be loaded from /pages/trtc.esm.js";
    const both = [phone, door];
    for (const page of both) await by(page, "error").filter({ hasText: missing }).waitFor();
    // Longer than a text stays that does not last.
    await door.waitForTimeout(9_000);
    for (const page of both) {
      assert.ok(await by(page, "error").filter({ hasText: missing }).isVisible(), page.url());
      assert.equal(await page.getByRole("button", { name: /^(Microphone|Camera)/ }).count(), 0, page.url());
    }
    await by(phone, "hangup").click();
    await Promise.all(both.map((page) => state(page, "ready")));
    for (const page of both) assert.ok(!(await by(page, "error").isVisible()), page.url());
    await tabs.close(/status of 404/);
  } finally {
    await stack.stop();
  }
});
