import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { routes } from '../../../functions/routes.ts';
import { FrontTcp, type FrontTcpProps } from '../../../lib/front-tcp.ts';

export const UPSTASH_SECRET = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:fronttcp/upstash-AbCdEf';
export const UPSTREAM_ALIAS = 'arn:aws:lambda:us-east-1:111111111111:function:devices:live';
export const CERTIFICATE = 'arn:aws:acm:us-east-1:111111111111:certificate/00000000-0000-0000-0000-000000000000';

export const WEB_ACL = 'arn:aws:wafv2:us-east-1:111111111111:global/webacl/fleet/01234567-89ab-cdef-0123-456789abcdef';

/** The flags of cdk.json: without them the same code gives another template. */
export const context: Readonly<Record<string, unknown>> = JSON.parse(readFileSync('cdk.json', 'utf8')).context;

/** Bundles of a line each: what is in the real ones is the affair of other tests. */
export const artifacts = makeArtifacts();

function makeArtifacts(): string {
  const directory = mkdtempSync(join(tmpdir(), 'fronttcp-artifacts-'));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  for (const driver of ['ioredis', 'upstash']) {
    for (const name of [...routes.map((route) => route.function), 'relay', 'origin-check']) {
      put(`functions/${driver}/${name}/index.mjs`, 'export const handler = async () => ({ statusCode: 200 });\n');
    }
  }
  put('gateway/main.mjs', '');
  put('gateway/Dockerfile', readFileSync('gateway/Dockerfile', 'utf8'));
  return directory;
}

/**
 * Without the validation of templates, which takes most of the time of a synthesis (see test/cdk/synth.test.ts), and without
 * what only readers of an assembly need.
 */
export function newApp(): App {
  return new App({
    context: { ...context },
    builtinCloudFormationValidation: false,
    treeMetadata: false,
    stackTraces: false,
    analyticsReporting: false,
  });
}

export function newStack(region = 'us-east-1'): Stack {
  return new Stack(newApp(), 'Test', { env: { region } });
}

export function newFrontTcp(props: FrontTcpProps = {}, stack: Stack = newStack()): FrontTcp {
  return new FrontTcp(stack, 'FrontTcp', { artifacts, ...props });
}

export interface TemplateJson {
  readonly Resources: Record<string, TemplateResource>;
}

interface TemplateResource {
  readonly Type: string;
  // Written to by the tests that break a template on purpose.
  // biome-ignore lint/suspicious/noExplicitAny: a template is a tree of whatever CloudFormation takes
  Properties: Record<string, any>;
  DependsOn?: string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

const templates = new Map<string, TemplateJson>();

/** Synthesised once for each set of props. */
export function templateOf(props: FrontTcpProps = {}): TemplateJson {
  const key = JSON.stringify(props);
  const known = templates.get(key);
  if (known) return known;
  const made = Template.fromStack(Stack.of(newFrontTcp(props))).toJSON() as TemplateJson;
  templates.set(key, made);
  return made;
}

export function resourcesOf(template: TemplateJson, type: string): TemplateResource[] {
  return Object.values(template.Resources).filter((resource) => resource.Type === type);
}

/** The documents of all policies, those within roles among them. */
export function policiesOf(template: TemplateJson): TemplateResource['Properties'][] {
  const own = resourcesOf(template, 'AWS::IAM::Policy').map(({ Properties }) => Properties.PolicyDocument);
  const ofRoles = resourcesOf(template, 'AWS::IAM::Role').flatMap(({ Properties }) => Properties.Policies ?? []);
  return [...own, ...ofRoles.map(({ PolicyDocument }: TemplateResource['Properties']) => PolicyDocument)];
}

/** The only one of its type. */
export function resourceOf(template: TemplateJson, type: string): TemplateResource {
  const [resource, ...others] = resourcesOf(template, type);
  if (!resource || others.length > 0) throw new Error(`${others.length + (resource ? 1 : 0)} resources of ${type}`);
  return resource;
}
