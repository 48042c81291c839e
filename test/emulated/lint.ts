import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrontTcpProps } from '../../lib/front-tcp.ts';
import { run } from '../../local/redis/run.ts';
import { CERTIFICATE, type TemplateJson, templateOf, UPSTASH_SECRET, WEB_ACL } from '../cdk/support/synthesis.ts';
import type { Counts } from '../kit/counts.ts';

const TIMEOUT_MS = 600_000;
/** The package has no module to run. */
const MAIN = 'import sys; from cfnlint.runner import main; sys.exit(main())';

const variants: Readonly<Record<string, FrontTcpProps>> = {
  valkey: {},
  upstash: { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET } },
  serverless: { redis: { kind: 'serverless' }, tls: { kind: 'load-balancer', certificateArn: CERTIFICATE } },
  memorydb: { redis: { kind: 'memorydb' }, network: { egress: 'nat' } },
  domain: {
    domain: { name: 'devices.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' },
    network: { ipv6: true },
    gateway: { clientAddress: 'proxy-v2', fixedAddresses: true, spotPercent: 75 },
    dataPolicy: 'destroy',
  },
  firewall: { api: { firewall: { webAclArn: WEB_ACL } }, gateway: { deployment: { kind: 'linear' } } },
};

/**
 * What cfn-lint says that is not so:
 * - W3005: a dependency that a reference implies already. The CDK writes both.
 * - `Durability` of a replication group is newer than the linter's schema.
 */
const IGNORED_CHECKS = ['W3005'];
const NEWER_THAN_THE_LINTER = /E3002:Additional properties are not allowed \('Durability' was unexpected\)/;

/** cfn-lint on the template of each store and of the main options; a planted mistake must be found. */
export async function lint(python: string, folder: string, say: (line: string) => void): Promise<Counts> {
  let passed = 0;
  let failed = 0;
  const judge = (name: string, isWell: boolean, found: readonly string[]): void => {
    if (isWell) passed += 1;
    else failed += 1;
    say(`${isWell ? 'ok  ' : 'FAIL'} cfn-lint: ${name}${isWell ? '' : `\n${found.join('\n')}`}`);
  };
  const findings = async (name: string, template: TemplateJson): Promise<string[]> => {
    const file = join(folder, `${name}.template.json`);
    await writeFile(file, JSON.stringify(template));
    const args = ['-c', MAIN, '--format', 'parseable', '--regions', 'us-east-1'];
    const { code, output } = await run(python, [...args, '-i', ...IGNORED_CHECKS, '-t', file], {
      timeoutMs: TIMEOUT_MS,
    });
    const lines = output.split('\n').filter((line) => line.trim() !== '' && !NEWER_THAN_THE_LINTER.test(line));
    return code === null ? [...lines, 'did not end'] : lines;
  };
  for (const [name, props] of Object.entries(variants)) {
    const found = await findings(name, templateOf(props));
    judge(name, found.length === 0, found);
  }
  const planted = structuredClone(templateOf());
  const service = Object.values(planted.Resources).find((one) => one.Type === 'AWS::ECS::Service');
  if (service) service.Properties.LaunchTyp = 'FARGATE';
  const found = await findings('planted', planted);
  judge('planted: a property that does not exist', found.join('\n').includes('LaunchTyp'), found);
  return { passed, failed };
}
