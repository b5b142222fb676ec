// What the person is told of a problem. The core says it in English; other languages find their words by its code, which never
// changes: docs/apps.md lists the codes under "Problems".

import type { Problem } from "@ilock/client";

import { foreign } from "./foreign.js";
import { isChinese } from "./language.js";

const ZH: Record<number, string> = {
  0: "后端没有响应。请检查网络，然后重试。",
  1: "响应无法读取：它来自别的服务器或别的版本。",
  2: "后端没有及时收下接听。请检查网络，然后回拨。",
  3: "这里没有这个通话。",
  4: "通话已经结束。",
  5: "这个呼叫是从这里发起的，由对方接听。",
  6: "只有正在响铃的通话才能预览。",
  7: "呼叫所附的数据不是 JSON 对象。",
  40001: "某个字段有误：{message}。",
  40101: "没有可被接受的访问令牌，登录服务也没有响应。稍后会再次询问。",
  40301: "此账号无权这样做。请联系运营方。",
  40400: "后端没有这个请求：它是别的服务器或别的版本。",
  40402: "被呼叫的人都没有手机。请检查 id，或请对方在手机上登录。",
  40801: "请求没有及时送达。请检查网络，然后重试。",
  40902: "通话尚未接听。",
  41301: "请求过大。",
  41501: "请求在途中被压缩。",
  42201: "请重新按一次。",
  42900: "呼叫过于频繁，请稍候再试。",
  42904: "注册过于频繁，稍后会自动再试。",
  50001: "后端内部错误。请告知运营方。",
  50300: "后端繁忙，请稍候再试。",
};

/** Several codes of which the person is told the same. */
const SAME: Record<number, number> = { 40500: 40400, 42901: 42900, 42902: 42900, 42903: 42900, 50301: 50300, 50302: 50300, 50303: 50300 };

/** The problem in this language, where there are words for its code; else in the core's own. */
export function problemText({ code, message, hint }: Problem, language: string): string {
  const known = isChinese(language) ? ZH[SAME[code] ?? code] : undefined;
  const said = foreign(message).trim();
  return known?.replace("{message}", () => said.replace(/[.。]$/, "")) ?? [said, hint].filter(Boolean).map(sentence).join(" ");
}

/** With a capital, unless the name of a field begins it, and with its end. */
function sentence(text: string): string {
  const begun = /^[a-z]+[ ,:]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?。！？…]$/.test(begun) ? begun : `${begun}.`;
}
