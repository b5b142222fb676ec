// The elements: in a page of somebody else's, without camera and microphone, by the keyboard alone, on a small screen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { by, findings, focused, hears, sees, silent, state, Tabs, until } from "./browser.mjs";
import { browser, stack } from "./running.mjs";

/** A page of somebody else's, which sets the token before the element is defined. */
const foreign = (attributes, sub, role = "user") => `<!doctype html>
<html lang="en">
<title>A page of somebody else's</title>
<link rel="icon" href="data:,">
<main><ilock-phone ${attributes}></ilock-phone></main>
<script>
  window.phone = document.querySelector("ilock-phone");
  window.links = [];
  window.problems = [];
  phone.addEventListener("ilock-link", ({ detail }) => links.push(detail.link));
  phone.addEventListener("ilock-problem", ({ detail }) => problems.push(detail.code));
  phone.token = async () => {
    const answer = await fetch("/dev/token", { method: "POST", body: JSON.stringify({ sub: "${sub}", role: "${role}" }) });
    return (await answer.json()).data.token;
  };
</script>
<script type="module" src="/pages/pages.js"></script>
</html>`;

/** Counts the notes of the ring tone. */
function countNotes() {
  window.notes = 0;
  window.OscillatorNode = class extends OscillatorNode {
    constructor(...given) {
      super(...given);
      window.notes += 1;
    }
  };
}

/** Opens a page of somebody else's. */
async function open(tabs, html) {
  await tabs.context.route("**/mine", (route) => route.fulfill({ contentType: "text/html", body: html }));
  return tabs.page("/mine");
}

async function rings(page) {
  const before = await page.evaluate(() => window.notes);
  await until("the phone is heard", () => page.evaluate((before) => window.notes > before, before));
}

test("in a page of somebody else's a property that is set early counts, an attribute may change, and the element may be moved and taken out", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  await tabs.context.addInitScript(countNotes);
  const phone = await open(tabs, foreign(`client="one" name="Una" server="${stack.http}" story-href="/story/"`, "una"));
  await state(phone, "ready");
  const door = await tabs.door("door-una", "una");
  const name = phone.locator("ilock-phone [part=name]");
  assert.equal(await name.textContent(), "Una");

  // What may change at any time.
  await phone.evaluate(() => {
    window.phone.setAttribute("name", "Una Kim");
    document.documentElement.lang = "zh_CN";
  });
  await by(phone, "state").filter({ hasText: /^就绪$/ }).waitFor();
  assert.equal(await name.textContent(), "Una Kim");
  await phone.getByText("还没有通话").waitFor();
  await phone.evaluate(() => window.phone.setAttribute("lang", "en"));
  await by(phone, "state").filter({ hasText: /^Ready$/ }).waitFor();
  await door.evaluate(() => document.querySelector("ilock-door").setAttribute("location", "Back yard"));
  await door.getByText("Back yard").waitFor();
  await door.evaluate(() => document.querySelector("ilock-door").setAttribute("ring-seconds", "1"));
  await by(door, "error").filter({ hasText: /^ring-seconds must be/ }).waitFor();
  assert.ok(await by(door, "press").isDisabled());
  await door.evaluate(() => document.querySelector("ilock-door").setAttribute("ring-seconds", "60"));
  await by(door, "error").waitFor({ state: "hidden" });

  // It is moved while it rings: it goes on, and is heard.
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  assert.match(await by(phone, "incoming").textContent(), /Back yard/);
  await sees(phone);
  const links = await phone.evaluate(() => window.links.length);
  await phone.evaluate(() => {
    const place = document.createElement("section");
    document.querySelector("main").append(place);
    place.append(window.phone);
  });
  await rings(phone);
  await sees(phone);
  assert.equal(await phone.evaluate(() => window.links.length), links, "the client began anew");
  await phone.evaluate(() => window.phone.setAttribute("preview", "off"));
  await by(phone, "remote-video").waitFor({ state: "detached" });
  await phone.evaluate(() => window.phone.removeAttribute("preview"));
  await sees(phone);

  // It is taken out while it rings, and comes back: it rings again, and is heard.
  const away = () => phone.evaluate(() => new Promise((out) => {
    window.phone.remove();
    setTimeout(out);
  }));
  const back = () => phone.evaluate(() => document.querySelector("main").append(window.phone));
  await away();
  assert.ok(!(await phone.evaluate(() => window.phone.hasAttribute("ringing"))));
  await back();
  await by(phone, "incoming").waitFor();
  await rings(phone);

  // The call ends while it is out: nothing of it is left.
  await away();
  await by(door, "hangup").click();
  await state(door, "ready");
  await back();
  await state(phone, "ready");
  assert.equal(await by(phone, "incoming").count(), 0);
  await by(door, "press").click();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call"), sees(phone)]);
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  await tabs.close();
});

/** A page of somebody else's with an element that keeps nothing. */
const unkept = (tag, attributes, sub, role) => `<!doctype html>
<html lang="en">
<title>A page of somebody else's</title>
<link rel="icon" href="data:,">
<main><${tag} ${attributes}></${tag}></main>
<script>
  window.element = document.querySelector("${tag}");
  element.token = async () => {
    const answer = await fetch("/dev/token", { method: "POST", body: JSON.stringify({ sub: "${sub}", role: "${role}" }) });
    return (await answer.json()).data.token;
  };
</script>
<script type="module" src="/pages/pages.js"></script>
</html>`;

/** How an element, or its page, goes. */
const GOES = {
  "it is taken out": (page) => page.evaluate(() => window.element.remove()),
  "its page is loaded again": (page) => page.reload(),
  "another page is opened": (page) => page.goto("about:blank"),
  "its page waits to be shown again": (page) => page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))),
};

for (const [how, goes] of Object.entries(GOES)) {
  test(`an element without keep ends its call when ${how}`, async () => {
    const [tabs, outside] = [await Tabs.open(browser, stack.http), await Tabs.open(browser, stack.http)];
    const user = `udo-${how.replaceAll(" ", "-")}`;
    await tabs.context.route("**/own-phone", (route) => route.fulfill({ contentType: "text/html", body: unkept("ilock-phone", 'client="one"', user, "user") }));
    await tabs.context.route("**/own-door", (route) => route.fulfill({ contentType: "text/html", body: unkept("ilock-door", `callee="${user}"`, `door-${user}`, "device") }));
    const ended = async (page) => {
      await state(page, "ready");
      assert.equal(await page.locator("[part=note]").textContent(), "The call has ended");
    };

    // A phone that talks.
    const [phone, door] = [await tabs.page("/own-phone"), await outside.door(`other-${user}`, user)];
    await state(phone, "ready");
    const talk = async () => {
      await by(door, "press").click();
      await by(phone, "accept").click();
      await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
    };
    await talk();
    await goes(phone);
    await ended(door);
    if (how.includes("shown again")) {
      // It is shown again: nothing of the call is left, and the next one rings.
      await state(phone, "ready");
      await talk();
      await by(phone, "hangup").click();
      await state(door, "ready");
    }
    await phone.close();

    // A door that is still being answered, and one that talks.
    const other = await outside.phone(user, "two");
    for (const answers of [false, true]) {
      const own = await tabs.page("/own-door");
      await state(own, "ready");
      await by(own, "press").click();
      await by(other, "incoming").waitFor();
      await state(own, "alerted");
      if (answers) await by(other, "accept").click();
      if (answers) await state(own, "in_call");
      await goes(own);
      if (answers) await ended(other);
      else await silent(other);
      await own.close();
    }
    await tabs.close();
    await outside.close();
  });
}

test("a call that is being placed when its door is taken out does not ring on", async () => {
  const [tabs, outside] = [await Tabs.open(browser, stack.http), await Tabs.open(browser, stack.http)];
  await tabs.context.route("**/own-door", (route) => route.fulfill({ contentType: "text/html", body: unkept("ilock-door", 'callee="udo-early"', "door-udo-early", "device") }));
  const phone = await outside.phone("udo-early", "one");
  const door = await tabs.page("/own-door");
  await state(door, "ready");
  await tabs.context.route("**/api/calls", async (route) => {
    const answer = await route.fetch();
    await by(phone, "incoming").waitFor();
    await route.fulfill({ response: answer });
  });
  await by(door, "press").click();
  await door.evaluate(() => window.element.remove());
  await by(phone, "incoming").waitFor();
  await silent(phone);
  assert.match(await phone.locator("[part=note]").textContent(), /^Missed call/);
  await tabs.close();
  await outside.close();
});

/** Keeps the pitches of the notes that a phone plays. */
function keepPitches() {
  window.pitches = [];
  window.OscillatorNode = class extends OscillatorNode {
    constructor(audio, options) {
      super(audio, options);
      window.pitches.push(options.frequency);
    }
  };
}

test("a phone beside the one that sounds first is soft for some seconds, and then rings as loudly", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  await tabs.context.addInitScript(keepPitches);
  const phone = await open(tabs, foreign('client="one"', "ute"));
  await phone.evaluate(() => window.phone.addEventListener("ilock-ring", ({ detail }) => (window.secondary = detail.call.secondary)));
  await state(phone, "ready");
  // Of two that report the same, the one that was heard of last sounds first.
  await tabs.phone("ute", "two");
  const door = await tabs.door("door-ute", "ute");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  assert.equal(await phone.evaluate(() => window.secondary), true);
  const pitches = () => phone.evaluate(() => window.pitches);
  await until("the phone is heard", async () => (await pitches()).length > 0);
  // The third note stands in the loud tone alone.
  assert.deepEqual(await pitches(), [784, 988]);
  await until("the phone rings as loudly", async () => (await pitches()).includes(1319));
  await by(door, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  await tabs.close();
});

/** As a browser does that keeps no data of any page. */
function blockStorage() {
  const blocked = { get: () => { throw new DOMException("Access is denied for this document.", "SecurityError"); } };
  for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, blocked);
}

test("where the browser blocks site data every page works, and so does an element that is to be kept", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  await tabs.context.addInitScript(blockStorage);
  const start = await tabs.page("/");
  await start.getByRole("heading", { name: "Today's calls" }).waitFor();
  await by(start, "language").click();
  await start.getByRole("heading", { name: "今天的通话" }).waitFor();
  const story = await tabs.page("/story/x");
  await by(story, "note").filter({ hasText: /^There is no such call/ }).waitFor();
  const door = await tabs.door("door-ubbo", "ubbo");
  const phone = await tabs.phone("ubbo", "one");
  const kept = await open(tabs, foreign('client="two" keep="x"', "ubbo"));
  await state(kept, "ready");
  await by(door, "press").click();
  await Promise.all([by(phone, "incoming").waitFor(), by(kept, "incoming").waitFor()]);
  // One that is taken out while it rings is silent.
  await kept.evaluate(() => new Promise((out) => {
    window.phone.remove();
    setTimeout(out);
  }));
  assert.ok(!(await kept.evaluate(() => window.phone.hasAttribute("ringing"))));
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  await by(door, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  await tabs.close(/status of 404/);
});

test("what is asked of an element before it can be done is a problem, and is never passed over", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const page = await open(tabs, foreign('client="one"', "urs"));
  await state(page, "ready");
  const early = await page.evaluate(() => {
    window.told = [];
    const listen = (element) => {
      element.addEventListener("ilock-problem", ({ detail }) => told.push(detail.code));
      element.addEventListener("ilock-call", () => told.push("call"));
    };
    const phone = document.createElement("ilock-phone");
    listen(phone);
    document.querySelector("main").append(phone);
    phone.answer("call_x");
    phone.remove();

    window.door = document.createElement("ilock-door");
    listen(door);
    door.setAttribute("callee", "urs");
    door.token = async () => {
      const answer = await fetch("/dev/token", { method: "POST", body: '{"sub":"door-urs","role":"device"}' });
      return (await answer.json()).data.token;
    };
    document.querySelector("main").append(door);
    door.ring();
    return [...told];
  });
  assert.deepEqual(early, ["not_ready", "not_ready"]);
  const ready = page.locator("ilock-door [data-testid=state][data-state=ready]");
  await ready.waitFor();
  await page.evaluate(() => door.ring());
  await until("the call is placed", () => page.evaluate(() => told.includes("call")));
  await by(page, "incoming").waitFor();
  // A call is under way.
  await page.evaluate(() => door.ring());
  assert.deepEqual(await page.evaluate(() => told), ["not_ready", "not_ready", "call", "not_ready"]);
  await page.locator("ilock-door [data-testid=hangup]").click();
  await ready.waitFor();
  await tabs.close();
});

test("a phone that does not look before the answer says so, and declining has one name, in both languages", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await open(tabs, foreign('client="one" preview="off"', "uwe"));
  await state(phone, "ready");
  const door = await tabs.door("door-uwe", "uwe");
  await by(door, "press").click();
  const card = by(phone, "incoming");
  const says = (text) => card.filter({ hasText: text }).waitFor();
  await says(/^Nobody hears or sees you yet/);
  await phone.evaluate(() => window.phone.setAttribute("lang", "zh"));
  await says(/^对方看不到也听不到您/);
  await phone.evaluate(() => window.phone.removeAttribute("preview"));
  await says(/^只有您能看到：/);
  await phone.evaluate(() => window.phone.setAttribute("lang", "en"));
  await says(/^Only you can see: nobody hears or sees you yet/);
  await phone.evaluate(() => window.phone.setAttribute("lang", "zh"));
  const name = await by(phone, "decline").textContent();
  await by(phone, "decline").click();
  await phone.locator("[part=note]").filter({ hasText: name }).waitFor();
  await state(door, "ready");
  await tabs.close();
});

test("an element in a shadow root has the language of the page around it", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await open(tabs, foreign('client="one"', "uli"));
  await state(phone, "ready");
  await phone.evaluate(() => {
    document.documentElement.lang = "zh";
    window.host = document.createElement("section");
    document.querySelector("main").append(host);
    const inside = host.attachShadow({ mode: "open" }).appendChild(document.createElement("div"));
    inside.append(window.phone);
  });
  const is = async (text, lang) => {
    await by(phone, "state").filter({ hasText: text }).waitFor();
    assert.equal(await phone.locator("[part=shell]").getAttribute("lang"), lang);
  };
  await is(/^就绪$/, "zh-CN");
  await phone.evaluate(() => (document.documentElement.lang = "en"));
  await is(/^Ready$/, "en");
  await phone.evaluate(() => (host.lang = "zh-TW"));
  await is(/^就绪$/, "zh-CN");
  await phone.evaluate(() => (host.shadowRoot.firstElementChild.lang = "en-GB"));
  await is(/^Ready$/, "en");
  await tabs.close();
});

test("a client that the backend refuses for good says so and stays so, in both languages", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await open(tabs, foreign('client="one"', "eve", "auditor"));
  await state(phone, "invalid");
  await by(phone, "error").filter({ hasText: "registering this client was refused" }).waitFor();
  assert.deepEqual(await phone.evaluate(() => [window.links, window.problems]), [["invalid"], [40301]]);
  assert.equal(await by(phone, "back").textContent(), "Try again");
  await phone.evaluate(() => (document.documentElement.lang = "zh"));
  await by(phone, "error").filter({ hasText: "此账号无权这样做。请联系运营方。" }).waitFor();
  await tabs.close(/status of 403/);
});

test("the reason why a press was refused is told, in both languages", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  for (const [language, reason] of [["en", /^Placing the call was refused: [^.]+\. Nobody with this id can be called: [^.]+\.$/], ["zh", /^被呼叫的人都没有手机。/]]) {
    const door = await tabs.door("door-nobody", "nobody", `&lang=${language}`);
    await by(door, "press").click();
    await door.locator("[part=note]").filter({ hasText: reason }).waitFor();
    await state(door, "ready");
    assert.match(await door.locator("[part=note]").textContent(), reason);
  }
  await tabs.close(/status of 404/);
});

/** What a backend says of a field, and what the person is told. */
const RULES = [
  ["5 to 120", "ring_seconds must be 5 to 120"],
  ["must be a whole number, 5 to 120.", "ring_seconds must be a whole number, 5 to 120"],
  ["is missing", "ring_seconds is missing"],
  ["a ring time must be 5 to 120 of seconds", "ring_seconds: a ring time must be 5 to 120 of seconds"],
];

test("why a field is wrong is told in whole sentences, whatever form its rule has, in both languages", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  let rule;
  await tabs.context.route("**/api/calls", (route) =>
    route.fulfill({ status: 400, json: { code: 40001, message: "参数错误", data: { field: "ring_seconds", rule } } }));
  const doors = [await tabs.door("door-ulli-en", "ulli"), await tabs.door("door-ulli-zh", "ulli", "&lang=zh")];
  for (const [said, told] of RULES) {
    rule = said;
    for (const [door, text] of [
      [doors[0], `Placing the call was refused: ${told}. Correct the field that the message names.`],
      [doors[1], `某个字段有误：placing the call was refused: ${told}。`],
    ]) {
      await by(door, "press").click();
      await door.locator("[part=note]").filter({ hasText: told }).waitFor();
      assert.equal(await door.locator("[part=note]").textContent(), text);
      await state(door, "ready");
    }
  }
  await tabs.close(/status of 400/);
});

test("a browser without a network is shown as offline, and as ready when it has one again", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("uta", "one");
  await tabs.context.setOffline(true);
  await state(phone, "offline");
  await tabs.context.setOffline(false);
  await state(phone, "ready");
  await tabs.close(/ERR_INTERNET_DISCONNECTED|WebSocket connection to/);
});

test("without camera and microphone a call goes on, both sides say so as long as it lasts, and nothing looks switched on", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  await tabs.context.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
  });
  const phone = await tabs.page("/phone?user=ulf&client=one&lang=zh");
  await state(phone, "ready");
  const door = await tabs.door("door-ulf", "ulf");
  await by(door, "press").click();
  const english = "Camera and microphone cannot be used. The other side can neither see nor hear you.";
  await by(door, "error").filter({ hasText: english }).waitFor();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  await by(phone, "error").filter({ hasText: "无法使用摄像头和麦克风，对方看不到也听不到您。" }).waitFor();
  assert.equal(await by(door, "error").textContent(), english);
  for (const [page, names] of [[door, ["Microphone: not available", "Camera: not available"]], [phone, ["麦克风：不可用", "摄像头：不可用"]]]) {
    for (const name of names) {
      const button = page.getByRole("button", { name, exact: true });
      await button.waitFor();
      assert.ok(await button.isDisabled(), name);
      assert.equal(await button.getAttribute("aria-pressed"), "false", name);
    }
    assert.deepEqual(await findings(page), [], page.url());
  }
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  assert.ok(!(await by(door, "error").isVisible()) && !(await by(phone, "error").isVisible()));
  await tabs.close();
});

/** What a browser has that lacks one of the two, and what is said of it. */
const LACKING = [
  ["video", "audio", "The camera cannot be used. The other side cannot see you.", "Camera: not available", "Microphone: on"],
  ["audio", "video", "The microphone cannot be used. The other side cannot hear you.", "Microphone: not available", "Camera: on"],
];

for (const [lacking, has, text, disabled, enabled] of LACKING) {
  test(`a phone without ${lacking} says so, and sends its ${has} all the same`, async () => {
    const [tabs, outside] = [await Tabs.open(browser, stack.http), await Tabs.open(browser, stack.http)];
    await tabs.context.addInitScript((lacking) => {
      const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = (wanted) =>
        wanted[lacking] ? Promise.reject(new DOMException("Requested device not found", "NotFoundError")) : real(wanted);
    }, lacking);
    const user = `ulla-${lacking}`;
    const phone = await tabs.phone(user, "one");
    const door = await outside.door(`door-${user}`, user);
    await by(door, "press").click();
    await by(phone, "accept").click();
    await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
    await by(phone, "error").filter({ hasText: text }).waitFor();
    assert.ok(await phone.getByRole("button", { name: disabled, exact: true }).isDisabled());
    assert.ok(await phone.getByRole("button", { name: enabled, exact: true }).isEnabled());
    await Promise.all([sees(phone), hears(phone), has === "audio" ? hears(door) : sees(door)]);
    assert.equal(await by(phone, "error").textContent(), text);
    assert.ok(!(await by(door, "error").isVisible()));
    await by(phone, "hangup").click();
    await Promise.all([state(phone, "ready"), state(door, "ready")]);
    await tabs.close();
    await outside.close();
  });
}

test("while the browser asks for camera and microphone the phone says so; an answer after the call opens neither", async () => {
  const [tabs, outside] = [await Tabs.open(browser, stack.http), await Tabs.open(browser, stack.http)];
  await tabs.context.addInitScript(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.opened = [];
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      await new Promise((answer) => (window.allow = answer));
      const stream = await real(wanted);
      window.opened.push(...stream.getTracks());
      return stream;
    };
  });
  const phone = await tabs.phone("ulrike", "one");
  const door = await outside.door("door-ulrike", "ulrike");
  const answers = async (text) => {
    await by(door, "press").click();
    await by(phone, "accept").click();
    await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
    await by(phone, "error").filter({ hasText: text }).waitFor();
  };
  await answers(/^Allow the camera and the microphone\.$/);
  await phone.evaluate(() => window.allow());
  await by(phone, "error").waitFor({ state: "hidden" });
  await Promise.all([sees(phone), sees(door)]);
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);

  await phone.evaluate(() => (document.querySelector("ilock-phone").lang = "zh"));
  await answers(/^请允许使用摄像头和麦克风。$/);
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  assert.ok(!(await by(phone, "error").isVisible()));
  // The next caller is seen all the same.
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await sees(phone);
  await by(phone, "reject").click();
  await Promise.all([silent(phone), state(door, "ready")]);
  await phone.evaluate(() => window.allow());
  await until("camera and microphone are closed again", () => phone.evaluate(() => opened.length === 4 && opened.every(({ readyState }) => readyState === "ended")));
  assert.equal(await phone.locator("[part=local-video]").count(), 0);
  assert.ok(!(await by(phone, "error").isVisible()));
  await tabs.close();
  await outside.close();
});

/** Keeps what the page opens, camera and microphone, and its connections to the room; while `window.dead` is set a new one hangs. */
function watchRoom() {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const Real = WebSocket;
  window.opened = [];
  window.rooms = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await real(wanted);
    window.opened.push(...stream.getTracks());
    return stream;
  };
  window.WebSocket = class extends Real {
    constructor(url, ...more) {
      const isRoom = /\/dev\/room$/.test(url);
      if (isRoom && window.dead) {
        window.hanging = (window.hanging ?? 0) + 1;
        return { readyState: Real.CONNECTING, send() {}, close() {} };
      }
      super(url, ...more);
      if (isRoom) window.rooms.push(this);
    }
  };
}

/** Whether camera and microphone are off, now. */
const areOff = (page) => page.evaluate(() => opened.length > 0 && opened.every(({ readyState }) => readyState === "ended"));

test("who hangs up on a dead network is out of the room at once: camera and microphone are off, and nothing is said of it later", async () => {
  const [tabs, outside] = [await Tabs.open(browser, stack.http), await Tabs.open(browser, stack.http)];
  await tabs.context.addInitScript(watchRoom);
  const phone = await tabs.phone("ute-dead", "one");
  const door = await outside.door("door-ute-dead", "ute-dead");
  await by(door, "press").click();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), sees(phone), sees(door)]);
  await phone.evaluate(() => {
    window.dead = true;
    rooms.at(-1).close();
  });
  await until("the phone tries to come back", () => phone.evaluate(() => window.hanging > 0));
  await by(phone, "hangup").click();
  await state(phone, "ready");
  assert.ok(await areOff(phone), "camera and microphone are still on");
  assert.equal(await by(phone, "remote-video").count(), 0);
  // As long as the connection between the two takes to be noticed as gone.
  await phone.waitForTimeout(6000);
  assert.ok(!(await by(phone, "error").isVisible()), await by(phone, "error").textContent());

  // The first time it enters, too.
  await by(door, "press").click();
  await by(phone, "accept").click();
  await until("the phone opens its camera", async () => !(await areOff(phone)));
  await by(phone, "hangup").click();
  await state(phone, "ready");
  assert.ok(await areOff(phone), "camera and microphone are still on");
  // Who stays is told.
  await by(door, "press").click();
  await by(phone, "accept").click();
  await by(phone, "error").filter({ hasText: "The room cannot be entered" }).waitFor({ timeout: 30_000 });
  assert.ok(await areOff(phone), "camera and microphone are still on");
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  await tabs.close();
  await outside.close();
});

/** What the page sends, and whether it is heard or seen. */
const sends = (page) => page.evaluate(() => Object.fromEntries(opened.filter(({ readyState }) => readyState === "live").map(({ kind, enabled }) => [kind, enabled])));

test("who is muted stays muted over a reload, as long as the call lasts, and not in the next one", async () => {
  const [tabs, outside] = [await Tabs.open(browser, stack.http), await Tabs.open(browser, stack.http)];
  await tabs.context.addInitScript(watchRoom);
  await outside.context.addInitScript(watchRoom);
  const phone = await tabs.phone("urban", "one");
  const [door, yard] = [await outside.door("door-urban", "urban"), await outside.door("yard-urban", "urban")];
  const pressed = (page) => Promise.all(["mute-microphone", "mute-camera"].map((id) => by(page, id).getAttribute("aria-pressed")));
  const answers = async (at) => {
    await by(at, "press").click();
    await by(phone, "accept").click();
    await Promise.all([state(phone, "in_call"), state(at, "in_call"), by(phone, "mute-camera").waitFor()]);
    await until("the phone is in the room", async () => (await phone.locator("[part=local-video]").count()) === 1);
  };
  await answers(door);
  await by(phone, "mute-microphone").click();
  await by(phone, "mute-camera").click();
  await by(door, "mute-microphone").click();
  for (const [page, off, sent] of [[phone, ["false", "false"], { audio: false, video: false }], [door, ["false", "true"], { audio: false, video: true }]]) {
    await page.reload();
    await state(page, "in_call");
    await page.locator("[part=local-video]").waitFor();
    assert.deepEqual([await pressed(page), await sends(page)], [off, sent], page.url());
  }
  // A second call is another one, also where it is answered while the first one lasts.
  await answers(yard);
  assert.deepEqual([await pressed(phone), await sends(phone)], [["true", "true"], { audio: true, video: true }]);
  await by(phone, "mute-camera").click();
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(yard, "ready"), state(door, "ready")]);
  await answers(door);
  assert.deepEqual([await pressed(phone), await sends(phone)], [["true", "true"], { audio: true, video: true }]);
  assert.deepEqual([await pressed(door), await sends(door)], [["true", "true"], { audio: true, video: true }]);
  await by(phone, "hangup").click();
  await state(door, "ready");
  await tabs.close();
  await outside.close();
});

test("a connection that breaks and a camera that is pulled out are told as long as the call lasts", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await open(tabs, foreign('client="one"', "ulli"));
  await state(phone, "ready");
  const door = await tabs.door("door-ulli", "ulli");
  await by(door, "press").click();
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), sees(phone), sees(door)]);
  const becomes = (connectionState) =>
    phone.evaluate((connectionState) => {
      const peer = window.peers.filter(({ signalingState }) => signalingState !== "closed").at(-1);
      Object.defineProperty(peer, "connectionState", { value: connectionState, configurable: true });
      peer.dispatchEvent(new Event("connectionstatechange"));
    }, connectionState);
  const interrupted = by(phone, "error").filter({ hasText: "The connection to the other side is interrupted." });
  // What is over at once is not told.
  await becomes("disconnected");
  await becomes("connected");
  await phone.waitForTimeout(5000);
  assert.equal(await interrupted.count(), 0);
  await becomes("disconnected");
  await interrupted.waitFor();
  assert.deepEqual(await phone.evaluate(() => window.problems), ["connection"]);
  await becomes("connected");
  await by(phone, "error").waitFor({ state: "hidden" });
  await becomes("failed");
  await interrupted.waitFor();
  await phone.evaluate(() => (document.documentElement.lang = "zh"));
  await by(phone, "error").filter({ hasText: "与对方的连接已中断。" }).waitFor();
  await phone.evaluate(() => (document.documentElement.lang = "en"));
  await becomes("connected");

  await phone.locator("[part=local-video]").evaluate((video) => {
    const [track] = video.srcObject.getVideoTracks();
    track.stop();
    // A browser says so of a camera that is gone, and not of one that the page has closed.
    track.dispatchEvent(new Event("ended"));
  });
  await by(phone, "error").filter({ hasText: "The camera cannot be used." }).waitFor();
  assert.ok(await by(phone, "mute-camera").isDisabled());
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  assert.ok(!(await by(phone, "error").isVisible()));
  await tabs.close();
});

/** As a browser does before somebody has touched the page. What a test evaluates counts as a touch for Chromium itself. */
function forbidSound() {
  let touched = false;
  addEventListener("pointerdown", () => (touched = true), { capture: true });
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    if (this.muted || touched) return play.call(this);
    return Promise.reject(new DOMException("nobody has touched the page", "NotAllowedError"));
  };
  window.AudioContext = class extends AudioContext {
    get state() {
      return touched ? super.state : "suspended";
    }
    resume() {
      return touched ? super.resume() : new Promise(() => undefined);
    }
  };
}

test("a phone that nobody has touched shows a button that switches the sound on", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  await tabs.context.addInitScript(countNotes);
  await tabs.context.addInitScript(forbidSound);
  const phone = await tabs.phone("vilma", "one");
  const door = await tabs.door("door-vilma", "vilma");
  await by(door, "press").click();
  const sound = phone.getByRole("button", { name: "Switch the sound on" });
  await sound.waitFor();
  await sees(phone);
  assert.equal(await phone.evaluate(() => window.notes), 0);
  // The other button would stand below the call that rings.
  assert.ok(!(await by(phone, "hear").isVisible()));
  await sound.click();
  await sound.waitFor({ state: "hidden" });
  await rings(phone);
  await until("the look before the answer is heard", () => by(phone, "remote-video").evaluate((video) => !video.muted));
  await by(phone, "reject").click();
  await state(door, "ready");
  await tabs.close();
});

test("where the browser does not play the other side by itself, a button does", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  await tabs.context.addInitScript(forbidSound);
  const phone = await tabs.phone("vinzenz", "one");
  const door = await tabs.door("door-vinzenz", "vinzenz");
  await by(door, "press").click();
  const callId = await by(phone, "incoming").getAttribute("data-call");
  await phone.evaluate((callId) => document.querySelector("ilock-phone").answer(callId), callId);
  await state(phone, "in_call");
  const muted = () => by(phone, "remote-video").evaluate((video) => video.muted);
  const hear = phone.getByRole("button", { name: "Tap to hear the other side" });
  await hear.waitFor();
  await sees(phone);
  assert.equal(await muted(), true);
  await hear.click();
  await hear.waitFor({ state: "hidden" });
  assert.equal(await muted(), false);
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready")]);
  await tabs.close();
});

test("a phone says that another device has logged in as the person, also over a reload, until it is dismissed", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("vera-lin", "one");
  await phone.evaluate(() => document.addEventListener("ilock-client-added", ({ detail }) => (window.added = detail.clientId)));
  const party = await stack.process.user("vera-lin");
  const { mqtt_credentials: other } = await party.registers("stolen");
  const says = (text) => by(phone, "logins").filter({ hasText: text }).waitFor();
  await says(`Another device has logged in as you: ${other.client_id}. If you do not know it, change your password.`);
  assert.equal(await phone.evaluate(() => window.added), other.client_id);
  assert.deepEqual(await findings(phone), []);
  await phone.reload();
  await state(phone, "ready");
  await says(other.client_id);
  await phone.evaluate(() => (document.querySelector("ilock-phone").lang = "zh"));
  await says(`另一台设备已以您的身份登录：${other.client_id}。如果您不认得它，请更改密码。`);
  await phone.getByRole("button", { name: "知道了" }).click();
  await by(phone, "logins").waitFor({ state: "hidden" });
  await phone.reload();
  await state(phone, "ready");
  assert.ok(!(await by(phone, "logins").isVisible()));
  await tabs.close();
});

test("who logs out hears no call and sees no list there, and can log in again", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("vicky", "one");
  const door = await tabs.door("door-vicky", "vicky", "&ring-seconds=5");
  await phone.evaluate(() => document.addEventListener("ilock-link", ({ detail }) => (window.why = detail.why)));
  await by(door, "press").click();
  await by(phone, "reject").click();
  await Promise.all([state(door, "ready"), phone.locator("[data-testid=call-row]").waitFor()]);
  await phone.getByRole("button", { name: "Log out" }).click();
  await state(phone, "logged_out");
  assert.equal(await phone.evaluate(() => window.why), "by_user");
  assert.equal(await phone.locator("[data-testid=call-row]").count(), 0);
  assert.equal(await focused(phone), "back");
  assert.ok(!(await by(phone, "log-out").isVisible()));
  const vicky = await stack.process.user("vicky");
  await until("the backend knows it", async () => (await vicky.asks("GET", "/api/mqtt/clients")).clients.length === 0);
  await phone.reload();
  await state(phone, "logged_out");
  await by(door, "press").click();
  await door.locator("[part=note]").filter({ hasText: /^Placing the call was refused: / }).waitFor();
  await by(phone, "back").click();
  await state(phone, "ready");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await phone.evaluate(() => document.querySelector("ilock-phone").logOut());
  await Promise.all([state(phone, "logged_out"), silent(phone)]);
  await phone.waitForTimeout(3000);
  assert.ok(!(await by(phone, "calls-note").isVisible()));
  // Nobody is left who could answer.
  await state(door, "ready");
  await tabs.close(/status of 404/);
});

test("what another client has kept under the same name is not taken: the door has its bell", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("veit", "one");
  const page = await open(tabs, '<!doctype html><html lang="en"><title>A page of somebody else\'s</title><link rel="icon" href="data:,"><main></main><script type="module" src="/pages/pages.js"></script></html>');
  const begins = (client) =>
    page.evaluate((client) => {
      document.querySelector("ilock-door")?.remove();
      const door = document.createElement("ilock-door");
      door.token = async () => {
        const answer = await fetch("/dev/token", { method: "POST", body: '{"sub":"door-veit","role":"device"}' });
        return (await answer.json()).data.token;
      };
      for (const [name, value] of Object.entries({ client, callee: "veit", keep: "mine" })) door.setAttribute(name, value);
      document.querySelector("main").append(door);
    }, client);
  await begins("one");
  await state(page, "ready");
  await by(page, "press").click();
  await by(phone, "incoming").waitFor();
  await state(page, "alerted");
  // The same client goes on with its call.
  await begins("one");
  await state(page, "alerted");
  await begins("two");
  await state(page, "ready");
  assert.ok(await by(page, "press").isEnabled());
  await by(phone, "reject").click();
  await silent(phone);
  await tabs.close();
});

test("in a page of somebody else's the file shows no page, whatever the address", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  await tabs.context.route(/\/phone\?own$/, (route) => route.fulfill({ contentType: "text/html", body: foreign('client="one"', "vroni") }));
  const page = await tabs.page("/phone?own");
  await state(page, "ready");
  assert.deepEqual([await page.locator("ilock-phone").count(), await page.locator("header.bar").count()], [1, 0]);
  await tabs.close();
});

/** What the Tab key goes through. */
async function tabbed(page, count) {
  const all = [];
  for (let index = 0; index < count; index += 1) {
    await page.keyboard.press("Tab");
    all.push(await focused(page));
  }
  return all;
}

const focuses = (page, what) => until(`${page.url()}: ${what} has the focus`, async () => (await focused(page)) === what);

test("the Tab key goes through a page in its order, and the focus follows what is pressed", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const phone = await tabs.phone("ursula", "one");
  const [door, other] = [await tabs.door("door-ursula", "ursula"), await tabs.door("yard-ursula", "ursula")];
  await door.bringToFront();
  assert.deepEqual(await tabbed(door, 3), ["iLock Call", "language", "press"]);
  await door.keyboard.press("Enter");
  await focuses(door, "hangup");
  await by(phone, "incoming").waitFor();
  // Who gives up is back at the bell.
  await door.keyboard.press("Enter");
  await Promise.all([focuses(door, "press"), silent(phone)]);
  await state(door, "ready");
  await door.keyboard.press("Enter");
  await by(phone, "incoming").waitFor();

  await phone.bringToFront();
  assert.deepEqual(await tabbed(phone, 5), ["iLock Call", "language", "reject", "decline", "accept"]);
  await phone.keyboard.press("Enter");
  await focuses(phone, "hangup");
  await state(phone, "in_call");
  await phone.keyboard.press("Shift+Tab");
  assert.equal(await focused(phone), "mute-camera");
  await phone.keyboard.press("Shift+Tab");
  assert.equal(await focused(phone), "mute-microphone");
  // A second call waits; who rejects it is back at what the first one is ended by.
  await by(other, "press").click();
  await by(phone, "incoming").waitFor();
  await by(phone, "reject").focus();
  await phone.keyboard.press("Enter");
  await Promise.all([silent(phone), focuses(phone, "hangup")]);
  await phone.keyboard.press("Enter");
  await Promise.all([state(phone, "ready"), focuses(phone, "idle")]);
  await state(door, "ready");
  await door.bringToFront();
  assert.equal(await focused(door), "press");
  await tabs.close();
});

test("on a small screen two calls of doors with long names ring, and can be answered", async () => {
  const tabs = await Tabs.open(browser, stack.http, { viewport: { width: 375, height: 667 }, reducedMotion: "reduce" });
  const long = "VeryLongName".repeat(40);
  const phone = await tabs.page(`/phone?user=vera&client=one&name=${long}`);
  await state(phone, "ready");
  const door = (device) => tabs.door(device, "vera", `&name=${long}&location=${long}`);
  const doors = [await door("door-vera"), await door("yard-vera"), await door("gate-vera")];
  const fits = async (page) => {
    const [has, shows] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(has <= shows, `${page.url()} is ${has} wide`);
  };
  /** Whether something is in the part of the page that shows it, as a whole. */
  const inside = async (page, found, part) => {
    const [box, around] = [await found.boundingBox(), await page.locator(`[part=${part}]`).boundingBox()];
    const within = box.y >= around.y - 1 && box.y + box.height <= around.y + around.height + 1 && box.x >= around.x - 1 && box.x + box.width <= around.x + around.width + 1;
    assert.ok(within, `${JSON.stringify(box)} is not in ${JSON.stringify(around)}`);
  };
  await fits(doors[0]);
  await inside(doors[0], doors[0].locator("[part=name]"), "stage");
  for (const [index, pressed] of doors.slice(0, 2).entries()) {
    await by(pressed, "press").click();
    await until(`${index + 1} calls ring`, async () => (await by(phone, "incoming").count()) === index + 1);
  }
  await fits(phone);
  const accepts = by(phone, "accept");
  await inside(phone, accepts.first(), "stage");
  await accepts.last().scrollIntoViewIfNeeded();
  await inside(phone, accepts.last(), "stage");
  assert.equal(await accepts.last().textContent(), "Answer");
  assert.ok(await phone.locator("[part=incoming-list]").evaluate((list) => list.scrollWidth <= list.clientWidth));

  // While the person talks two calls wait, and hanging up stays free of them.
  await accepts.first().click();
  await state(phone, "in_call");
  await by(doors[2], "press").click();
  await until("two calls wait", async () => (await by(phone, "incoming").count()) === 2);
  const [list, end] = [await phone.locator("[part=incoming-list]").boundingBox(), await by(phone, "hangup").boundingBox()];
  assert.ok(list.y + list.height <= end.y, "the calls that wait are over the button that hangs up");
  await accepts.last().scrollIntoViewIfNeeded();
  await inside(phone, accepts.last(), "incoming-list");
  await fits(phone);
  for (const pressed of doors.slice(1)) await by(pressed, "hangup").click();
  await until("no call waits", async () => (await by(phone, "incoming").count()) === 0);
  await by(phone, "hangup").click();
  await Promise.all([state(phone, "ready"), state(doors[0], "ready")]);
  await tabs.close();
});
