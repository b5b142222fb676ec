// Names and other texts of somebody else's, as they are shown among texts of these pages: a visitor's name must not turn round what
// is written beside it.

/** Characters that set the direction of the text after them, also beyond the name they stand in, and those that end a paragraph. */
const MARKS = /[\u202A-\u202E\u2066-\u2069]/g;
const BREAKS = /[\u2028\u2029]/g;
/** Letters that are written from right to left, and the invisible ones that count as such. */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\u200F\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;
const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";

/** The text without such characters. Where it is written from right to left, it stands by itself: what is beside it stays in its order.
 * It is plain text, because it also goes where no `<bdi>` can stand: into a title, an attribute, a picture. */
export function foreign(text: string): string {
  const plain = text.replace(MARKS, "").replace(BREAKS, " ");
  return RIGHT_TO_LEFT.test(plain) ? FIRST_STRONG_ISOLATE + plain + POP_ISOLATE : plain;
}
