import { text } from '../texts/texts.ts';

const CHATS = [102, 103, 104] as const;

/** `Group`, or `Application 2001`. */
export function kindText(commandId: number): string {
  const chat = CHATS.find((one) => one === commandId);
  return chat ? text(`kind.${chat}`) : text('kind.application', { id: String(commandId) });
}
