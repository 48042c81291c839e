import { APPLICATION_UP } from './command-ids.ts';

/** The word for no id at all. */
const NO_IDS = 'none';

const PART = /^\s*(\d{4})(?:-(\d{4}))?\s*$/;

/** The ids of `1000-1499,1700`, or of `none`; undefined where it is not of this form. */
export function parseCommandIds(text: string): Set<number> | undefined {
  const ids = new Set<number>();
  if (text === NO_IDS) return ids;
  for (const part of text.split(',')) {
    const [, from = '', to = from] = PART.exec(part) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (from === '' || first < APPLICATION_UP.first || last > APPLICATION_UP.last || first > last) return undefined;
    for (let id = first; id <= last; id += 1) ids.add(id);
  }
  return ids;
}

/** The text after the name of a refused setting. */
export const COMMAND_IDS_FORM = `must be ids of ${APPLICATION_UP.first} to ${APPLICATION_UP.last}, such as 1000-1499,1700, or ${NO_IDS}`;

/** Default ranges of the ids from devices: collected into asynchronous invocations, and invoked synchronously with an answer. */
export const DEFAULT_EVENT_IDS = '1000-1499';
export const DEFAULT_REQUEST_IDS = '1500-1999';
