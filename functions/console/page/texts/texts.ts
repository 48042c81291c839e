import { language } from '../state/preferences.ts';
import { en } from './en.ts';
import type { TextKey, TextTable } from './table.ts';
import { zh } from './zh.ts';

type OneForm<K> = K extends `${infer Stem}.one` ? Stem : never;
/** Texts with a number in them that have a form for one and a form for the others. */
type CountKey = OneForm<Extract<TextKey, `${string}.one`> & CountedKey>;
type CountedKey = { [K in TextKey]: `${OneForm<K>}.other` extends TextKey ? K : never }[TextKey];

type TextValues = Record<string, string | number>;

const tables: Record<typeof language.value, TextTable> = { en, zh };

/** The text in the chosen language. Reads its signal: a component that calls this follows the choice. */
export function text(key: TextKey, values: TextValues = {}): string {
  return tables[language.value][key].replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = values[name];
    if (value === undefined) return hole;
    return typeof value === 'number' ? value.toLocaleString(language.value) : isolated(value);
  });
}

/** Right-to-left letters, and the controls that turn the direction round. */
const TURNS = /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A user id, such as one with U+202E in it, must not reorder the sentence around it. */
function isolated(value: string): string {
  return TURNS.test(value) ? `\u2068${value}\u2069` : value;
}

/** The form for `n`, which is also put in as `{n}`. */
export function countText(key: CountKey, n: number): string {
  const form = new Intl.PluralRules(language.value).select(n) === 'one' ? 'one' : 'other';
  return text(`${key}.${form}` as TextKey, { n });
}
