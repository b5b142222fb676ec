// The access tokens of the pages: client/pages/src/elements/tokens.ts, which needs no page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterEach, test } from "node:test";

import ts from "typescript";

const source = await readFile(new URL("../../pages/src/elements/tokens.ts", import.meta.url), "utf8");
const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
const { outputText } = ts.transpileModule(source, { compilerOptions });
const { Tokens } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);

const { fetch } = globalThis;
afterEach(() => Object.assign(globalThis, { fetch }));

/** Tokens, and who gives each of those that were asked for. */
function asked() {
  const gives = [];
  return { tokens: new Tokens(() => new Promise((give) => gives.push(give))), gives };
}

/** The token that the backend is asked with. */
async function used(tokens) {
  let authorization;
  globalThis.fetch = async (_address, { headers }) => {
    ({ authorization } = headers);
    return new Response("");
  };
  await tokens.fetch("http://backend.invalid");
  return authorization;
}

test("a token that was asked for before a logout is not that of the next login", async () => {
  const { tokens, gives } = asked();
  const before = tokens.renew();
  tokens.forget();
  const after = tokens.renew();
  gives[0]("before");
  assert.equal(await before, "before");
  assert.equal(tokens.renew(), after, "whoever asks meanwhile gets the same");
  gives[1]("after");
  assert.equal(await after, "after");
  assert.equal(await used(tokens), "Bearer after");
});

test("a token that comes after that of the next login is not used", async () => {
  const { tokens, gives } = asked();
  const before = tokens.renew();
  tokens.forget();
  const after = tokens.renew();
  gives[1]("after");
  await after;
  gives[0]("before");
  await before;
  assert.equal(await used(tokens), "Bearer after");
});

test("the last token is given once more where nobody has refused it, and after a logout not", async () => {
  const { tokens, gives } = asked();
  const first = tokens.renew();
  tokens.reuse();
  assert.equal(tokens.renew(), first, "one that is asked for is waited for");
  gives[0]("first");
  await first;
  tokens.reuse();
  assert.equal(await tokens.renew(), "first");
  assert.equal(gives.length, 1, "the source was asked for another one");
  const next = tokens.renew();
  gives[1]("next");
  assert.equal(await next, "next", "it was refused after all");
  tokens.reuse();
  tokens.forget();
  void tokens.renew();
  assert.equal(gives.length, 3);
});

test("the last token is forgotten with the login", async () => {
  const { tokens, gives } = asked();
  const before = tokens.renew();
  gives[0]("before");
  await before;
  tokens.forget();
  const use = used(tokens);
  gives[1]("after");
  assert.equal(await use, "Bearer after");
});
