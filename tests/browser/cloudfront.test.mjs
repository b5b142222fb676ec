// The pages of a deployment: CloudFront before them, a login service of one's own, no video rooms.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { by, findings, launch, silent, state, Tabs } from "./browser.mjs";
import { CloudFront, paths } from "./cloudfront.mjs";
import { Stack } from "./stack.mjs";

let stack;
let front;
let browser;

before(async () => {
  const own = { AUTH_SECRET: "a-secret-of-the-operator-s-own-long-enough", MQTT_SECRET: "another-secret-of-the-operator-s-own-long-enough" };
  [stack, browser] = await Promise.all([Stack.start(own), launch()]);
  front = await CloudFront.start(stack);
});
after(async () => {
  await browser?.close();
  await front?.stop();
  await stack?.stop();
});

test("each page is the one file, and what is no page is not found", () => {
  const found = paths("trtc");
  for (const page of ["/", "/door", "/phone", "/story/call_d_anna_1_x"]) assert.equal(found(page).uri, "/pages/page.html", page);
  for (const file of ["/pages/pages.js", "/pages/trtc.esm.js"]) assert.equal(found(file).uri, file);
  for (const none of ["/dev/token", "/dev/room", "/index.html", "/door/", "/phone/x", "/story", "/story/", "/story/a/b", "//", "/api"]) {
    assert.equal(found(none).statusCode, 404, none);
  }
  const config = found("/pages/config.json");
  assert.deepEqual([config.statusCode, JSON.parse(config.body)], [200, { login: "token", room: "trtc" }]);
});

test("a token is pasted or comes in the fragment; a door rings a phone, which answers without picture and sound", async () => {
  const tabs = await Tabs.open(browser, front.http);
  const [rosa, gate] = [await stack.token("rosa", "user"), await stack.token("gate", "device")];
  const phone = await tabs.page("/phone?user=rosa&client=one");
  await by(phone, "login").getByRole("textbox").fill(rosa);
  await by(phone, "login").getByRole("button", { name: "Log in" }).click();
  await state(phone, "ready");

  const door = await tabs.page(`/door?device=gate&callee=rosa#token=${gate}`);
  await state(door, "ready");
  assert.equal(await door.evaluate(() => location.href), `${front.http}/door?device=gate&callee=rosa`);
  await door.reload();
  await state(door, "ready");
  assert.equal(await by(door, "login").count(), 0);

  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  assert.match(await by(phone, "incoming").textContent(), /There is no video room here/);
  assert.deepEqual(await findings(phone), []);
  await by(phone, "accept").click();
  await Promise.all([state(phone, "in_call"), state(door, "in_call")]);
  for (const page of [phone, door]) {
    await page.getByText("There is no video room here: nobody sees or hears the other side.").first().waitFor();
    assert.ok(!(await page.getByRole("button", { name: /^Microphone/ }).isVisible()));
  }
  await by(door, "hangup").click();
  await Promise.all([state(phone, "ready"), state(door, "ready"), silent(phone)]);
  const callId = await phone.locator("[data-testid=call-row][data-state=ended]").getAttribute("data-call");
  const story = await tabs.page(`/story/${callId}#token=${await stack.token("eve", "auditor")}`);
  await story.locator("[data-testid=verdict][data-verdict=sound]").waitFor();

  for (const [page, token] of [[phone, rosa], [door, gate]]) {
    const kept = await page.evaluate(() => [JSON.stringify({ ...sessionStorage }), JSON.stringify([location.href, { ...localStorage }, document.cookie])]);
    assert.ok(kept[0].includes(token) && !kept[1].includes(token), "a token is kept in the tab alone");
    assert.ok(!front.asked.some((line) => line.includes(token)), "a token was in an address");
  }
  assert.ok(!front.asked.some((line) => line.includes("/dev/")), "a page asked for what only a laptop has");
  await tabs.close();
});

test("a link with another token replaces the one that the tab has", async () => {
  const tabs = await Tabs.open(browser, front.http);
  const phone = await tabs.page("/phone?user=sam&client=one#token=an-old-one");
  await by(phone, "login").getByRole("alert").waitFor();
  const token = await stack.token("sam", "user");
  await phone.goto(`${front.http}/phone?user=sam&client=one#token=${token}`);
  await state(phone, "ready");
  assert.ok(!(await phone.evaluate(() => location.href)).includes(token));
  await tabs.close(/status of 401/);
});

for (const [lang, says, log] of [
  ["en", "This is the access token of ben, and the page is that of anna. Give the token of anna.", "Log in"],
  ["zh", "这是 ben 的访问令牌，而本页属于 anna。请填入 anna 的令牌。", "登录"],
]) {
  test(`a page that is given somebody else's token says whose it is, and logs nobody in, ${lang}`, async () => {
    const tabs = await Tabs.open(browser, front.http);
    const [anna, ben] = [await stack.token("anna", "user"), await stack.token("ben", "user")];
    const phone = await tabs.page(`/phone?user=anna&client=one&lang=${lang}#token=${ben}`);
    const form = by(phone, "login");
    for (const again of [true, false]) {
      await form.getByRole("alert").filter({ hasText: says }).waitFor();
      await form.getByRole("textbox").fill(again ? ben : anna);
      await form.getByRole("button", { name: log }).click();
    }
    await state(phone, "ready");
    assert.ok(!(await phone.evaluate(() => JSON.stringify({ ...sessionStorage }))).includes(ben), "the other's token was kept");
    await tabs.close();
  });
}

test("who logs out is asked for a token before anybody is logged in there again, also after a reload", async () => {
  const tabs = await Tabs.open(browser, front.http);
  const token = await stack.token("rolf", "user");
  const phone = await tabs.page(`/phone?user=rolf&client=one#token=${token}`);
  await state(phone, "ready");
  const logsOut = async () => {
    await by(phone, "log-out").click();
    await state(phone, "logged_out");
    assert.ok(!(await phone.evaluate(() => JSON.stringify({ ...sessionStorage }))).includes(token), "the token was kept");
    await phone.reload();
    await state(phone, "logged_out");
    assert.equal(await by(phone, "login").count(), 0);
  };
  // A login of the same second as the logout is the one that it ended.
  const later = async () => {
    await phone.waitForTimeout(2000);
    return stack.token("rolf", "user");
  };
  await logsOut();
  await by(phone, "back").click();
  const form = by(phone, "login");
  await form.waitFor();
  assert.equal(await form.getByRole("alert").count(), 0);
  await form.getByRole("textbox").fill(await later());
  await form.getByRole("button", { name: "Log in" }).click();
  await state(phone, "ready");
  // A link with a token is a login, too.
  await logsOut();
  await phone.goto(`${front.http}/phone?user=rolf&client=one#token=${await later()}`);
  await state(phone, "ready");
  await tabs.close();
});

test("a phone that another tab took over is used again with the token that it has", async () => {
  const tabs = await Tabs.open(browser, front.http);
  const path = `/phone?user=ruth&client=one#token=${await stack.token("ruth", "user")}`;
  const first = await tabs.page(path);
  await state(first, "ready");
  const second = await tabs.page(path);
  await Promise.all([state(second, "ready"), state(first, "taken_over")]);
  await first.getByRole("button", { name: "Use here" }).click();
  await Promise.all([state(first, "ready"), state(second, "taken_over")]);
  assert.equal(await by(first, "login").count(), 0);
  await first.reload();
  await state(first, "ready");
  await tabs.close();
});

for (const [locale, name, offered] of [["en-GB", "Open a phone", /Anna/], ["zh-CN", "打开一部手机", /安娜/]]) {
  test(`the start page asks whose page to open, and offers nobody's, ${locale}`, async () => {
    const tabs = await Tabs.open(browser, front.http, { locale });
    const start = await tabs.page("/");
    const phone = start.getByRole("button", { name });
    await phone.waitFor();
    assert.doesNotMatch(await start.locator("main").textContent(), offered);
    assert.deepEqual(await start.locator("main a").count(), 0);
    assert.deepEqual(await findings(start), []);
    await start.locator("input[name=user]").fill(" rosa ");
    const [opened] = await Promise.all([tabs.context.waitForEvent("page"), phone.click()]);
    await by(opened, "login").waitFor();
    assert.equal(opened.url(), `${front.http}/phone?user=rosa`);
    await tabs.close();
  });
}

test("no page runs a script that it was not served, and each asks its own host and the broker alone", async () => {
  const tabs = await Tabs.open(browser, front.http);
  const page = await tabs.context.newPage();
  const origins = new Set();
  page.on("request", (request) => origins.add(new URL(request.url()).origin));
  await page.goto(`${front.http}/phone?user=tom#token=${await stack.token("tom", "user")}`);
  await state(page, "ready");
  const blocked = await page.evaluate(
    () =>
      new Promise((done) => {
        const found = [];
        document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        fetch("https://yun.tim.qq.com/").catch(() => undefined);
        setTimeout(() => done([...found, window.ran]), 1000);
      }),
  );
  assert.deepEqual(blocked, ["script-src-elem", "connect-src", undefined]);
  origins.delete("https://yun.tim.qq.com");
  assert.deepEqual([...origins], [front.http]);
  await tabs.context.close();
});
