// What every page has: the bar at its top, its language, and what is wrong with it.

import { h, say } from "../elements/dom.js";
import { foreign } from "../elements/foreign.js";
import { firstLanguage, isChinese } from "../elements/language.js";
import { inBrowser } from "../elements/storage.js";
import { type Word, words } from "../elements/words.js";

/** The page's language: that of `?lang=`, else the one that was chosen here, else the browser's. */
export function language(): string {
  return firstLanguage(new URLSearchParams(location.search).get("lang"), inBrowser.get("ilock.lang"), navigator.language);
}

/** The address of another page, in the language that the address of this one asks for. */
export function linkTo(path: string): string {
  const lang = new URLSearchParams(location.search).get("lang");
  return lang === null ? path : `${path}${path.includes("?") ? "&" : "?"}${new URLSearchParams({ lang })}`;
}

/** Puts `content` into the page, below the bar. */
export function frame(kind: string, ...content: Node[]): HTMLElement {
  const chinese = isChinese(language());
  document.documentElement.lang = chinese ? "zh-CN" : firstLanguage(/^en\b/i.test(navigator.language) ? navigator.language : "en");
  const brand = h("a", { class: "brand", href: linkTo("/") }, h("img", { src: "/pages/icon.svg", alt: "", width: 28, height: 28 }), "iLock Call");
  const other = h("button", { type: "button", lang: chinese ? "en" : "zh-CN", "data-testid": "language", click: () => {
    const chosen = chinese ? "en" : "zh-CN";
    const address = new URL(location.href);
    if (inBrowser.set("ilock.lang", chosen)) address.searchParams.delete("lang");
    else address.searchParams.set("lang", chosen);
    // With a fragment the browser would go to that place in the page that is open.
    address.hash = "";
    location.replace(address);
  } }, chinese ? "English" : "中文");
  const main = h("main", { class: kind }, ...content);
  document.body.append(h("header", { class: "bar" }, brand, other), main);
  return main;
}

const wrong = h("p", { class: "panel wrong", role: "alert", "data-testid": "error" });

/** Says what is wrong with the page, until it is loaded again. */
export function showWrong(text: string): void {
  say(wrong, text);
  const main = document.querySelector("main") ?? frame("wrong");
  if (wrong.parentNode !== main) main.prepend(wrong);
}

/** The same by a word, with `{why}` in it. */
export function showWord(word: Word, why = ""): void {
  showWrong(words(language())[word].replace("{why}", () => foreign(why)));
}
