import { secretArnProblems } from '../guards/secret-arn.ts';
import { systemControlProblems } from '../guards/system-controls.ts';
import {
  DEFAULT_CONNECTIONS_PER_TASK,
  DEFAULT_HEALTH_PORT,
  DEFAULT_PORT,
  type GatewaySettings,
  MAX_CONNECTIONS_WITHOUT_PRESERVE,
  MAX_IDLE_TIMEOUT_SECONDS,
  type ScalingSettings,
  type TlsChoice,
} from './gateway-settings.ts';

/** What contradicts itself or cannot be deployed, a sentence each: nothing else would say it before the deployment. */
export function gatewayProblems(gateway: GatewaySettings, scaling: ScalingSettings, tls: TlsChoice): string[] {
  const { port = DEFAULT_PORT, healthPort = DEFAULT_HEALTH_PORT, idleTimeoutSeconds, clientAddress } = gateway;
  const { minTasks = 2, maxTasks = 20, connectionsPerTask = DEFAULT_CONNECTIONS_PER_TASK } = scaling;
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
  if (tls.kind === 'gateway') problems.push(...secretArnProblems(tls.secretArn, 'tls.secretArn'));
  if (tls.kind === 'gateway' && clientAddress === 'proxy-v2') {
    problems.push('clientAddress "proxy-v2" cannot be had with TLS in the gateway: end TLS at the load balancer.');
  }
  problems.push(...systemControlProblems(gateway.systemControls ?? {}));
  if (minTasks < 1 || maxTasks < minTasks) problems.push(`minTasks is ${minTasks} and maxTasks is ${maxTasks}.`);
  if ((clientAddress ?? 'preserve') !== 'preserve' && connectionsPerTask > MAX_CONNECTIONS_WITHOUT_PRESERVE) {
    problems.push(
      `connectionsPerTask is ${connectionsPerTask}: the load balancer holds at most ${MAX_CONNECTIONS_WITHOUT_PRESERVE} connections to a task unless clientAddress is "preserve".`,
    );
  }
  return problems;
}
