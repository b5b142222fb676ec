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
  await sees(first);
  await by(first, "decline").click();
  await silent(first);
  // Nobody listens in there any more.
  await by(first, "remote-video").waitFor({ state: "detached" });
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

scene("where the room cannot be reached, the caller gives up and the phone goes on saying that the call was missed", async (tabs) => {
  const away = await Tabs.open(browser, stack.http);
  await away.context.routeWebSocket(/\/dev\/room$/, (socket) => socket.close());
  const phone = await away.phone("erna", "one");
  await phone.evaluate(() => {
    window.problems = [];
    document.addEventListener("ilock-problem", ({ detail }) => problems.push(detail.code));
  });
  const door = await tabs.door("door5b", "erna");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await state(door, "alerted");
  await by(door, "hangup").click();
  await Promise.all([silent(phone), state(door, "ready")]);
  // As long as a failure of the look took to come.
  await phone.waitForTimeout(3000);
  assert.equal(await phone.locator("[part=note]").textContent(), "Missed call from Front door");
  assert.deepEqual(await phone.evaluate(() => problems), []);
  await away.close();
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
  // What happened is told in the same language.
  assert.match(await other.locator("[part=call-row] a").getAttribute("href"), /^\/story\/call_[^?]+\?lang=zh$/);
  assert.match(await phone.locator("[part=call-row] a").getAttribute("href"), /^\/story\/call_[^?]+$/);
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

scene("answering a call that there is not is a problem and ends nothing; one that was declined here can be answered", async (tabs) => {
  const phone = await tabs.phone("gudrun", "one");
  // It rings on when the first one declines.
  await tabs.phone("gudrun", "two");
  const [first, second] = [await tabs.door("door17", "gudrun"), await tabs.door("door18", "gudrun")];
  await by(first, "press").click();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(first, "in_call")]);
  const answer = (callId) => phone.evaluate((callId) => document.querySelector("ilock-phone").answer(callId), callId);
  await phone.evaluate(() => {
    window.problems = [];
    document.addEventListener("ilock-problem", ({ detail }) => problems.push(detail.code));
  });
  await answer("call_x");
  await until("there is a problem", () => phone.evaluate(() => problems.length > 0));
  assert.deepEqual(await phone.evaluate(() => problems), [3]);
  // As long as hanging up would take.
  await phone.waitForTimeout(1000);
  await Promise.all([state(phone, "in_call"), state(first, "in_call")]);

  await by(second, "press").click();
  const waiting = await by(phone, "incoming").getAttribute("data-call");
  await by(phone, "decline").click();
  await silent(phone);
  await Promise.all([state(phone, "in_call"), state(first, "in_call")]);
  await answer(waiting);
  await Promise.all([state(first, "ready"), state(second, "in_call"), state(phone, "in_call")]);
  await Promise.all([sees(phone), sees(second)]);
  await by(phone, "hangup").click();
  await Promise.all([state(second, "ready"), state(phone, "ready")]);
});

scene("a list of calls that cannot be read says so, and is read once more by itself", async (tabs) => {
  const phone = await tabs.phone("gerda", "one");
  const door = await tabs.door("door19", "gerda");
  await misses(door, phone);
  const row = (page) => page.locator("[data-testid=call-row][data-state=missed]");
  await row(phone).waitFor();
  // Longer than it reads its list by itself after a call.
  await phone.waitForTimeout(3000);
  const refused = new Set();
  await tabs.context.route(/\/api\/calls\?limit=/, (route) => {
    const page = route.request().frame().page();
    if (refused.has(page)) return route.continue();
    refused.add(page);
    return route.fulfill({ status: 503, json: { code: 50300, message: "busy", data: null } });
  });
  const other = await tabs.phone("gerda", "two");
  const says = (page, text) => by(page, "calls-note").filter({ hasText: text }).waitFor();
  await says(other, /^The calls cannot be read now$/);
  // What was read before stays.
  await phone.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await says(phone, /^The calls cannot be read now$/);
  assert.equal(await row(phone).count(), 1);
  await phone.evaluate(() => (document.querySelector("ilock-phone").lang = "zh"));
  await says(phone, /^现在无法读取通话记录$/);
  for (const page of [other, phone]) {
    await by(page, "calls-note").waitFor({ state: "hidden" });
    await row(page).waitFor();
  }
}, /status of 503/);

scene("a room that lets nobody in again is told as long as the call lasts, and the next call has pictures", async (tabs) => {
  const inside = await Tabs.open(browser, stack.http);
  let refuses = false;
  let cut;
  await inside.context.routeWebSocket(/\/dev\/room$/, (socket) => {
    if (refuses) {
      socket.onMessage(() => {
        socket.send(JSON.stringify({ type: "refused", reason: "expired", message: "the credential has expired" }));
        socket.close();
      });
      return;
    }
    const server = socket.connectToServer();
    cut = () => Promise.all([server.close(), socket.close()]);
  });
  const phone = await inside.phone("gitta", "one");
  const door = await tabs.door("door20", "gitta");
  const call = async () => {
    await by(door, "press").click();
    await by(phone, "accept").click();
    await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
    await Promise.all([sees(phone), sees(door)]);
  };
  await call();
  refuses = true;
  await cut();
  await by(phone, "error").filter({ hasText: "The room cannot be entered" }).waitFor();
  assert.equal(await phone.getByRole("button", { name: /^Microphone/ }).count(), 0);
  refuses = false;
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  assert.ok(!(await by(phone, "error").isVisible()));
  await call();
  await by(phone, "hangup").click();
  await state(door, "ready");
  await inside.close();
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

scene("the clock of a call counts from the answer, also after a reload, and from nothing in the next call", async (tabs) => {
  const phone = await tabs.phone("hannes", "one");
  const door = await tabs.door("door30", "hannes");
  const answers = async () => {
    await by(door, "press").click();
    await by(phone, "accept").click();
    await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  };
  const seconds = async (page) => {
    // After a reload it is shown as soon as the backend has said when the call was answered.
    const [minutes, rest] = (await page.locator("[part=time]:not([hidden])").textContent()).split(":");
    return 60 * minutes + Number(rest);
  };
  await answers();
  const since = performance.now();
  await phone.waitForTimeout(4000);
  for (const page of [phone, door, phone]) {
    await page.reload();
    await state(page, "in_call");
    const [shown, lasted] = [await seconds(page), (performance.now() - since) / 1000];
    // The backend says the time to the second, and the page shows whole seconds.
    assert.ok(shown > lasted - 3 && shown < lasted + 1, `${page.url()}: ${shown} s are shown of ${lasted} s`);
  }
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  await answers();
  for (const page of [phone, door]) assert.ok((await seconds(page)) < 3, page.url());
  await by(phone, "hangup").click();
  await state(door, "ready");
});

/** A page's clock, so many milliseconds ahead: whichever way the page reads it. */
function setClock(ahead) {
  const now = () => Real.now() + ahead;
  const Real = Date;
  window.Date = new Proxy(Real, {
    apply: () => new Real(now()).toString(),
    construct: (_, given, made) => Reflect.construct(Real, given.length === 0 ? [now()] : given, made),
    get: (_, name) => (name === "now" ? now : Reflect.get(Real, name)),
  });
}

scene("a door and phones whose clocks are ten minutes wrong ring, answer and talk", async (right) => {
  const withClock = async (ahead) => {
    const tabs = await Tabs.open(browser, stack.http);
    await tabs.context.addInitScript(setClock, ahead);
    return tabs;
  };
  const [behind, ahead] = [await withClock(-600_000), await withClock(600_000)];
  const [slow, fast] = [await behind.phone("ida", "slow"), await ahead.phone("ida", "fast")];
  const wrong = await fast.evaluate(() => [new Date().getTime() - performance.timeOrigin - performance.now(), Date.now() - new Date()]);
  assert.ok(wrong[0] > 590_000 && Math.abs(wrong[1]) < 1000, wrong.join());
  for (const [at, door] of [[right, "door10"], [behind, "door22"], [ahead, "door23"]]) {
    const pressed = await at.door(door, "ida");
    await by(pressed, "press").click();
    await Promise.all([by(slow, "incoming").waitFor(), by(fast, "incoming").waitFor()]);
    await by(fast, "accept").click();
    await Promise.all([state(pressed, "in_call"), sees(fast), sees(pressed), silent(slow)]);
    await by(pressed, "hangup").click();
    await Promise.all([state(fast, "ready"), state(pressed, "ready")]);
  }
  await behind.close();
  await ahead.close();
});

scene("a door that is reloaded in a call goes back into it", async (tabs) => {
  const phone = await tabs.phone("helga", "one");
  const door = await tabs.door("door24", "helga");
  await by(door, "press").click();
  await by(phone, "accept").click();
  await Promise.all([sees(phone), sees(door)]);
  await door.reload();
  await state(door, "in_call");
  await Promise.all([sees(door), moves(phone)]);
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
});

scene("whose other side is gone is told after four seconds and until it is back, and not while it only rings", async (tabs) => {
  const [phone, looker] = [await tabs.phone("helmut", "one"), await tabs.phone("helmut", "two")];
  const door = await tabs.door("door29", "helmut");
  const interrupted = (page) => by(page, "error").filter({ hasText: /^The connection to the other side is interrupted\.$/ });
  const address = new Map([phone, door].map((page) => [page, page.url()]));
  await by(door, "press").click();
  await Promise.all([sees(phone), sees(looker)]);
  // Who only looked may go: a call that rings has no other side yet.
  await by(looker, "decline").click();
  await phone.evaluate(() => document.querySelector("ilock-phone").setAttribute("preview", "off"));
  await door.waitForTimeout(5000);
  assert.equal(await interrupted(door).count(), 0);
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), sees(phone), sees(door)]);
  for (const [gone, left] of [[door, phone], [phone, door]]) {
    await gone.goto("about:blank");
    const since = performance.now();
    await interrupted(left).waitFor();
    assert.ok(performance.now() - since > 3500, "it may have been a reload");
    await state(left, "in_call");
    await gone.goto(address.get(gone));
    await by(left, "error").waitFor({ state: "hidden" });
    await Promise.all([state(gone, "in_call"), sees(left)]);
  }
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
});

scene("a door that is opened as another client has its bell, and the first one goes on with its call", async (tabs) => {
  const phone = await tabs.phone("hedwig", "one");
  const door = await tabs.door("door25", "hedwig");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  const first = door.url();
  await door.goto(`${first}&client=x`);
  await state(door, "ready");
  assert.ok(await by(door, "press").isEnabled());
  await door.goto(first);
  await state(door, "alerted");
  await by(door, "hangup").click();
  await Promise.all([silent(phone), state(door, "ready")]);
});

scene("in a household of two all phones ring; one person answers, and the other's phone falls silent", async (tabs) => {
  const [husband, wife] = [await tabs.phone("hugo", "one"), await tabs.phone("hilde", "one")];
  const door = await tabs.door("door26", "hugo,hilde");
  await by(door, "press").click();
  await Promise.all([by(husband, "incoming").waitFor(), by(wife, "incoming").waitFor()]);
  await by(wife, "accept").click();
  await Promise.all([state(wife, "in_call"), state(door, "in_call"), silent(husband)]);
  await Promise.all([sees(wife), sees(door)]);
  await by(wife, "hangup").click();
  await Promise.all([state(wife, "ready"), state(husband, "ready"), state(door, "ready")]);
  // Who rejects does so for themselves: the other's phone rings on.
  await by(door, "press").click();
  await Promise.all([by(husband, "incoming").waitFor(), by(wife, "incoming").waitFor()]);
  await by(wife, "reject").click();
  await silent(wife);
  await by(husband, "accept").click();
  await Promise.all([state(husband, "in_call"), state(door, "in_call")]);
  await by(door, "hangup").click();
  await Promise.all([state(husband, "ready"), state(door, "ready")]);
});

scene("of two calls that ring one ends: the tab's title goes on saying that the other rings", async (tabs) => {
  const phone = await tabs.phone("henny", "one");
  const [front, garden] = [await tabs.door("door27", "henny"), await tabs.door("door28", "henny", "&name=Garden")];
  const is = (title) => until(`the title is ${title}`, async () => title.test(await phone.title()));
  await by(front, "press").click();
  await is(/^🔔 Front door$/);
  await by(garden, "press").click();
  await until("both ring", async () => (await by(phone, "incoming").count()) === 2);
  await by(front, "hangup").click();
  await state(front, "ready");
  await is(/^🔔 Garden$/);
  await by(garden, "hangup").click();
  await state(garden, "ready");
  await is(/henny · iLock Call$/);
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
