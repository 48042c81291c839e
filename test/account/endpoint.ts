import { type DeployedStack, outputOf } from '../../cli/support/aws.ts';

/** Where TCP clients connect. */
export function endpointOf(stack: DeployedStack): { host: string; port: number; tls: boolean } {
  const endpoint = outputOf(stack, 'TcpEndpoint');
  const at = endpoint.lastIndexOf(':');
  return {
    host: endpoint.slice(0, at),
    port: Number(endpoint.slice(at + 1)),
    tls: stack.outputs.get('TcpTls') === 'true',
  };
}
