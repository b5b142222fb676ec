// What stands in a page's address: what is wrong is named, in the person's language; the language; a story that there is not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { by, state, Tabs, until } from "./browser.mjs";
import { browser, stack } from "./running.mjs";

const ID = ["user must be 1 to 128 characters without control characters.", "user 必须是 1 到 128 个字符，不含控制字符，"];
const CLIENT = ["client must be 1 to 52 of A-Z a-z 0-9 _ -.", "client 必须是 1 到 52 个 A-Z a-z 0-9 _ -，"];
const CALLEE = ["callee must be 1 to 20 ids of 1 to 128 characters each, separated by commas.", "callee 必须是 1 到 20 个 id，每个 1 到 128 个字符，用逗号分隔，"];
const SECONDS = ["ring-seconds must be a whole number from 5 to 120.", "ring-seconds 必须是 5 到 120 的整数，"];
const TEXT = ["name must be at most 2000 bytes without control characters.", "name 必须是不超过 2000 字节的文字，不含控制字符，"];
const EMPTY = ["Here it is empty.", "现在为空。"];
const is = (value) => [`Here it is “${value}”.`, `现在是“${value}”。`];
const long = (letter) => is(`${letter.repeat(40)}…`);

/** An address, what it says is right, and what it says is there. */
const WRONG = [
  ["/phone?user=", ID, EMPTY],
  [`/phone?user=${"u".repeat(129)}`, ID, long("u")],
  ["/phone?user=rita&client=", CLIENT, EMPTY],
  ["/phone?user=rita&client=my%20phone", CLIENT, is("my phone")],
  [`/phone?user=rita&client=${"c".repeat(53)}`, CLIENT, long("c")],
  ["/door?device=gate&callee=", CALLEE, EMPTY],
  ["/door?device=gate&callee=,%20,", CALLEE, is(", ,")],
  ["/door?device=gate&callee=rita&ring-seconds=-5", SECONDS, is("-5")],
  ["/door?device=gate&callee=rita&ring-seconds=7.5", SECONDS, is("7.5")],
  ["/door?device=gate&callee=rita&ring-seconds=abc", SECONDS, is("abc")],
  ["/door?device=gate&callee=rita&ring-seconds=121", SECONDS, is("121")],
  ["/door?device=gate&callee=rita&ring-seconds=", SECONDS, EMPTY],
  [`/door?device=gate&callee=rita&name=${"n".repeat(2001)}`, TEXT, long("n")],
];

for (const [index, language] of ["en", "zh"].entries()) {
  test(`a wrong address is answered with the field and what would be right, and nothing is asked, ${language}`, async () => {
    const tabs = await Tabs.open(browser, stack.http);
    const page = await tabs.page(`${WRONG[0][0]}&lang=${language}`);
    const asked = [];
    page.on("request", (request) => /\/(api|dev)\//.test(request.url()) && asked.push(request.url()));
    for (const [path, rule, value] of WRONG) {
      await page.goto(`${stack.http}${path}&lang=${language}`);
      await by(page, "error").waitFor();
      const said = [rule[index], value[index]].join(language === "en" ? " " : "");
      assert.equal(await by(page, "error").textContent(), said, path);
    }
    // The last one is a door's: its bell cannot be pressed.
    await state(page, "invalid");
    assert.ok(await by(page, "press").isDisabled());
    assert.deepEqual(asked, []);
    await page.goto(`${stack.http}/story/no%20call?lang=${language}`);
    const none = { en: /^This is no call id: 1 to 170 of A-Z a-z 0-9 _ -/, zh: /^这不是通话 id：应为 1 到 170 个 A-Z a-z 0-9 _ -/ };
    await by(page, "note").filter({ hasText: none[language] }).waitFor();
    assert.deepEqual(asked, []);
    await tabs.close();
  });
}

test("the longest ids are taken, in any script, and each tab logs in by itself", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const sessions = [];
  tabs.context.on("request", (request) => {
    if (request.url().endsWith("/dev/token")) sessions.push(JSON.parse(request.postData()).session);
  });
  const chinese = await tabs.page(`/phone?user=${encodeURIComponent("安".repeat(128))}`);
  await state(chinese, "ready");
  const path = `/phone?user=${"u".repeat(128)}`;
  const [one, other] = [await tabs.page(path), await tabs.page(path)];
  await Promise.all([state(one, "ready"), state(other, "ready")]);
  assert.equal(new Set(sessions).size, 3, sessions.join());
  for (const session of sessions) assert.ok(Buffer.byteLength(session) <= 128, session);
  await tabs.close();
});

test("the language button works behind a fragment, and a language is read however it is written", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const calls = (count, name) => Array.from({ length: count }, (_, index) => ({ call_id: `call_${name}_${index}`, caller_id: `${name}-${index}`, callee_ids: ["tina"], timestamp: Date.now(), state: "ended" }));
  const pages = { "": { calls: calls(100, "early"), next_cursor: "more" }, more: { calls: calls(1, "late") } };
  await tabs.context.route("**/api/audit/calls?*", (route) => {
    const cursor = new URL(route.request().url()).searchParams.get("cursor") ?? "";
    return route.fulfill({ json: { code: 0, message: "OK", data: pages[cursor] } });
  });
  const start = await tabs.page("/#today");
  // The list has the last calls first, also behind the first page of the answer.
  await start.getByText("late-0 called tina").waitFor();
  assert.equal(await start.locator(".list li").count(), 8);
  assert.match(await start.locator(".list li").nth(1).textContent(), /^early-99 called tina/);
  await by(start, "language").click();
  await start.getByText("late-0 呼叫 tina").waitFor();
  assert.equal(await start.evaluate(() => document.documentElement.lang), "zh-CN");
  assert.equal(start.url(), `${stack.http}/`);
  for (const [written, text] of [["zh_CN", "late-0 呼叫 tina"], ["ZH-cn", "late-0 呼叫 tina"], ["en_GB.UTF-8", "late-0 called tina"], ["", "late-0 呼叫 tina"], ["%24", "late-0 呼叫 tina"]]) {
    await start.goto(`${stack.http}/?lang=${written}`);
    await start.getByText(text).waitFor();
  }
  // A list that cannot be read says so, and is read when the page is looked at again.
  await tabs.context.unroute("**/api/audit/calls?*");
  await tabs.context.route("**/api/audit/calls?*", (route) => route.abort());
  await start.goto(`${stack.http}/?lang=en`);
  await by(start, "latest-note").filter({ hasText: "The server cannot be reached." }).waitFor();
  await tabs.context.unroute("**/api/audit/calls?*");
  await start.evaluate(() => dispatchEvent(new Event("focus")));
  await by(start, "latest-note").filter({ hasText: /^No calls yet/ }).waitFor();
  await tabs.close(/ERR_FAILED/);
});

test("the links of a page lead to pages in the language that its address asks for", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const call = { call_id: "call_x", caller_id: "gate", callee_ids: ["toni"], timestamp: Date.now(), state: "ended" };
  await tabs.context.route("**/api/audit/calls?*", (route) => route.fulfill({ json: { code: 0, message: "OK", data: { calls: [call] } } }));
  const links = async (path) => {
    const start = await tabs.page(path);
    await start.locator(".list a").waitFor();
    // A call of a night is listed on two days.
    return start.locator("a:not([href^='#'])").evaluateAll((all) => [...new Set(all.map((link) => link.getAttribute("href")))]);
  };
  const [plain, chinese] = [await links("/"), await links("/?lang=zh")];
  assert.deepEqual(plain.map((href) => href.split("?")[0]), ["/", "/phone", "/door", "/story/call_x"]);
  assert.deepEqual(chinese.map((href) => href.split("?")[0]), ["/", "/phone", "/door", "/story/call_x"]);
  for (const href of chinese) assert.match(href, /[?&]lang=zh$/);
  for (const href of plain) assert.doesNotMatch(href, /lang=/);
  const door = await tabs.page("/door?device=gate&callee=toni&lang=zh");
  assert.equal(await door.locator("a.brand").getAttribute("href"), "/?lang=zh");
  await tabs.close();
});

test("a tab that was duplicated is a phone of its own, and a tab that is reloaded stays the same one", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const client = (page) => page.locator("ilock-phone").getAttribute("client");
  const first = await tabs.page("/phone?user=thea");
  await state(first, "ready");
  const name = await client(first);
  // As a browser does for a duplicate.
  const kept = await first.evaluate(() => ({ ...sessionStorage }));
  const second = await tabs.context.newPage();
  await second.addInitScript((kept) => {
    for (const [place, value] of Object.entries(kept)) if (sessionStorage.getItem(place) === null) sessionStorage.setItem(place, value);
  }, kept);
  await second.goto(first.url());
  await state(second, "ready");
  const other = await client(second);
  assert.notEqual(other, name);
  assert.equal(await by(first, "state").getAttribute("data-state"), "ready");
  for (const [page, own] of [[second, other], [first, name]]) {
    await page.reload();
    await state(page, "ready");
    assert.equal(await client(page), own);
  }
  await tabs.close();
});

test("a story that there is not is asked for once, and one that cannot be reached again and again", async () => {
  const tabs = await Tabs.open(browser, stack.http);
  const says = (page, text) => by(page, "note").filter({ hasText: text }).waitFor();
  let asked = 0;
  const story = await tabs.page("/story/call_d_nobody_1_x");
  story.on("request", (request) => request.url().includes("/events") && (asked += 1));
  await says(story, /^There is no such call\. Check the address\.$/);
  // As long as two of the questions of a story that goes on.
  await story.waitForTimeout(1500);
  assert.ok(asked <= 1, `asked ${asked} times`);
  assert.equal(tabs.errors.length, 1, tabs.errors.join());
  asked = 0;
  await by(story, "again").click();
  await until("it was asked once more", () => asked === 1);
  await says(story, /^There is no such call/);

  const refused = (status) => (route) => route.fulfill({ status, json: { code: status * 100 + 1, message: "no", data: null } });
  await tabs.context.route("**/api/audit/calls/call_forbidden/**", refused(403));
  await tabs.context.route("**/api/audit/calls/call_bad/**", refused(400));
  for (const [path, text] of [
    ["call_d_nobody_1_x?lang=zh", "没有这个通话。请检查地址。"],
    ["call_forbidden?lang=en", "This access token may not read what happened: it takes one with the role auditor."],
    ["call_forbidden?lang=zh", "此访问令牌无权读取通话经过：需要角色为 auditor 的令牌。"],
    ["call_bad?lang=en", "This is no call id: 1 to 170 of A-Z a-z 0-9 _ - are one. Check the address."],
    ["call_bad?lang=zh", "这不是通话 id：应为 1 到 170 个 A-Z a-z 0-9 _ -。请检查地址。"],
  ]) {
    await story.goto(`${stack.http}/story/${path}`);
    await says(story, text);
  }

  const outcomes = ["abort", 404];
  await tabs.context.route("**/api/audit/calls/call_away/**", (route) => {
    const outcome = outcomes.shift();
    return outcome === "abort" ? route.abort() : refused(outcome)(route);
  });
  await story.goto(`${stack.http}/story/call_away?lang=en`);
  await says(story, "The server cannot be reached. It is asked again.");
  await says(story, /^There is no such call/);
  assert.deepEqual(outcomes, []);
  await tabs.close(/status of (400|403|404)|ERR_FAILED/);
});
