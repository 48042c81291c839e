/** JSON.parse source text access (ES2026), which the compiler's library does not describe yet. */
declare global {
  interface JSON {
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
    rawJSON(text: string): unknown;
    /** Missing on Node 20. */
    isRawJSON?(value: unknown): boolean;
  }
}

/** A number that JavaScript may change: more digits than a double has, or an exponent. Digits behind a quote are text, such as an id. */
const WIDE_NUMBER = /(?:^|[:,[\s])-?(?:\d+\.)?(?:\d{16}|\d+[eE])/;

/** `JSON.parse`, except that a number which does not fit a double keeps its source text when it is serialized. */
export function parseJson(text: string): unknown {
  return WIDE_NUMBER.test(text) ? JSON.parse(text, keepWideNumber) : JSON.parse(text);
}

/** `parseJson` of what a person typed. Throws RangeError for a number that this runtime (Node 20, an older browser) would change. */
export function parseJsonExactly(text: string): unknown {
  return JSON.parse(text, (key, value, context?: { source?: string }) => {
    if (context?.source === undefined && typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
      throw new RangeError(`the number ${value} would be changed`);
    }
    return keepWideNumber(key, value, context);
  });
}

/** Node 20, on which `fronttcp dev` may run, does not give the source text. */
function keepWideNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined) return value;
  const isKept = Number.isFinite(value) && (Number.isSafeInteger(value) || !/^-?\d+$/.test(source));
  return isKept ? value : JSON.rawJSON(source);
}

/** Whether a value of `parseJson` is a JSON object: not null, no list, and no number that is kept as text (`typeof` calls that an object). */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON?.(value);
}
