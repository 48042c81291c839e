/** Why a client's frame was refused: the `error` of 111. Names are part of the contract, sentences are not. */
export const Refusals = {
  malformed: 'the body is not the JSON of its command',
  unknown_command: 'there is no such command',
  too_many_recipients: 'the list of recipients is too long',
  too_large: 'a frame to the recipients would be longer than the longest one',
  unknown_recipient: 'there is no such user',
  not_routed: 'the store does not take this message',
  no_upstream: 'no function takes application commands here',
  upstream_full: 'too much is waiting for the function: send it again later',
  upstream_failed: 'the function could not be called, or failed',
  upstream_timeout: 'the function did not answer in time: it may have done its work',
  upstream_throttled: 'the function is called too often: send it again later',
  upstream_too_large: 'the body is larger or nested deeper than the function takes',
} as const;

export type Refusal = keyof typeof Refusals;
