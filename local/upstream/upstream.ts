import { resolve } from 'node:path';
import { FunctionProcess } from './function-process.ts';
import { type InvokeApi, startInvokeApi } from './invoke-api.ts';

const NAME = 'upstream';

export interface LocalUpstream {
  readonly url: string;
  /** The environment that makes the gateways use it: no call reaches AWS. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** The user's function behind the Invoke API, on this machine. Rejects when its module does not load. */
export async function startLocalUpstream(file: string, say: (line: string) => void): Promise<LocalUpstream> {
  const handler = new FunctionProcess({ file: resolve(file), env: process.env, say });
  await handler.start().catch(async (error: Error) => {
    await handler.stop();
    throw new Error(`--upstream ${file} does not load: ${error.message}`);
  });
  const api: InvokeApi = await startInvokeApi({ functions: { [NAME]: handler.run }, say });
  return {
    url: api.url,
    env: {
      UPSTREAM_FUNCTION: NAME,
      AWS_ENDPOINT_URL_LAMBDA: api.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      // A profile would take precedence over them.
      AWS_PROFILE: '',
      AWS_SESSION_TOKEN: '',
    },
    stop: async () => {
      await api.close();
      await handler.stop();
    },
  };
}
