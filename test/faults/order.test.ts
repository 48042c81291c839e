import { expect, test } from 'vitest';
import { checkOrder, see } from './checks.ts';
import { History, type Send, type UserForm } from './history.ts';

const forms = new Map<string, UserForm>([['ann', 'ack']]);

/** What one sender sent on one connection, one after the other, and on which connections it came, in the order of reading. */
function broken(...came: [content: string, connection: number][]): string[] {
  const history = new History();
  const send = (content: string, sentAt: number): Send => ({
    content,
    sender: 's',
    to: ['ann'],
    via: 'tcp',
    connection: 1,
    sentAt,
    receipt: false,
  });
  history.sends.push(send('first', 1), send('second', 2));
  for (const [at, [content, connection]] of came.entries())
    history.received.push({ user: 'ann', content, id: content === 'first' ? '1' : '2', connection, form: 'ack', at });
  return checkOrder(see(history, forms));
}

test('two sockets of one user that are read in one turn, the newer one first, keep the order', () => {
  expect(broken(['second', 8], ['first', 7])).toEqual([]);
});

test('another order on one connection, or on a newer one, is found', () => {
  expect(broken(['second', 7], ['first', 7])).toHaveLength(1);
  expect(broken(['second', 7], ['first', 8])).toHaveLength(1);
  expect(broken(['first', 7], ['second', 7], ['first', 8])).toEqual([]);
});
