// Calls between pages: a door in one tab, phones in others.

import assert from "node:assert/strict";
import { test } from "node:test";

import { by, hears, moves, received, sees, sent, silent, state, Tabs, until } from "./browser.mjs";
import { browser, stack } from "./running.mjs";

const RINGS_WITHIN_MS = 1000;

/** Runs `play` with pages of its own, which must report no error but those that are `expected`. */
function scene(name, play, expected) {
  test(name, async () => {
    const tabs = await Tabs.open(browser, stack.http);
    try {
      await play(tabs);
    } catch (error) {
      await tabs.context.close();
      throw error;
    }
    await tabs.close(expected);
  });
}

scene("a bell is pressed; the phone rings within a second, shows who is there, answers, talks and hangs up", async (tabs) => {
  const phone = await tabs.phone("anna", "kitchen");
  const door = await tabs.door("door1", "anna");
  const pressed = performance.now();
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  const rang = performance.now() - pressed;
  assert.ok(rang <= RINGS_WITHIN_MS, `it rang after ${Math.round(rang)} ms`);
  console.log(`a phone rings ${Math.round(rang)} ms after the press`);
  assert.equal(await by(phone, "caller-name").textContent(), "Front door");
  await state(door, "alerted");
  // The look before the answer: frames arrive, and nothing is sent.
  await sees(phone);
  assert.equal(await sent(phone), 0, "the phone sent something before it answered");
  await by(phone, "accept").click();
  await state(phone, "in_call");
  await state(door, "in_call");
  await Promise.all([sees(phone), sees(door)]);
  await Promise.all([hears(phone), hears(door)]);
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  await by(phone, "remote-video").waitFor({ state: "detached" });
  await phone.locator("[data-testid=call-row][data-state=ended]").waitFor();
});

scene("of two phones that answer at once one talks, and the other falls silent", async (tabs) => {
  const [first, second] = [await tabs.phone("ben", "one"), await tabs.phone("ben", "two")];
  const door = await tabs.door("door2", "ben");
  await by(door, "press").click();
  await Promise.all([by(first, "accept").waitFor(), by(second, "accept").waitFor()]);
  // Without the waits of a real click, so that the two are as close as can be. A slow one finds its button gone.
  const click = (page) => by(page, "accept").dispatchEvent("click", {}, { timeout: 2_000 });
  await Promise.any([click(first), click(second)]);
  await state(door, "in_call");
  const states = () => Promise.all([first, second].map((page) => by(page, "state").getAttribute("data-state")));
  await until("one phone talks and the other is ready", async () => (await states()).sort().join() === "in_call,ready");
  await by(door, "hangup").click();
  await Promise.all([state(first, "ready"), state(second, "ready"), state(door, "ready")]);
});

scene("one phone declines and is silent; the other rings on and answers", async (tabs) => {
  const [first, second] = [await tabs.phone("clara", "one"), await tabs.phone("clara", "two")];
  const door = await tabs.door("door3", "clara");
  await by(door, "press").click();
  await by(first, "decline").click();
  await silent(first);
  await by(second, "incoming").waitFor();
  await by(second, "accept").click();
  await Promise.all([state(second, "in_call"), state(door, "in_call")]);
  await Promise.all([sees(second), sees(door)]);
  await by(door, "hangup").click();
  await state(second, "ready");
});

scene("a person rejects; every phone is silent, and the door is told", async (tabs) => {
  const [first, second] = [await tabs.phone("david", "one"), await tabs.phone("david", "two")];
  const door = await tabs.door("door4", "david");
  await by(door, "press").click();
  await by(second, "incoming").waitFor();
  await by(first, "reject").click();
  await Promise.all([silent(first), silent(second), state(door, "ready")]);
});

scene("the caller gives up; the phone is silent and lists a missed call", async (tabs) => {
  const phone = await tabs.phone("emma", "one");
  const door = await tabs.door("door5", "emma");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await by(door, "hangup").click();
  await Promise.all([silent(phone), state(door, "ready")]);
  await phone.locator("[data-testid=call-row][data-state=missed]").waitFor();
});

scene("nobody answers; the call is missed", async (tabs) => {
  const phone = await tabs.phone("frank", "one");
  const door = await tabs.door("door6", "frank", "&ring-seconds=5");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await silent(phone);
  await state(door, "ready");
  await phone.locator("[data-testid=call-row][data-state=missed]").waitFor();
});

/** Somebody presses and gives up. */
async function misses(door, phone) {
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await by(door, "hangup").click();
  await Promise.all([silent(phone), state(door, "ready")]);
}

scene("a missed call is new until the person marks it as seen, on all of their pages", async (tabs) => {
  const phone = await tabs.phone("elsa", "one");
  const door = await tabs.door("door12", "elsa");
  const shows = (page, text) => page.locator("[data-testid=missed-count]:visible", { hasText: text }).waitFor();
  await misses(door, phone);
  await shows(phone, /^1 new missed$/);
  const other = await tabs.page("/phone?user=elsa&client=two&lang=zh");
  await shows(other, /^1 个新未接$/);
  assert.equal(await by(other, "mark-seen").textContent(), "标为已读");
  assert.match(await phone.title(), /^\(1\) elsa/);
  assert.equal(await by(phone, "missed-told").textContent(), "1 new missed call");
  const mark = phone.getByRole("button", { name: "Mark as seen: 1 new missed call" });
  await phone.locator("[data-testid=call-row][data-unseen]").waitFor();

  // By the keyboard alone; the focus does not fall out of the list with the button.
  await mark.focus();
  await phone.keyboard.press("Enter");
  await by(phone, "missed-count").waitFor({ state: "hidden" });
  assert.ok(!(await mark.isVisible()));
  assert.equal(await by(phone, "missed-told").textContent(), "No new missed calls");
  assert.equal(await phone.evaluate(() => document.querySelector("ilock-phone").shadowRoot.activeElement?.textContent.startsWith("Calls")), true);
  assert.match(await phone.title(), /^elsa/);
  assert.equal(await phone.locator("[data-testid=call-row][data-state=missed]").count(), 1);
  assert.equal(await phone.locator("[data-unseen]").count(), 0);
  assert.ok(await by(other, "missed-count").isVisible(), "the other page has not asked again");
  await other.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await by(other, "missed-count").waitFor({ state: "hidden" });

  // The next one is new, and the first one stays seen, also over a reload.
  await misses(door, phone);
  await Promise.all([shows(phone, /^1 new/), shows(other, /^1 个/)]);
  await phone.reload();
  await shows(phone, /^1 new/);
  assert.equal(await phone.locator("[data-unseen]").count(), 1);
  assert.equal(await phone.locator("[data-state=missed]").count(), 2);
  await phone.evaluate(() => document.querySelector("ilock-phone").markSeen());
  await by(phone, "missed-count").waitFor({ state: "hidden" });
});

scene("a second call waits while one talks; answering it ends the first", async (tabs) => {
  const phone = await tabs.phone("greta", "one");
  const [first, second] = [await tabs.door("door7", "greta"), await tabs.door("door8", "greta", "&name=Garden")];
  await by(first, "press").click();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(first, "in_call")]);
  await sees(phone);
  await by(second, "press").click();
  await by(phone, "incoming").waitFor();
  assert.equal(await by(phone, "caller-name").textContent(), "Garden");
  await state(phone, "in_call");
  const before = await received(phone, "video");
  await until("the first call goes on", async () => (await received(phone, "video")) > before);
  await by(phone, "accept").click();
  await Promise.all([state(first, "ready"), state(second, "in_call"), state(phone, "in_call")]);
  await Promise.all([sees(phone), sees(second)]);
  await by(phone, "hangup").click();
  await state(second, "ready");
});

scene("a call that waited is shown before the answer, once the first one is over", async (tabs) => {
  const phone = await tabs.phone("gesa", "one");
  const [first, second] = [await tabs.door("door13", "gesa"), await tabs.door("door14", "gesa", "&name=Garden")];
  await by(first, "press").click();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), sees(phone)]);
  await by(second, "press").click();
  await by(phone, "incoming").waitFor();
  await state(second, "alerted");
  await by(first, "hangup").click();
  await Promise.all([state(first, "ready"), state(phone, "ringing")]);
  await sees(phone);
  assert.equal(await sent(phone), 0, "the phone sent something before it answered");
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(second, "in_call")]);
  await by(phone, "hangup").click();
  await state(second, "ready");
});

scene("a phone that is reloaded while it rings, rings on and shows who is there", async (tabs) => {
  const phone = await tabs.phone("hella", "one");
  const door = await tabs.door("door15", "hella");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await sees(phone);
  await phone.reload();
  await by(phone, "incoming").waitFor();
  await sees(phone);
  assert.equal(await sent(phone), 0, "the phone sent something before it answered");
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  await by(door, "hangup").click();
  await state(phone, "ready");
});

scene("a door that is reloaded while it rings is seen again", async (tabs) => {
  const phone = await tabs.phone("heike", "one");
  const door = await tabs.door("door16", "heike");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await sees(phone);
  await door.reload();
  await door.locator("[part=local-video]").waitFor();
  await moves(phone);
  await sees(phone);
  assert.ok(await by(phone, "incoming").isVisible(), "it does not ring any more");
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  await Promise.all([sees(phone), sees(door)]);
  await by(door, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
});

scene("a phone that is reloaded in a call goes back into it", async (tabs) => {
  const phone = await tabs.phone("hanna", "one");
  const door = await tabs.door("door9", "hanna");
  await by(door, "press").click();
  await by(phone, "accept").click();
  await Promise.all([sees(phone), sees(door)]);
  await phone.reload();
  await state(phone, "in_call");
  await Promise.all([sees(phone), sees(door)]);
  await by(door, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
});

scene("a phone whose clock is ten minutes wrong rings and answers", async (tabs) => {
  const door = await tabs.door("door10", "ida");
  await tabs.context.addInitScript(() => {
    const now = Date.now;
    Date.now = () => now() - 600_000;
  });
  const slow = await tabs.phone("ida", "slow");
  await tabs.context.addInitScript(() => {
    const now = Date.now;
    Date.now = () => now() + 1_200_000;
  });
  const fast = await tabs.phone("ida", "fast");
  await by(door, "press").click();
  await Promise.all([by(slow, "incoming").waitFor(), by(fast, "incoming").waitFor()]);
  await by(fast, "accept").click();
  await Promise.all([sees(fast), silent(slow)]);
  await by(door, "hangup").click();
  await state(fast, "ready");
});

scene("a phone is used in one tab: the earlier one says so, and can be used again", async (tabs) => {
  const first = await tabs.phone("jonas", "one");
  const second = await tabs.phone("jonas", "one");
  await state(first, "taken_over");
  await first.getByRole("button", { name: "Use here" }).click();
  await Promise.all([state(first, "ready"), state(second, "taken_over")]);
});

scene("the backend is killed while it rings, and started again: the phone rings on, and answers", async (tabs) => {
  const phone = await tabs.phone("kurt", "one");
  const door = await tabs.door("door11", "kurt", "&ring-seconds=60");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await state(door, "alerted");
  await stack.kill();
  await phone.locator("[data-testid=state][data-link=offline]").waitFor();
  await stack.up();
  await phone.locator("[data-testid=state][data-link=ready]").waitFor();
  await by(phone, "incoming").waitFor();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  await Promise.all([sees(phone), sees(door)]);
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  // The browser itself reports what it cannot reach.
}, /ERR_CONNECTION|WebSocket connection to|ERR_EMPTY_RESPONSE/);
