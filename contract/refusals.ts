/** Why a client's frame was refused: the `error` of 111. Names are part of the contract, sentences are not. */
export const Refusals = {
  malformed: 'the body is not the JSON of its command',
  unknown_command: 'there is no such command',
  too_many_recipients: 'the list of recipients is too long',
  unknown_recipient: 'there is no such user',
  no_upstream: 'no function takes application commands here',
} as const;

export type Refusal = keyof typeof Refusals;
