import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { serve } from '../../functions/http/serve.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import type { Log } from '../../functions/runtime/log.ts';

afterEach(() => void vi.unstubAllEnvs());

/** The address that a rule is given, and the one of its log line. */
async function addresses(headers: Record<string, string>, setting?: string): Promise<string[]> {
  vi.stubEnv('VIEWER_ADDRESS_HEADER', setting);
  const found: string[] = [];
  const note = (line: object): void => void found.push(String((line as { source_ip?: string }).source_ip));
  const log = { info: note, warn: note, error: note } as unknown as Log;
  const handler = serve(log, {
    'GET /stats': ({ sourceIp }) => {
      found.push(sourceIp);
      return {};
    },
  });
  await handler({
    version: '2.0',
    routeKey: 'GET /stats',
    rawPath: '/stats',
    headers,
    requestContext: { requestId: 'r', http: { method: 'GET', path: '/stats', sourceIp: '203.0.113.7' } },
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2);
  return found;
}

describe("the client's address", () => {
  it.each([['198.51.100.20'], ['2001:db8::7']])("behind CloudFront is the viewer's: %s", async (viewer) => {
    expect(await addresses({ 'x-viewer': viewer }, 'x-viewer')).toEqual([viewer, viewer]);
  });

  it('is that of the caller unless the setting names a header: anybody could send one', async () => {
    expect(await addresses({ 'x-viewer': '198.51.100.20', 'x-forwarded-for': '198.51.100.20' })).toEqual(
      Array(2).fill('203.0.113.7'),
    );
  });

  it.each([[{}], [{ 'x-viewer': '' }], [{ 'x-viewer': 'somebody' }]])(
    'is that of the caller when the header is no address: %j',
    async (headers) => {
      expect(await addresses(headers, 'x-viewer')).toEqual(Array(2).fill('203.0.113.7'));
    },
  );

  it('is read from a header in lower case, as API Gateway has it', () => {
    const read = () => readEnvironment({ REDIS_URL: 'redis://127.0.0.1', VIEWER_ADDRESS_HEADER: 'X-Viewer' });
    expect(read).toThrow(/VIEWER_ADDRESS_HEADER must be the name of a header in lower case/);
  });
});
