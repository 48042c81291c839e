import type { Protocol } from './protocol.ts';
import type { Gateway, State } from './state.ts';

interface Action {
  readonly name: string;
  /** How often it may happen on one path. */
  readonly max: number;
  readonly isPossible: (state: State) => boolean;
  readonly run: (protocol: Protocol) => Promise<void>;
}

/** Everything that may happen next. */
export const actions: readonly Action[] = [0, 1].flatMap((place): Action[] => {
  const at = (state: State): Gateway => state.gateways[place] as Gateway;
  const of = (
    name: string,
    max: number,
    isPossible: (gateway: Gateway) => boolean,
    run: (protocol: Protocol, gateway: Gateway) => Promise<unknown>,
  ): Action => ({
    name: `${name} ${'ab'[place]}`,
    max,
    isPossible: (state) => isPossible(at(state)),
    run: async (protocol) => void (await run(protocol, at(protocol.state))),
  });
  const isHeld = ({ state }: Gateway): boolean => state === 'held';
  return [
    of('connect to', 2, isHeld, (protocol, gateway) => protocol.connect(gateway)),
    of('read the inbox of', 4, isHeld, (protocol, gateway) => protocol.read(gateway)),
    of(
      'leave',
      1,
      (gateway) => isHeld(gateway) && gateway.session !== undefined,
      (protocol, gateway) => protocol.leave(gateway),
    ),
    of('cut off', 1, isHeld, (protocol, gateway) => protocol.cutOff(gateway)),
    of(
      'rejoin',
      2,
      ({ state }) => state === 'lost',
      (protocol, gateway) => protocol.rejoin(gateway),
    ),
    of(
      'bury',
      1,
      ({ state }) => state !== 'held',
      (protocol, gateway) => protocol.bury(gateway),
    ),
    of('kill', 1, isHeld, (protocol, gateway) => protocol.kill(gateway)),
    of(
      'confirm',
      2,
      (gateway) => isHeld(gateway) && gateway.hasToConfirm,
      (protocol, gateway) => protocol.confirm(gateway),
    ),
  ];
});

export const common: readonly Action[] = [
  { name: 'send', max: 2, isPossible: () => true, run: (protocol) => protocol.send() },
  {
    name: 'kick',
    max: 1,
    isPossible: ({ connections }) => connections.length > 0,
    run: (protocol) => protocol.kick(false),
  },
  {
    name: 'revoke',
    max: 1,
    isPossible: ({ connections }) => connections.length > 0,
    run: (protocol) => protocol.kick(true),
  },
];
