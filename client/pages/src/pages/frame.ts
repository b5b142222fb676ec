// What every page has: the bar at its top, its language.

import { h } from "../elements/dom.js";
import { isChinese } from "../elements/words.js";

/** The page's language: that of `?lang=`, else the one that was chosen here, else the browser's. */
export function language(): string {
  return new URLSearchParams(location.search).get("lang") ?? localStorage.getItem("ilock.lang") ?? navigator.language;
}

/** Puts `content` into the page, below the bar. */
export function frame(kind: string, ...content: Node[]): HTMLElement {
  const chinese = isChinese(language());
  document.documentElement.lang = chinese ? "zh-CN" : /^en\b/i.test(navigator.language) ? navigator.language : "en";
  const brand = h("a", { class: "brand", href: "/" }, h("img", { src: "/pages/icon.svg", alt: "", width: 28, height: 28 }), "iLock Call");
  const other = h("button", { type: "button", lang: chinese ? "en" : "zh-CN", click: () => {
    localStorage.setItem("ilock.lang", chinese ? "en" : "zh-CN");
    const address = new URL(location.href);
    address.searchParams.delete("lang");
    location.replace(address);
  } }, chinese ? "English" : "中文");
  const main = h("main", { class: kind }, ...content);
  document.body.append(h("header", { class: "bar" }, brand, other), main);
  return main;
}
