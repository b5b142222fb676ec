// What is expected against what came: every field that is expected must be there; others may be.

/** The moment that `@0` stands for: milliseconds since 1970. */
const EPOCH = 1_679_886_450_000;
const TEXTS = ["body", "payload", "data"];

function moment(text) {
  const [, asText, ms] = /^@(s?)(-?\d+)$/.exec(text) ?? [];
  if (ms === undefined) return undefined;
  return asText ? String(EPOCH + Number(ms)) : EPOCH + Number(ms);
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function replaced(value, bindings) {
  if (typeof value === "string") {
    if (!value.startsWith("$")) return moment(value) ?? value;
    if (!bindings.known.has(value.slice(1))) throw new Error(`${value} was not seen before`);
    return bindings.known.get(value.slice(1));
  }
  if (Array.isArray(value)) return value.map((item) => replaced(item, bindings));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replaced(item, bindings)]));
}

/** An input with its names and moments filled in; what an app gets as text may stand as JSON. */
export function filled(input, bindings) {
  const all = replaced(input, bindings);
  for (const field of TEXTS) {
    if (field in all && typeof all[field] !== "string") all[field] = JSON.stringify(all[field]);
  }
  return all;
}

/** What `$name` stands for, from the moment it was first seen. */
export class Bindings {
  known = new Map();

  /** These outputs, in this order, and no others. */
  expect(expected, outputs) {
    const shown = outputs.map((output) => `\n    ${JSON.stringify(output)}`).join("");
    if (expected.length !== outputs.length) {
      throw new Error(`${expected.length} outputs were expected, ${outputs.length} came:${shown}`);
    }
    for (const [index, item] of expected.entries()) {
      try {
        this.match(item, outputs[index]);
      } catch (error) {
        throw new Error(`${error.message}, in${shown}`);
      }
    }
  }

  match(expected, actual) {
    if (typeof expected === "string" && expected.startsWith("$!")) {
      if (this.known.get(expected.slice(2)) === actual) throw new Error(`${expected} is the same again`);
    } else if (typeof expected === "string" && expected.startsWith("$")) {
      const before = this.known.get(expected.slice(1));
      if (typeof before === "string" && before !== actual) throw new Error(`${expected} was ${before} and is ${actual}`);
      this.known.set(expected.slice(1), actual);
    } else if (isObject(expected)) {
      const there = typeof actual === "string" ? JSON.parse(actual) : actual;
      for (const [name, item] of Object.entries(expected)) {
        // `null` stands for a field that is not there.
        if (item === null && isObject(there) && !(name in there)) continue;
        if (!isObject(there) || !(name in there)) throw new Error(`${name} is missing`);
        this.match(item, there[name]);
      }
    } else if (Array.isArray(expected)) {
      if (!Array.isArray(actual) || actual.length !== expected.length) throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
      expected.forEach((item, index) => this.match(item, actual[index]));
    } else {
      const value = typeof expected === "string" ? (moment(expected) ?? expected) : expected;
      if (value !== actual) throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(value)}`);
    }
  }
}
