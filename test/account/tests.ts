import type { DeployedStack } from '../../cli/support/aws.ts';
import { accessList } from './access-list.ts';
import { firstMessage } from './first-message.ts';
import { propagation } from './propagation.ts';
import { rotation } from './rotation.ts';
import { sigterm } from './sigterm.ts';

/** Each resolves with what it found, and rejects with what is wrong. */
type AccountTest = (stack: DeployedStack) => Promise<string>;

/** In the order in which they run: later ones end what earlier ones need. `teardown` follows them all. */
export const accountTests = {
  firstMessage: { run: firstMessage, what: 'an operator and a device are made, and a message is acknowledged' },
  accessList: { run: accessList, what: "the store's user has its own keys, and no other command or key" },
  propagation: {
    run: propagation,
    what: 'how long the load balancer sends to a target that was taken out or put back',
  },
  sigterm: { run: sigterm, what: 'all gateways are replaced: when SIGTERM comes, and that no client is refused' },
  rotation: { run: rotation, what: 'a warm function takes over a new password of the store' },
} as const satisfies Readonly<Record<string, { readonly run: AccountTest; readonly what: string }>>;

export type TestName = keyof typeof accountTests;
export const testNames = Object.keys(accountTests) as TestName[];
