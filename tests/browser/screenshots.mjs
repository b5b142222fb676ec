// Makes the pictures of docs/pictures anew: tests/browser/run screenshots

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { by, launch, sees, silent, state, Tabs } from "./browser.mjs";
import { film, SCENES } from "./scenes.mjs";
import { Stack } from "./stack.mjs";

const PICTURES = fileURLToPath(new URL("../../docs/pictures", import.meta.url));
/** Names of each round's own, so that its lists begin empty. */
const NAMES = { "desktop-light": ["anna", "front-door"], "phone-light": ["anna-li", "entrance"], "desktop-dark": ["anna-wu", "gate"], "phone-dark": ["anna-he", "lobby"] };
const SIZES = { desktop: { width: 1120, height: 800 }, phone: { width: 390, height: 844 } };

/** Every page in one colour scheme and size. */
async function shoot({ doors, phones, stack, scheme, size }) {
  const options = { colorScheme: scheme, viewport: SIZES[size], reducedMotion: "reduce" };
  const outside = await Tabs.open(doors, stack.http, options);
  const inside = await Tabs.open(phones, stack.http, options);
  const shot = (page, name, options) => page.screenshot({ path: join(PICTURES, `${name}-${size}-${scheme}.jpg`), type: "jpeg", quality: 84, ...options });
  const [user, device] = NAMES[`${size}-${scheme}`];
  const phone = await inside.page(`/phone?user=${user}&client=kitchen&name=Anna`);
  await state(phone, "ready");
  const door = await outside.door(device, user);
  await shot(door, "door");
  // A missed call first, for the list.
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await by(door, "hangup").click();
  await silent(phone);
  await phone.locator("[data-testid=call-row]").first().waitFor();
  await state(door, "ready");
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await shot(phone, "ringing");
  const callId = await by(phone, "incoming").getAttribute("data-call");
  await sees(phone);
  await shot(phone, "preview");
  await state(door, "alerted");
  await by(phone, "accept").click();
  await Promise.all([sees(phone), sees(door)]);
  await phone.waitForTimeout(1500);
  await shot(phone, "in-call");
  await shot(door, "door-in-call");
  await by(phone, "hangup").click();
  await phone.locator("[data-testid=call-row][data-state=ended]").waitFor();
  await phone.waitForTimeout(500);
  // The list is below the stage on a phone.
  await shot(phone, "history", { fullPage: size === "phone" });
  const story = await inside.page(`/story/${callId}`);
  await story.locator("[data-testid=verdict][data-verdict=sound]").waitFor();
  await story.waitForTimeout(1500);
  await shot(story, "story");
  const start = await inside.page("/");
  await start.locator(".list li").first().waitFor();
  await shot(start, "start");
  await outside.close();
  await inside.close();
}

/** The picture that README opens with, in its language: a door that was pressed, and the phone that rings. */
async function overview({ doors, phones, cutter, stack, language: { lang, user, name, picture } }) {
  const options = { colorScheme: "light", viewport: SIZES.phone, reducedMotion: "reduce" };
  const outside = await Tabs.open(doors, stack.http, options);
  const inside = await Tabs.open(phones, stack.http, options);
  const phone = await inside.page(`/phone?user=${user}&client=kitchen&name=${encodeURIComponent(name)}&lang=${lang}`);
  await state(phone, "ready");
  const door = await outside.door(`door-of-${user}`, user, `&lang=${lang}`);
  await by(door, "press").click();
  await by(phone, "incoming").waitFor();
  await sees(phone);
  await state(door, "alerted");
  const images = [];
  for (const [page, element] of [[door, "ilock-door"], [phone, "ilock-phone"]]) {
    images.push((await page.locator(element).screenshot()).toString("base64"));
  }
  await by(door, "hangup").click();
  await silent(phone);
  await outside.close();
  await inside.close();
  const page = await cutter.newPage({ viewport: { width: 1120, height: 760 } });
  await page.setContent(`<style>
    body { margin: 0; display: flex; gap: 72px; justify-content: center; align-items: center; height: 760px; background: #dfe8e4; }
    img { max-height: 700px; border-radius: 26px; box-shadow: 0 18px 50px #14211d33; }
  </style>${images.map((image) => `<img src="data:image/png;base64,${image}">`).join("")}`);
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  await page.screenshot({ path: join(PICTURES, picture), type: "jpeg", quality: 86 });
  await page.close();
}

/** The languages of README. */
const LANGUAGES = [
  { lang: "en", user: "anna-lin", name: "Anna", picture: "overview.jpg" },
  { lang: "zh", user: "anna-sun", name: "安娜", picture: "overview.zh.jpg" },
];

const stack = await Stack.start();
const films = await mkdtemp(join(tmpdir(), "ilock-films-"));
const cutter = await launch();
await mkdir(PICTURES, { recursive: true });
for (const [name, scene] of Object.entries(SCENES)) await film(cutter, scene, join(films, `${name}.mjpeg`));
const [doors, phones] = await Promise.all([launch({ camera: join(films, "visitor.mjpeg") }), launch({ camera: join(films, "resident.mjpeg") })]);
for (const scheme of ["light", "dark"]) {
  for (const size of ["desktop", "phone"]) await shoot({ doors, phones, stack, scheme, size });
}
for (const language of LANGUAGES) await overview({ doors, phones, cutter, stack, language });
await Promise.all([doors.close(), phones.close(), cutter.close()]);
await stack.stop();
await rm(films, { recursive: true });
console.log(`docs/pictures: made anew`);
