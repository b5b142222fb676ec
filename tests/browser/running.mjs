// One stack and one browser for all tests of a file: both are there when its first test begins.

import { after, before } from "node:test";

import { launch } from "./browser.mjs";
import { Stack } from "./stack.mjs";

export let stack;
export let browser;

before(async () => ([stack, browser] = await Promise.all([Stack.start(), launch()])));
after(async () => {
  await browser?.close();
  await stack?.stop();
});
