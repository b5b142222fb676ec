// The pages themselves: what they may load, who can use them, and what the room refuses.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

import { by, findings, sees, state, Tabs, until } from "./browser.mjs";
import { browser, stack } from "./running.mjs";
import { Stack } from "./stack.mjs";

const FIRST_PAINT_MS = 1000;

/** Asks the backend as this party. */
async function asks(sub, role, method, path, body) {
  const login = await fetch(`${stack.http}/dev/token`, { method: "POST", body: JSON.stringify({ sub, role }) });
  const { token } = (await login.json()).data;
  const answer = await fetch(stack.http + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(text));
  return text.data;
}

/** A call that is over, whose story can be read. */
async function pastCall(tabs, user, device) {
  const phone = await tabs.phone(user, "one");
  const door = await tabs.door(device, user);
  await by(door, "press").click();
  await by(phone, "accept").click();
  await state(door, "in_call");
  await by(door, "hangup").click();
  await state(phone, "ready");
  const row = phone.locator("[data-testid=call-row][data-state=ended]");
  await row.waitFor();
  return row.getAttribute("data-call");
}

/** When the page first showed something, in ms after it was asked for; waits for it where it has not yet. */
function firstPaint(page) {
  return page.evaluate(
    () =>
      new Promise((done) => {
        const seen = (entries) => entries.getEntriesByName("first-contentful-paint").forEach((entry) => done(entry.startTime));
        new PerformanceObserver(seen).observe({ type: "paint", buffered: true });
      }),
  );
}

for (const colorScheme of ["light", "dark"]) {
  test(`whoever uses a screen reader or a keyboard can use every page, ${colorScheme}`, async () => {
    const tabs = await Tabs.open(browser, stack.http, { colorScheme, reducedMotion: "reduce" });
    const user = `lena-${colorScheme}`;
    const callId = await pastCall(tabs, user, `gate-${colorScheme}`);
    const story = await tabs.page(`/story/${callId}`);
    await story.locator("[data-testid=verdict][data-verdict=sound]").waitFor();
    const phone = await tabs.phone(user, "two");
    const door = await tabs.door(`bell-${colorScheme}`, user);
    const start = await tabs.page("/");
    // With a missed call that is new.
    await by(door, "press").click();
    await by(phone, "incoming").waitFor();
    await by(door, "hangup").click();
    await Promise.all([by(phone, "mark-seen").waitFor(), state(door, "ready")]);
    for (const page of [start, story, phone, door]) assert.deepEqual(await findings(page), [], page.url());
    // The bell is reached and pressed by the keyboard alone, and so is the answer.
    await by(door, "press").focus();
    await door.keyboard.press("Enter");
    await by(phone, "incoming").waitFor();
    assert.deepEqual(await findings(phone), [], "the ringing phone");
    await by(phone, "accept").focus();
    await phone.keyboard.press("Space");
    await state(phone, "in_call");
    await state(door, "in_call");
    for (const page of [phone, door]) assert.deepEqual(await findings(page), [], `in a call: ${page.url()}`);
    await by(phone, "hangup").focus();
    await phone.keyboard.press("Enter");
    await state(door, "ready");
    await tabs.close();
  });
}

test("the story is followed live, checks the chain, and notices a changed commit", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("mia", "one");
  const door = await tabs.door("door-mia", "mia");
  await by(door, "press").click();
  const callId = await by(phone, "incoming").getAttribute("data-call");
  const story = await tabs.page(`/story/${callId}`);
  await by(story, "verdict").waitFor();
  await until("the story shows the alert", async () => (await by(story, "commit").count()) === 2);
  await by(phone, "reject").click();
  await until("the story shows the end", async () => (await by(story, "commit").count()) === 3);
  assert.equal(await by(story, "verdict").getAttribute("data-verdict"), "sound");
  // It says what was checked, what was not, and how that is.
  assert.match(await by(story, "verdict").textContent(), /^The hashes hold.*Not checked here are the decisions.*ilock verify --proof FILE/);
  assert.match(await story.locator(".personal").first().textContent(), /Front door, Main entrance/);
  assert.match(await by(story, "summary").textContent(), /^Front door called mia · /);
  const heads = () => story.locator(".picture .who").allTextContents();
  assert.deepEqual(await heads(), ["Front door", "iLock Call", "phones of mia"]);
  // On a phone nobody has to scroll to see who told whom.
  await story.setViewportSize({ width: 390, height: 844 });
  await story.locator(".picture svg.narrow").waitFor();
  assert.deepEqual(await heads(), ["Front door", "iLock Call", "phones of mia"]);
  assert.ok(await story.locator(".picture").evaluate((shown) => shown.scrollWidth <= shown.clientWidth), "the picture is cut off");
  const forged = await tabs.context.newPage();
  await forged.route(`**/api/audit/calls/${callId}/events*`, async (route) => {
    const answer = await (await route.fetch()).json();
    answer.data.commits[1].at += 1;
    await route.fulfill({ json: answer });
  });
  await forged.goto(`${stack.http}/story/${callId}`);
  await forged.locator("[data-testid=verdict][data-verdict=broken]").waitFor();
  await tabs.close();
});

/** Whether these words stand from left to right in a line of text, as they are painted. */
async function stand(found, ...words) {
  const lefts = await found.evaluate((element, words) => {
    const nodes = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const places = [];
    for (let node = nodes.nextNode(); node !== null; node = nodes.nextNode()) {
      for (const word of words) {
        const at = node.data.indexOf(word);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        places[words.indexOf(word)] = range.getBoundingClientRect().left;
      }
    }
    return places;
  }, words);
  assert.equal(lefts.filter((left) => left !== undefined).length, words.length, await found.textContent());
  assert.deepEqual(lefts, [...lefts].sort((a, b) => a - b), words.join(" before "));
}

/** Names that turn round what is beside them, in a page that lets them. */
const TURNING = { "an override": "Bob \u202Egpj.", "an override behind the end of an isolate": "\u2069\u202EBob", Hebrew: "דלת 70" };

for (const [what, name] of Object.entries(TURNING)) {
  test(`a visitor's name with ${what} turns round nothing beside it`, async () => {
    const tabs = await Tabs.open(browser, stack.http, { viewport: { width: 1400, height: 900 } });
    const user = `moritz-${what.replaceAll(" ", "-")}`;
    // Behind Hebrew a number is turned round, too.
    const [device, today] = [`gate ${name}`, String(new Date().getDate())];
    const [phone, other] = [await tabs.phone(user, "one"), await tabs.phone(user, "two")];
    const query = new URLSearchParams({ device, callee: user, name, location: name });
    const door = await tabs.page(`/door?${query}`);
    await state(door, "ready");
    assert.match(await door.title(), /^[^\u202E]* · iLock Call$/);
    await by(door, "press").click();
    const callId = await by(phone, "incoming").getAttribute("data-call");
    assert.doesNotMatch(await by(phone, "caller-name").textContent(), /\u202E/);
    assert.doesNotMatch(await phone.title(), /\u202E/);
    await by(door, "hangup").click();
    await state(door, "ready");
    for (const page of [phone, other]) await page.locator("[part=note]").filter({ hasText: "Missed call from" }).waitFor();
    const row = phone.locator(`[data-call="${callId}"]`);
    await row.waitFor();
    assert.doesNotMatch(await row.textContent(), /\u202E/);

    const story = await tabs.page(`/story/${callId}`);
    await by(story, "commit").filter({ hasText: "gives up" }).waitFor();
    await stand(by(story, "summary"), " called", user, " · ");
    const first = by(story, "commit").first();
    await stand(first.locator("h3 small"), "by ", " · ", `${today} `, " · +0.000 s");
    assert.match(await first.locator(".personal").textContent(), /, /);
    assert.doesNotMatch(await story.locator("main").textContent(), /\u202E/);

    const start = await tabs.page("/");
    const entry = start.locator("main li", { hasText: user }).first();
    await entry.waitFor();
    await stand(entry.locator("strong"), " called ", user);
    await tabs.close();
  });
}

test("a story draws each message to whom it was told: in a household, and where an id is no address or a door's, too", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  // The door is called as one of the two; the other's address is a hash.
  const [first, second] = [await tabs.phone("otto", "one"), await tabs.phone("o_l@x.org", "one")];
  const door = await tabs.door("otto", "otto,o_l@x.org");
  await by(door, "press").click();
  await by(first, "incoming").waitFor();
  await by(second, "accept").click();
  await state(door, "in_call");
  await by(door, "hangup").click();
  await Promise.all([state(second, "ready"), state(door, "ready")]);
  const callId = await second.locator("[data-testid=call-row]").getAttribute("data-call");
  const story = await tabs.page(`/story/${callId}`);
  await by(story, "commit").filter({ hasText: "Hung up" }).waitFor();
  assert.deepEqual(await story.locator(".picture .who").allTextContents(), ["Front door", "iLock Call", "phones of otto", "phones of o_l@x.org"]);
  const told = async (title) => {
    const all = await by(story, "told").evaluateAll((drawn) => drawn.map(({ dataset, textContent }) => [dataset.to, textContent.split(" · ")[0]]));
    return all.filter(([to]) => to === title).map(([, what]) => what);
  };
  await until("the answer is told", async () => (await told("phones of o_l@x.org")).includes("devices/sync"));
  for (const person of ["phones of otto", "phones of o_l@x.org"]) {
    assert.equal((await told(person)).filter((what) => what === "calls/incoming").length, 1, person);
  }
  const heard = await told("Front door");
  assert.ok(heard.length > 0 && heard.every((what) => what === "calls/control"), heard.join());
  assert.deepEqual(await told("iLock Call"), []);
  await by(story, "commit").filter({ hasText: "phones of o_l@x.org · calls/incoming · mqtt" }).waitFor();
  await tabs.close();
});

test("a story has every phone that rang, what became of the push to each, and why a text is gone", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const [one, two] = [await tabs.phone("pia", "one"), await tabs.phone("pia", "two")];
  const door = await tabs.door("door-pia", "pia");
  await by(door, "press").click();
  await Promise.all([by(one, "incoming").waitFor(), by(two, "incoming").waitFor()]);
  const callId = await by(one, "incoming").getAttribute("data-call");
  const story = await tabs.page(`/story/${callId}`);
  await by(story, "alert").filter({ hasText: /^One more phone ringsby pia_(one|two) · / }).waitFor();
  await by(one, "reject").click();
  await state(door, "ready");
  await by(story, "commit").filter({ hasText: "Rejected" }).waitFor();
  assert.equal(await by(story, "alert").count(), 1);

  // No push service is set up here, and nothing is forgotten so soon.
  const shows = async (change, texts) => {
    const page = await tabs.context.newPage();
    await page.route(`**/api/audit/calls/${callId}/events*`, async (route) => {
      const answer = await (await route.fetch()).json();
      change(answer.data);
      await route.fulfill({ json: answer });
    });
    await page.goto(`${stack.http}/story/${callId}`);
    for (const text of texts) await by(page, "commit").filter({ hasText: text }).waitFor();
    await page.close();
  };
  const push = { target: "gcm", carrier: "push", ms: 41 };
  await shows(
    ({ receipts }) => (receipts.find(({ n }) => n === 1).phones = { pia_one: push, pia_two: { ...push, error: "the endpoint is disabled" } }),
    ["pia_one · gcm · pushtold after 41 ms", "pia_two · gcm · pushnot handed over: the endpoint is disabled"],
  );
  await shows((data) => (data.personal = []), ["The text is gone before its time: it was forgotten because a person asked for that, or it is missing."]);
  await shows((data) => {
    data.personal = [];
    data.commits[0].personal_until = "2020-01-01";
  }, ["The text was kept for as long as it was to be, and is gone."]);
  await tabs.close();
});

test("a story asks less and less often while the call lasts, and shows its end all the same", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("moritz", "one");
  const door = await tabs.door("door-moritz", "moritz");
  await by(door, "press").click();
  const callId = await by(phone, "incoming").getAttribute("data-call");
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  // Until it is written down who was told of the answer.
  await door.waitForTimeout(2000);
  let asked = 0;
  tabs.context.on("request", (request) => request.url().includes(`/calls/${callId}/events`) && (asked += 1));
  const story = await tabs.page(`/story/${callId}`);
  await by(story, "verdict").waitFor();
  await story.waitForTimeout(15_000);
  assert.ok(asked <= 8, `asked ${asked} times in 15 s`);
  await by(phone, "hangup").click();
  await by(story, "commit").filter({ hasText: "Hung up" }).waitFor({ timeout: 11_000 });
  await state(door, "ready");
  await tabs.close();
});

test("the proof of a call is downloaded from its story", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const callId = await pastCall(tabs, "mona", "door-mona");
  await until("the ledger has the call", async () => {
    const login = await fetch(`${stack.http}/dev/token`, { method: "POST", body: '{"sub":"eve","role":"auditor"}' });
    const { token } = (await login.json()).data;
    return (await fetch(`${stack.http}/api/audit/calls/${callId}/proof`, { headers: { authorization: `Bearer ${token}` } })).ok;
  });
  const story = await tabs.page(`/story/${callId}`);
  const [download] = await Promise.all([story.waitForEvent("download"), by(story, "proof").click()]);
  assert.equal(download.suggestedFilename(), `${callId}.proof.json`);
  const text = await readFile(await download.path(), "utf8");
  assert.ok(JSON.parse(text) !== null && text.includes(callId), text.slice(0, 200));
  assert.equal(await by(story, "note").textContent(), "");
  await tabs.close();
});

test("a door that reaches no phone goes on saying so", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  await tabs.phone("nils", "one");
  // To a door whoever has blocked it is like somebody out of reach.
  await asks("nils", "user", "PUT", "/api/blocks?caller_id=door-nils");
  const door = await tabs.door("door-nils", "nils");
  await by(door, "press").click();
  await state(door, "unreachable");
  // That the call rings is told beside it, before or after.
  await new Promise((later) => setTimeout(later, 1_000));
  assert.equal(await by(door, "state").getAttribute("data-state"), "unreachable");
  await by(door, "hangup").click();
  await state(door, "ready");
  await tabs.close();
});

test("a credential that may only receive lets nobody send", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("nora", "one");
  const door = await tabs.door("door-nora", "nora");
  await by(door, "press").click();
  const callId = await by(phone, "incoming").getAttribute("data-call");
  await by(phone, "accept").click();
  await state(door, "in_call");
  const { room_info: room } = await asks("nora", "user", "GET", `/api/calls/${callId}`);
  const privileges = (bits) => stack.privateMapKey(room, bits);
  const all = await tryToSend(tabs, { ...room, private_map_key: await privileges(63) });
  assert.deepEqual(all[0].may_send, { audio: true, video: true });
  assert.ok(!all.some(({ type }) => type === "refused"), JSON.stringify(all));
  const look = await tryToSend(tabs, { ...room, private_map_key: await privileges(42) });
  assert.deepEqual(look[0].may_send, { audio: false, video: false });
  assert.deepEqual([look.at(-1).type, look.at(-1).reason], ["refused", "no_privilege"]);
  const out = await tryToSend(tabs, { ...room, private_map_key: await privileges(63 - 2) });
  assert.deepEqual([out.length, out[0].type, out[0].reason], [1, "refused", "no_privilege"]);
  await by(door, "hangup").click();
  await tabs.close();
});

/** Enters the room and offers a picture to the first who is there; all that the room says within three seconds. */
async function tryToSend(tabs, room) {
  const page = await tabs.page("/");
  const heard = await page.evaluate(
    (room) =>
      new Promise((done) => {
        const heard = [];
        const socket = new WebSocket(`ws://${location.host}/dev/room`);
        socket.onopen = () => socket.send(JSON.stringify({ type: "enter", ...room, room_id: Number(room.room_id) }));
        socket.onmessage = async ({ data }) => {
          const message = JSON.parse(data);
          heard.push(message);
          if (message.type !== "entered") return;
          const connection = new RTCPeerConnection();
          const own = await navigator.mediaDevices.getUserMedia({ video: true });
          connection.addTrack(own.getVideoTracks()[0], own);
          await connection.setLocalDescription();
          socket.send(JSON.stringify({ type: "signal", to: message.members[0], description: connection.localDescription }));
        };
        socket.onclose = () => done(heard);
        setTimeout(() => socket.close(), 3000);
      }),
    room,
  );
  await page.close();
  return heard;
}

/** The first cell and the last one of each row below this head of docs/pages.md. */
async function documented(head) {
  const text = await readFile(new URL("../../docs/pages.md", import.meta.url), "utf8");
  const table = text.slice(text.indexOf(head) + head.length).split("\n\n")[0];
  const rows = table.split("\n").filter((line) => line.startsWith("|") && !line.startsWith("|---"));
  return rows.map((row) => row.split("|").map((cell) => cell.trim()).slice(1, -1));
}

test("the parts, attributes and events of the elements are those of docs/pages.md", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("paula", "one");
  const door = await tabs.door("door-paula", "paula");
  const parts = { door: new Set(), phone: new Set() };
  const note = async () => {
    for (const [name, page] of [["door", door], ["phone", phone]]) {
      const found = await page.evaluate((tag) => [...document.querySelector(tag).shadowRoot.querySelectorAll("[part]")].map((element) => element.getAttribute("part")), `ilock-${name}`);
      found.forEach((part) => parts[name].add(part));
    }
  };
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await note();
  await by(phone, "accept").click();
  await Promise.all([sees(phone), sees(door)]);
  await note();
  await by(phone, "hangup").click();
  await by(phone, "call-row").waitFor();
  await note();
  const said = { door: new Set(), phone: new Set() };
  for (const [of, names] of await documented("| of | parts |")) {
    for (const element of of === "both" ? ["door", "phone"] : [of]) for (const [, name] of names.matchAll(/`([^`]+)`/g)) said[element].add(name);
  }
  for (const element of ["door", "phone"]) assert.deepEqual([...parts[element]].sort(), [...said[element]].sort(), element);
  const folder = new URL("../../client/pages/src/elements/", import.meta.url);
  const sources = await Promise.all((await readdir(folder)).map((name) => readFile(new URL(name, folder), "utf8")));
  const read = new Set([...sources.join().matchAll(/getAttribute\("([a-z-]+)"\)/g)].map(([, name]) => name));
  assert.deepEqual([...read].sort(), (await documented("| attribute | of | what |")).map(([name]) => name.replaceAll("`", "")).sort());
  const told = new Set([...sources.join().matchAll(/announce\("([a-z-]+)"/g)].map(([, name]) => `\`ilock-${name}\``));
  assert.deepEqual([...told].sort(), (await documented("| event | `detail` |")).map(([name]) => name).sort());
  await tabs.close();
});

test("no page runs a script that it was not served, and none loads anything from elsewhere", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  for (const path of ["/", "/door?device=d&callee=olga", "/phone?user=olga", "/story/call_d_olga_1_x"]) {
    const page = await tabs.context.newPage();
    const hosts = new Set();
    page.on("request", (request) => hosts.add(new URL(request.url()).hostname));
    page.on("websocket", (socket) => hosts.add(new URL(socket.url()).hostname));
    await page.goto(stack.http + path);
    const blocked = await page.evaluate(
      () =>
        new Promise((done) => {
          document.addEventListener("securitypolicyviolation", (event) => done(event.violatedDirective));
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          setTimeout(() => done(`ran: ${window.ran}`), 1000);
        }),
    );
    assert.match(blocked, /^script-src/, path);
    const paint = await firstPaint(page);
    assert.ok(paint <= FIRST_PAINT_MS, `${path}: first paint after ${paint} ms`);
    assert.deepEqual([...hosts], ["127.0.0.1"], path);
    await page.close();
  }
  await tabs.context.close();
});

test("with another login service the pages ask for its token, again when it is not accepted, and keep it in the tab alone", async () => {
  const own = await Stack.start({ AUTH_SECRET: "a-secret-of-the-operator-s-own-long-enough", MQTT_SECRET: "another-secret-of-the-operator-s-own-long-enough" });
  const tabs = await Tabs.open(browser, own.http);
  const logIn = async (page, token) => {
    await by(page, "login").getByRole("textbox").fill(token);
    await by(page, "login").getByRole("button", { name: "Log in" }).click();
  };
  const asksAgain = (page) => by(page, "login").getByRole("alert").waitFor();
  try {
    const phone = await tabs.page("/phone?user=rosa&client=one");
    await logIn(phone, "no-token");
    await asksAgain(phone);
    await logIn(phone, "none-either");
    await state(phone, "logged_out");
    // Nothing is lost: the way back asks once more.
    await by(phone, "back").click();
    const token = await own.token("rosa", "user");
    await logIn(phone, token);
    await state(phone, "ready");
    await by(phone, "login").waitFor({ state: "detached" });
    assert.ok(!(await by(phone, "back").isVisible()));
    const kept = await phone.evaluate(() => [JSON.stringify({ ...sessionStorage }), JSON.stringify([location.href, { ...localStorage }, document.cookie])]);
    assert.ok(kept[0].includes("ilock.phone.rosa.one") && kept[0].includes(token), kept[0]);
    assert.ok(!kept[1].includes(token), "the token was kept elsewhere");
    await phone.reload();
    await state(phone, "ready");
    assert.equal(await by(phone, "login").count(), 0);

    const door = await tabs.page("/door?device=gate&callee=rosa");
    await logIn(door, await own.token("gate", "device"));
    await state(door, "ready");
    await by(door, "press").click();
    const callId = await by(phone, "incoming").getAttribute("data-call");
    await by(phone, "reject").click();
    await state(door, "ready");
    const story = await tabs.page(`/story/${callId}`);
    assert.equal(await by(story, "login").locator("label").textContent(), "An auditor's access token");
    await logIn(story, "no-token");
    await asksAgain(story);
    await logIn(story, "none-either");
    await asksAgain(story);
    // One sentence says it.
    assert.equal(await by(story, "login").getByRole("alert").textContent(), "This access token is not accepted. Give another one.");
    assert.equal(await by(story, "note").textContent(), "");
    await logIn(story, await own.token("auditor", "auditor"));
    await story.locator("[data-testid=verdict][data-verdict=sound]").waitFor();
    assert.deepEqual(await findings(story), []);
    await tabs.close(/status of (401|404)/);
  } finally {
    await tabs.context.close();
    await own.stop();
  }
});

test("who is not this machine, or not a page of it, gets no token and no page", async () => {
  const port = new URL(stack.http).port;
  const { request } = await import("node:http");
  const status = (headers, path = "/dev/token", method = "POST") =>
    new Promise((done, failed) => {
      const asked = request({ host: "127.0.0.1", port, path, method, headers }, (answer) => {
        answer.resume();
        done(answer.statusCode);
      });
      asked.on("error", failed);
      asked.end(method === "POST" ? '{"sub":"anna","role":"user"}' : undefined);
    });
  assert.equal(await status({}), 200);
  assert.equal(await status({ host: `localhost:${port}` }), 200);
  assert.equal(await status({ host: `evil.example:${port}` }), 403, "a name that was made to lead here");
  assert.equal(await status({ origin: "https://evil.example" }), 403);
  assert.equal(await status({ host: `evil.example:${port}` }, "/", "GET"), 403);
  assert.equal(await status({ host: `evil.example:${port}` }, "/dev/room", "GET"), 403);
});
