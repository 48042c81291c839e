import type { Json } from '../../sdk/client/message.ts';
import { isJsonObject, parseJsonExactly } from '../../shared/raw-json.ts';

/** The recipients of a line. */
export type Target = { to: string } | { group: string[] } | 'everyone';

export type ChatLine =
  | { kind: 'nothing' | 'quit' | 'help' }
  | { kind: 'target'; target: Target }
  | { kind: 'say'; text: string }
  | { kind: 'command'; commandId: number; body: { [name: string]: Json } }
  | { kind: 'wrong'; message: string };

export const CHAT_HELP = `Type a line to send it.
  /to <user id>               to one user from now on
  /group <user id>,<user id>  to several
  /all                        to everyone connected
  /cmd <1000-1999> {json}     an application command; its reply is shown, if it has one
  /quit                       leave (also Ctrl-D)
  //text                      a line that begins with a slash`;

/** One line of the chat, as it was typed. */
export function parseChatLine(line: string): ChatLine {
  if (line.trim() === '') return { kind: 'nothing' };
  if (line.startsWith('//')) return { kind: 'say', text: line.slice(1) };
  if (!line.startsWith('/')) return { kind: 'say', text: line };
  const [, word = '', rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(line.trim()) ?? [];
  switch (word) {
    case 'to':
      return rest === '' ? wrong('/to needs a user id') : { kind: 'target', target: { to: rest } };
    case 'group': {
      const group = rest.split(/[,\s]+/).filter((id) => id !== '');
      return group.length === 0 ? wrong('/group needs user ids') : { kind: 'target', target: { group } };
    }
    case 'all':
      return { kind: 'target', target: 'everyone' };
    case 'cmd':
      return parseCommand(rest);
    case 'quit':
    case 'exit':
      return { kind: 'quit' };
    case 'help':
      return { kind: 'help' };
    default:
      return wrong(`there is no /${word}; /help lists what there is`);
  }
}

function parseCommand(text: string): ChatLine {
  const [, id = '', json = ''] = /^(\d+)\s*(.*)$/s.exec(text) ?? [];
  const commandId = Number(id);
  if (!(commandId >= 1_000 && commandId <= 1_999))
    return wrong('/cmd takes a number from 1000 to 1999 and a JSON object');
  try {
    const body: unknown = json === '' ? {} : parseJsonExactly(json);
    if (!isJsonObject(body)) return wrong('the body is a JSON object');
    return { kind: 'command', commandId, body: body as { [name: string]: Json } };
  } catch (error) {
    const { message } = error as Error;
    return wrong(error instanceof RangeError ? message : `the body is not JSON: ${message}`);
  }
}

function wrong(message: string): ChatLine {
  return { kind: 'wrong', message };
}
