// What Amazon's runtime client compiles to talk to the Runtime API (rapid-client.node), without a compiler. Imported before
// the client, this module takes the place of that file.
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier === './rapid-client.node'
      ? { url: import.meta.url, format: 'module-typescript', shortCircuit: true }
      : nextResolve(specifier, context),
});

const invocation = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

export async function next(): Promise<{ bodyJson: string; headers: Record<string, string | number> }> {
  const response = await fetch(`${invocation}/next`);
  const headers = Object.fromEntries(response.headers);
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return { bodyJson: await response.text(), headers: { ...headers, 'lambda-runtime-deadline-ms': deadline } };
}

export function done(requestId: string, body: string): void {
  void fetch(`${invocation}/${requestId}/response`, { method: 'POST', body });
}

export function error(requestId: string, body: string): void {
  void fetch(`${invocation}/${requestId}/error`, { method: 'POST', body });
}
