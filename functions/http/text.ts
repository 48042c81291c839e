/** A sentence for people, in the API's two languages. */
export interface Text {
  readonly en: string;
  readonly zh: string;
}

export type Language = keyof Text;

/**
 * The language of `Accept-Language`: the first known one with the highest weight, English where it names none.
 * `zh`, `zh-CN`, `zh-Hant-TW` … are all Chinese.
 */
export function languageOf(acceptLanguage: string | undefined): Language {
  let best: Language = 'en';
  let bestWeight = 0;
  for (const range of (acceptLanguage ?? '').slice(0, 512).split(',')) {
    const [tag = '', ...parameters] = range.trim().toLowerCase().split(';');
    const language = tag.split('-', 1)[0]?.trim();
    const q = parameters.map((parameter) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(parameter)?.[1]).find(Boolean);
    const weight = q === undefined ? 1 : Number(q);
    if ((language === 'en' || language === 'zh') && weight > bestWeight) {
      best = language;
      bestWeight = weight;
    }
  }
  return best;
}
