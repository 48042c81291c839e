import { systemControlProblems } from '../guards/system-controls.ts';
import {
  DEFAULT_CONNECTIONS_PER_TASK,
  DEFAULT_HEALTH_PORT,
  DEFAULT_MAX_TASKS,
  DEFAULT_MIN_TASKS,
  DEFAULT_PORT,
  type GatewaySettings,
  MAX_CONNECTIONS_WITHOUT_PRESERVE,
  MAX_IDLE_TIMEOUT_SECONDS,
  type ScalingSettings,
  type TlsChoice,
} from './gateway-settings.ts';

/** Contradictions and settings that cannot be deployed, a sentence each: nothing else reports them before the deployment. */
export function gatewayProblems(
  gateway: GatewaySettings,
  scaling: ScalingSettings,
  tls: TlsChoice,
  { ipv6, zones }: { readonly ipv6: boolean; readonly zones: number },
): string[] {
  const { port = DEFAULT_PORT, healthPort = DEFAULT_HEALTH_PORT, idleTimeoutSeconds, clientAddress } = gateway;
  const {
    minTasks = DEFAULT_MIN_TASKS,
    maxTasks = DEFAULT_MAX_TASKS,
    connectionsPerTask = DEFAULT_CONNECTIONS_PER_TASK,
  } = scaling;
  const problems: string[] = [];
  if (port === healthPort) problems.push(`port and healthPort are both ${port}.`);
  if (idleTimeoutSeconds !== undefined) {
    if (tls.kind === 'load-balancer') {
      problems.push(
        'idleTimeoutSeconds is set, but a TLS listener has a fixed idle timeout of 350 seconds: leave it out.',
      );
    }
    if (idleTimeoutSeconds < 60 || idleTimeoutSeconds > MAX_IDLE_TIMEOUT_SECONDS) {
      problems.push(
        `idleTimeoutSeconds is ${idleTimeoutSeconds}: give 60 to ${MAX_IDLE_TIMEOUT_SECONDS}, after which the hosts forget a silent connection anyway.`,
      );
    }
  }
  if (tls.kind === 'gateway' && clientAddress === 'proxy-v2') {
    problems.push('clientAddress "proxy-v2" cannot be had with TLS in the gateway: end TLS at the load balancer.');
  }
  if (ipv6 && (clientAddress ?? 'preserve') === 'preserve') {
    problems.push(
      'With network.ipv6 the load balancer cannot preserve the address of an IPv6 client: set gateway.clientAddress to "proxy-v2", or to "none".',
    );
  }
  if (gateway.crossZone === false && minTasks < zones) {
    problems.push(
      `gateway.crossZone is false and scaling.minTasks is ${minTasks}: each of the ${zones} zones needs a task of its own.`,
    );
  }
  if (gateway.fixedAddresses && gateway.internetFacing === false) {
    problems.push('gateway.fixedAddresses are Elastic IPs, which only an internet-facing load balancer has.');
  }
  if (Array.isArray(gateway.fixedAddresses) && gateway.fixedAddresses.length !== zones) {
    problems.push(
      `gateway.fixedAddresses has ${gateway.fixedAddresses.length} addresses, and ${zones} zones have public subnets: give one for each zone.`,
    );
  }
  problems.push(...systemControlProblems(gateway.systemControls ?? {}));
  if (maxTasks < minTasks) problems.push(`minTasks is ${minTasks} and maxTasks is ${maxTasks}.`);
  if ((clientAddress ?? 'preserve') !== 'preserve' && connectionsPerTask > MAX_CONNECTIONS_WITHOUT_PRESERVE) {
    problems.push(
      `connectionsPerTask is ${connectionsPerTask}: the load balancer holds at most ${MAX_CONNECTIONS_WITHOUT_PRESERVE} connections to a task unless clientAddress is "preserve".`,
    );
  }
  return problems;
}
