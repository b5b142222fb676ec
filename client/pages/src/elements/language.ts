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
  return firstLanguage(element.closest("[lang]")?.getAttribute("lang"), navigator.language);
}

/** Whether somebody who reads this language reads Chinese. */
export function isChinese(tag: string): boolean {
  return /^(zh|yue)\b/i.test(tag);
}
