/** A request as a page shows it, and what it says is answered. */
interface HttpExample {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly answer: unknown;
}

/**
 * Request line (with a note behind two blanks), headers, the body from its first brace on; an empty line; the answer. All of
 * it as JSON, so that a page cannot show what is none.
 */
export function parseExample(text: string): HttpExample {
  const [request = '', ...answer] = text.split('\n\n');
  const [first = '', ...rest] = request.split('\n');
  const [method = '', path = ''] = first.split(/\s+/);
  const bodyAt = rest.findIndex((line) => line.startsWith('{'));
  const headers = rest.slice(0, bodyAt < 0 ? rest.length : bodyAt).filter((line) => line !== '');
  const body = bodyAt < 0 ? undefined : rest.slice(bodyAt).join('\n');
  if (body !== undefined) JSON.parse(body);
  return {
    method,
    path,
    headers: Object.fromEntries(headers.map((line) => [line.split(': ')[0], line.split(': ').slice(1).join(': ')])),
    body,
    answer: JSON.parse(answer.join('\n\n')),
  };
}

/** Members whose values are of the moment: a page's are compared by their type. */
const OF_THE_MOMENT = /^(id|token|gateway|cursor|expires_at|accepted_at|at|connected_at|last_seen|sent_at)$/;

/** How a response differs from the page's; `learn` gets the real value for each value of the page. */
export function differences(
  page: unknown,
  real: unknown,
  learn: (pageValue: string, realValue: string) => void,
  at = '$',
): string[] {
  const name = /[^.[\]]+$/.exec(at)?.[0] ?? '';
  if (OF_THE_MOMENT.test(name)) {
    if (typeof page === 'string' && typeof real === 'string') learn(page, real);
    return typeof page === typeof real ? [] : [`${at} is ${typeof real} where the page has ${typeof page}`];
  }
  if (Array.isArray(page) && Array.isArray(real)) {
    if (page.length !== real.length) return [`${at} has ${real.length} where the page has ${page.length}`];
    // Steps stand in the order in which they were noted, which is not always that in which they were done.
    const [left, right] = name === 'steps' ? [page, real].map(byState) : [page, real];
    return (left ?? []).flatMap((one, i) => differences(one, right?.[i], learn, `${at}[${i}]`));
  }
  if (isObject(page) && isObject(real)) {
    const names = new Set([...Object.keys(page), ...Object.keys(real)]);
    return [...names].flatMap((member) => {
      if (!Object.hasOwn(real, member)) return [`${at}.${member} is only on the page`];
      if (!Object.hasOwn(page, member)) return [`${at}.${member} is not on the page`];
      return differences(page[member], real[member], learn, `${at}.${member}`);
    });
  }
  return Object.is(page, real) ? [] : [`${at} is ${JSON.stringify(real)} where the page has ${JSON.stringify(page)}`];
}

const byState = (steps: unknown[]): unknown[] =>
  [...steps].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
