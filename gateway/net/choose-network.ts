import type { SecureContextOptions } from 'node:tls';
import { type LoadedBinding, loadBinding } from './native-binding.ts';
import { NativeNetwork } from './native-network.ts';
import { NodeNetwork } from './node-network.ts';
import type { Network, NetworkKind } from './port.ts';

type NetworkSetting = 'auto' | NetworkKind;

interface ChosenNetwork {
  readonly network: Network;
  /** For the start line: which it is, and why not the other. */
  readonly description: string;
}

/**
 * The network for the setting NET. `auto`: the addon where it was built and loads, else node:net. TLS is a matter of Node.
 * Throws when `native` is set and cannot be had.
 */
export function chooseNetwork(
  setting: NetworkSetting,
  tls: SecureContextOptions | undefined,
  load: () => LoadedBinding = loadBinding,
): ChosenNetwork {
  if (tls) return { network: new NodeNetwork(tls), description: 'node (TLS)' };
  if (setting === 'node') return { network: new NodeNetwork(undefined), description: 'node' };
  const found = load();
  if (found.state === 'loaded') return { network: new NativeNetwork(found.binding), description: 'native' };
  if (setting === 'auto') return { network: new NodeNetwork(undefined), description: `node (${found.why})` };
  throw new Error(`NET is native, but ${found.why}. Build it with "npm run build:native", or set NET to auto`);
}
