// The language of an element or a page. A tag is made a valid one here and nowhere else, so that `Intl` takes it everywhere.

const DEFAULT = "en";

/** The tag as BCP 47 writes it: `zh_CN`, `zh-cn` and `zh_CN.UTF-8` are `zh-CN`. `undefined` where the text is no tag. */
export function languageTag(text: string | null | undefined): string | undefined {
  const tag = (text ?? "").trim().replace(/[.@].*$/, "").replaceAll("_", "-");
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

/** The first of these that is a language tag. */
export function firstLanguage(...texts: (string | null | undefined)[]): string {
  for (const text of texts) {
    const tag = languageTag(text);
    if (tag !== undefined) return tag;
  }
  return DEFAULT;
}

/** The language of an element: its own attribute `lang`, or that of what is around it, else the browser's. */
export function languageOf(element: Element): string {
  return firstLanguage(closestLanguage(element), navigator.language);
}

/** The document, and the shadow roots that an element is in. */
export function rootsAround(element: Element): Node[] {
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? [root, ...rootsAround(root.host)] : [root];
}

/** The next attribute `lang` outwards, also beyond a shadow root, where `closest` ends. */
function closestLanguage(element: Element): string | null {
  const root = element.getRootNode();
  const found = element.closest("[lang]");
  if (found !== null) return found.getAttribute("lang");
  return root instanceof ShadowRoot ? closestLanguage(root.host) : null;
}

/** Whether somebody who reads this language reads Chinese. */
export function isChinese(tag: string): boolean {
  return /^(zh|yue)\b/i.test(tag);
}
