import { acknowledges, type ConformanceCase, messageBody, type Stage } from './case.ts';
import { frameOf } from './device.ts';

/** Sends frames made for fresh ids, and awaits the acknowledgement of each id. */
function taken(
  title: string,
  make: (id: string) => Buffer,
  clause: ConformanceCase['clause'] = 'A frame',
): ConformanceCase {
  return { title, clause, needs: ['ack'], run: (stage) => sendAndAwait(stage, make, title) };
}

async function sendAndAwait(stage: Stage, make: (id: string) => Buffer, title: string): Promise<void> {
  const device = await stage.verified();
  const id = stage.gateway.nextId();
  device.raw(make(id));
  await acknowledges(device, stage, [id], title);
}

const chat = (content: unknown) => (id: string) => frameOf(102, messageBody(id, content));
const text = (body: (id: string) => string) => (id: string) => frameOf(102, body(id));

/** JSON as other programs write it: a decoder that searches for bytes instead of parsing JSON fails here. */
export const bodyCases: readonly ConformanceCase[] = [
  taken('content in UTF-8', chat('你好, Zoë 👋')),
  taken(
    'content with everything beyond ASCII escaped',
    text((id) => `{"chat_from":"x","chat_content":"\\u4f60\\u597d","id":"${id}","sent_at":1}`),
  ),
  taken(
    'a character of two escapes (a surrogate pair)',
    text((id) => `{"chat_from":"x","chat_content":"\\ud83d\\udc4b","id":"${id}","sent_at":1}`),
  ),
  taken('quotes, backslashes and line ends in content', chat('say "hi" \\ there\n\ttab \\u0041 }{')),
  taken('content that looks like members', chat('","id":"1","chat_content":"')),
  taken('an empty content', chat('')),
  taken(
    'white space between members',
    text((id) => `{ "chat_from" : "x" ,\n "chat_content" : "y",\t"id" : "${id}" , "sent_at" : 1 }`),
  ),
  taken(
    'members in another order',
    text((id) => `{"sent_at":1,"id":"${id}","chat_content":"y","chat_from":"x"}`),
  ),
  taken(
    'a member that it does not know',
    text((id) => `{"newer":true,"chat_from":"x","chat_content":"y","id":"${id}","sent_at":1}`),
  ),
  taken(
    'unknown members with nested values',
    text(
      (id) =>
        `{"newer":{"id":"7","list":[1,[2],{"id":"8"}]},"chat_from":"x","chat_content":"y","id":"${id}","sent_at":1}`,
    ),
  ),
  taken(
    'numbers in every form',
    text((id) => `{"a":-0.5e+3,"b":1E2,"c":0,"chat_from":"x","chat_content":"y","id":"${id}","sent_at":1.7953e12}`),
  ),
  taken(
    'a slash that is escaped',
    text((id) => `{"chat_from":"x","chat_content":"a\\/b","id":"${id}","sent_at":1}`),
  ),
  taken('a sender of 128 characters', (id) => frameOf(102, { ...messageBody(id), chat_from: 'x'.repeat(128) })),
  taken('a version other than its own', (id) => frameOf(102, messageBody(id), 7)),
  taken('the largest version there is', (id) => frameOf(102, messageBody(id), 0xffffffff)),
  taken('a message to several (103)', (id) => frameOf(103, messageBody(id)), 'Commands'),
  taken('a message to everyone (104)', (id) => frameOf(104, messageBody(id)), 'Commands'),
  taken('an application message (2000)', (id) => frameOf(2000, { level: 3, id, sent_at: 1 }), 'Commands'),
  taken(
    'the last application command (2999), with nested content',
    (id) => frameOf(2999, { a: { b: [1, null, 'x'] }, id, sent_at: 1 }),
    'Commands',
  ),
];
