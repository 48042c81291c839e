import { aws_ec2 as ec2, aws_lambda as lambda, SecretValue, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { FrontTcpProps } from '../../lib/front-tcp.ts';
import { CERTIFICATE, newFrontTcp, newStack, UPSTASH_SECRET, UPSTREAM_ALIAS } from './support/synthesis.ts';

const refused: readonly (readonly [name: string, props: FrontTcpProps, sentence: RegExp])[] = [
  ['a stop timeout over 120 seconds', { timings: { stopTimeoutSeconds: 600 } }, /Fargate allows 2 to 120 seconds/],
  [
    'a drain longer than the stop timeout',
    { timings: { drainTimeoutSeconds: 118 } },
    /needs a stop timeout of at least 123 s/,
  ],
  [
    'a short drain with too little time for the rest of the stop',
    { timings: { drainTimeoutSeconds: 10, stopTimeoutSeconds: 29 } },
    /needs a stop timeout of at least 29\.5 seconds/,
  ],
  ['a password from a file', { gateway: { environment: { REDIS_PASSWORD_FILE: '/x' } } }, /set the prop redis instead/],
  ['lines for a terminal', { api: { environment: { LOG_FORMAT: 'pretty' } } }, /alarms and queries read JSON/],
  [
    'a heartbeat that the idle timeout overtakes',
    { timings: { heartbeatTimeoutSeconds: 320 } },
    /it must end 50 seconds before the load balancer's idle timeout/,
  ],
  [
    'a task that is gone while it is still sent clients',
    { timings: { deregistrationDelaySeconds: 30 } },
    /deregistrationDelaySeconds is 30: give 120 to 3600 seconds/,
  ],
  ['a function slower than the API', { timings: { functionTimeoutSeconds: 30 } }, /below the HTTP API's 30 seconds/],
  [
    'a TLS listener with an idle timeout',
    { tls: { kind: 'load-balancer', certificateArn: CERTIFICATE }, gateway: { idleTimeoutSeconds: 300 } },
    /a TLS listener has a fixed idle timeout/,
  ],
  ['an idle timeout that the hosts do not keep', { gateway: { idleTimeoutSeconds: 900 } }, /give 60 to 350/],
  [
    'Upstash in isolated subnets',
    { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET }, network: { egress: 'endpoints' } },
    /Upstash is on the internet, which the isolated subnets/,
  ],
  [
    'a sysctl off the list',
    { gateway: { systemControls: { 'fs.file-max': 1_000_000 } } },
    /fs\.file-max is not one that a Fargate task may set/,
  ],
  [
    'a partial secret ARN',
    { redis: { kind: 'upstash', secretArn: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:fronttcp/upstash' } },
    /give the complete ARN/,
  ],
  [
    'a partial secret ARN of the certificate',
    { tls: { kind: 'gateway', secretArn: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:tls' } },
    /tls\.secretArn is .* give the complete ARN/,
  ],
  ['a blank in the key prefix', { redis: { kind: 'valkey', keyPrefix: '{a}: ~*' } }, /redis\.keyPrefix: .*no blanks/],
  ['a glob in the key prefix', { redis: { kind: 'memorydb', keyPrefix: '{*}:' } }, /redis\.keyPrefix: .*no patterns/],
  [
    'a glob in the key prefix of Upstash',
    { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET, keyPrefix: 'a?' } },
    /redis\.keyPrefix: .*no patterns/,
  ],
  [
    'a key prefix that opens longer ones',
    { redis: { kind: 'valkey', keyPrefix: '{shop}' } },
    /redis\.keyPrefix: must end with ":"/,
  ],
  [
    'a certificate that is none',
    { tls: { kind: 'load-balancer', certificateArn: UPSTASH_SECRET } },
    /tls\.certificateArn is .*: give the ARN of a certificate in ACM/,
  ],
  [
    'a certificate of another region',
    { tls: { kind: 'load-balancer', certificateArn: CERTIFICATE.replace('us-east-1', 'eu-west-1') } },
    /tls\.certificateArn is of eu-west-1, and the stack of us-east-1/,
  ],
  [
    'a secret of another region',
    { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET.replace('us-east-1', 'eu-west-1') } },
    /redis\.secretArn is of eu-west-1/,
  ],
  ['a block with host bits', { gateway: { clientCidrs: ['10.0.0.1/8'] } }, /gateway\.clientCidrs\.0: .*has host bits/],
  [
    'an IPv6 block with host bits',
    { gateway: { clientCidrs: ['2001:db8::1/32'] } },
    /gateway\.clientCidrs\.0: .*has host bits/,
  ],
  ['a block that is none', { gateway: { clientCidrs: ['10.0.0.0'] } }, /gateway\.clientCidrs\.0: .*is no CIDR block/],
  [
    'a node size that does not exist',
    { redis: { kind: 'valkey', nodeType: 'cache.m7g.huge' } },
    /redis\.nodeType: durability needs a node of/,
  ],
  [
    'a node of MemoryDB that does not exist',
    { redis: { kind: 'memorydb', nodeType: 'db.t4g.large' } },
    /redis\.nodeType: is no node of MemoryDB/,
  ],
  [
    'MemoryDB without a replica',
    { redis: { kind: 'memorydb', replicas: 0 } },
    /redis\.replicas: durability needs 1 to 5/,
  ],
  [
    'an origin with a slash at its end',
    { api: { corsOrigins: ['https://app.example.com/'] } },
    /api\.corsOrigins\.0: must be an origin .* without a slash at its end/,
  ],
  ['a CPU of 200 percent', { scaling: { cpuPercent: 200 } }, /scaling\.cpuPercent: Too big/],
  [
    'a variable that nobody reads',
    { gateway: { environment: { MAX_FRAME_BYTE: '4096' } } },
    /gateway\.environment has MAX_FRAME_BYTE, which nothing reads: is it MAX_FRAME_BYTES/,
  ],
  [
    'a value that no gateway starts with',
    { gateway: { environment: { MAX_FRAME_BYTES: 'lots' } } },
    /gateway\.environment: MAX_FRAME_BYTES must be a whole number/,
  ],
  [
    'a value that no function starts with',
    { api: { environment: { TOKEN_TTL_S: '1 week' } } },
    /api\.environment: TOKEN_TTL_S must be a whole number/,
  ],
  [
    'a base image by a tag',
    { gateway: { baseImage: 'node:24-slim' } },
    /gateway\.baseImage: must name an image by its digest/,
  ],
  [
    'a domain outside of its zone',
    { domain: { name: 'devices.example.com', hostedZoneId: 'Z1', zoneName: 'example.org' } },
    /which is not in the zone "example\.org"/,
  ],
  [
    'TLS at the load balancer without any certificate',
    { tls: { kind: 'load-balancer' } },
    /tls needs a certificateArn, or a domain/,
  ],
  [
    'IPv6 clients whose address cannot be preserved',
    { network: { ipv6: true } },
    /set gateway\.clientAddress to "proxy-v2"/,
  ],
  [
    'a zone without a task of its own',
    { gateway: { crossZone: false }, scaling: { minTasks: 1 } },
    /each of the 2 zones needs a task of its own/,
  ],
  [
    'fewer addresses than subnets',
    { gateway: { fixedAddresses: ['eipalloc-1'] } },
    /has 1 addresses, and 2 zones have public subnets/,
  ],
  [
    'PROXY protocol before TLS in the gateway',
    { tls: { kind: 'gateway', secretArn: UPSTASH_SECRET }, gateway: { clientAddress: 'proxy-v2' } },
    /"proxy-v2" cannot be had with TLS in the gateway/,
  ],
  ['the same port twice', { gateway: { port: 8125 } }, /port and healthPort are both 8125/],
  [
    'a keepalive that each socket overrides',
    { gateway: { systemControls: { 'net.ipv4.tcp_keepalive_time': 60 } } },
    /net\.ipv4\.tcp_keepalive_time has no effect: .* Leave it out\./,
  ],
  [
    'more connections than the load balancer has ports',
    { gateway: { clientAddress: 'none' }, scaling: { connectionsPerTask: 60_000 } },
    /at most 55000 connections to a task/,
  ],
  ['fewer tasks at most than at least', { scaling: { minTasks: 5, maxTasks: 2 } }, /minTasks is 5 and maxTasks is 2/],
  [
    'a node that cannot be durable',
    { redis: { kind: 'valkey', nodeType: 'cache.t4g.small' } },
    /durability needs a node of/,
  ],
  ['durability without a replica', { redis: { kind: 'valkey', replicas: 0 } }, /durability needs 1 to 5/],
  ['cluster keys without a hash tag', { redis: { kind: 'memorydb', keyPrefix: 'app:' } }, /needs a hash tag/],
  [
    'a time that the timings decide, set past them',
    { gateway: { environment: { DRAIN_TIMEOUT_MS: '600000' } } },
    /gateway\.environment has DRAIN_TIMEOUT_MS: set the prop timings\.drainTimeoutSeconds instead/,
  ],
  [
    'a port that no security group would open',
    { gateway: { environment: { HEALTH_PORT: '9000' } } },
    /set the prop gateway\.healthPort instead/,
  ],
  [
    'a key prefix of the functions alone',
    { api: { environment: { REDIS_KEY_PREFIX: 'x:' } } },
    /api\.environment has REDIS_KEY_PREFIX: set the prop redis\.keyPrefix instead/,
  ],
  [
    'a dimension that no alarm looks at',
    { gateway: { environment: { METRICS_DEPLOYMENT: 'mine' } } },
    /alarms and scaling look for the construct's own/,
  ],
  [
    'mailboxes with two bounds',
    { gateway: { environment: { MAILBOX_MAX: '10' } } },
    /MAILBOX_MAX is 10 for the gateways and left out for the functions/,
  ],
  [
    'frames of two sizes',
    { gateway: { environment: { MAX_FRAME_BYTES: '4096' } } },
    /MAX_FRAME_BYTES is 4096 for the gateways and left out for the functions/,
  ],
  [
    'a command id that is gathered and answered',
    { upstream: { alias: UPSTREAM_ALIAS, requests: '1499-1999' } },
    /upstream\.requests has 1499, which is in upstream\.events too/,
  ],
  [
    'command ids that are none',
    { upstream: { alias: UPSTREAM_ALIAS, events: '1000-2500' } },
    /upstream\.events is "1000-2500": it must be ids of 1000 to 1999/,
  ],
  [
    'a lifecycle function in another region',
    { upstream: { alias: UPSTREAM_ALIAS, lifecycle: UPSTREAM_ALIAS.replace('us-east-1', 'eu-west-1') } },
    /upstream\.lifecycle is in another region/,
  ],
  ['no bundles', { artifacts: '/nowhere' }, /run "node scripts\/bundle\.mjs" before the synthesis/],
];

const refusedAtSynthesis: typeof refused = [
  [
    'a target group attribute that does not exist',
    { gateway: { targetGroupAttributes: { 'conection_termination.enabled': 'false' } } },
    /conection_termination\.enabled does not exist for a network load balancer/,
  ],
  [
    'a target group attribute with a garbage value',
    { gateway: { targetGroupAttributes: { 'preserve_client_ip.enabled': 'yes' } } },
    /preserve_client_ip\.enabled cannot be "yes"/,
  ],
  [
    'one failed health check that cuts every connection',
    {
      gateway: {
        targetGroupAttributes: { 'target_health_state.unhealthy.connection_termination.enabled': 'true' },
      },
    },
    /one failed health check cuts every connection/,
  ],
  [
    'a secret in the plain environment of the container',
    { gateway: { environment: { LOG_LEVEL: SecretValue.secretsManager('x').unsafeUnwrap() } } },
    /has a secret's value in its plain environment \(LOG_LEVEL\)/,
  ],
  [
    'a secret in the plain environment of the functions',
    { api: { environment: { LOG_LEVEL: SecretValue.secretsManager('x').unsafeUnwrap() } } },
    /has a secret's value in its plain environment \(LOG_LEVEL\)/,
  ],
  [
    'a URL with a password',
    { gateway: { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://app:hunter2@otel.example.com:4318' } } },
    /a URL with a password/,
  ],
  [
    'a variable that is a secret by its name',
    { api: { environment: { UPSTASH_REDIS_REST_URL: 'https://x.example.com', UPSTASH_REDIS_REST_TOKEN: 'AX1' } } },
    /UPSTASH_REDIS_REST_TOKEN in its plain environment: by its name it is a secret/,
  ],
];

const synthesise = (props: FrontTcpProps): Template => Template.fromStack(Stack.of(newFrontTcp(props)));

describe('the constructs refuse', () => {
  it.each(refused)('%s', (_, props, sentence) => {
    expect(() => newFrontTcp(props)).toThrow(sentence);
  });
});

describe('the synthesis refuses', () => {
  it.each(refusedAtSynthesis)('%s', (_, props, sentence) => {
    expect(() => synthesise(props)).toThrow(sentence);
  });

  it('a secret that was added to a function afterwards', () => {
    const fronttcp = newFrontTcp();
    fronttcp.api.functions.get('login')?.handler.addEnvironment('X', SecretValue.secretsManager('x').unsafeUnwrap());
    expect(() => Template.fromStack(Stack.of(fronttcp))).toThrow(/plain environment \(X\)/);
  });

  it('a load balancer that has lost its path to the tasks', () => {
    const fronttcp = newFrontTcp();
    const rule = fronttcp.node
      .findAll()
      .find((one) => one instanceof ec2.CfnSecurityGroupIngress && one.fromPort === 8125);
    rule?.node.scope?.node.tryRemoveChild(rule.node.id);
    expect(() => Template.fromStack(Stack.of(fronttcp))).toThrow(/on port 8125: a security group rule is missing/);
  });

  it('nothing that is allowed', () => {
    const environment = { MAX_FRAME_BYTES: '4096' };
    const { handler } =
      newFrontTcp({ gateway: { environment }, api: { environment } }).api.functions.get('login') ?? {};
    expect(handler).toBeInstanceOf(lambda.Function);
    expect(() =>
      synthesise({
        gateway: {
          systemControls: { 'net.ipv4.tcp_fin_timeout': 30 },
          idleTimeoutSeconds: 120,
          environment: { MAILBOX_MAX: '10', SHED_ABOVE: '0' },
        },
        api: { environment: { MAILBOX_MAX: '10' } },
      }),
    ).not.toThrow();
  });
});

describe('a region that the CDK does not know', () => {
  it.each(['mx-central-1', 'cn-north-1'])('is named, with the setting that helps: %s', (region) => {
    expect(() => newFrontTcp({}, newStack(region))).toThrow(
      `no layer of the secrets extension for ${region}: set api.secretsExtensionLayerArn`,
    );
  });

  it('works with a layer of its own', () => {
    const secretsExtensionLayerArn = 'arn:aws:lambda:mx-central-1:222222222222:layer:Secrets-Extension-Arm64:7';
    expect(() => newFrontTcp({ api: { secretsExtensionLayerArn } }, newStack('mx-central-1'))).not.toThrow();
  });
});

describe('two in one stack', () => {
  it('share no name', () => {
    const stack = newStack();
    const north = new Stack(stack, 'North');
    newFrontTcp({ redis: { kind: 'memorydb' } }, north);
    newFrontTcp({ redis: { kind: 'memorydb' } }, new Stack(stack, 'South'));
    const names = stack.node.findAll().flatMap((one) => ('clusterName' in one ? [String(one.clusterName)] : []));
    expect(new Set(names).size).toBe(names.length);
  });
});
