import { describe, expect } from 'vitest';
import type { FrontTcpProps } from '../../lib/front-tcp.ts';
import { checkDecisions, type Decision } from './support/decisions.ts';
import { resourceOf, resourcesOf, type TemplateJson } from './support/synthesis.ts';

const TRUST_STORE = 'arn:aws:elasticloadbalancing:us-east-1:111111111111:truststore/devices/0123456789abcdef';
const LAYER = 'arn:aws:lambda:us-east-1:222222222222:layer:Secrets-Extension-Arm64:7';
const BASE_IMAGE = `registry.example.com/node@sha256:${'a'.repeat(64)}`;

/** Everything that changes little elsewhere, in one template. */
const edge: FrontTcpProps = {
  domain: { name: 'devices.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' },
  tls: { kind: 'load-balancer', clientCertificates: { trustStoreArn: TRUST_STORE } },
  network: { ipv6: true },
  gateway: {
    clientAddress: 'proxy-v2',
    fixedAddresses: true,
    crossZone: false,
    spotPercent: 75,
    baseImage: BASE_IMAGE,
    deployment: { kind: 'canary', percent: 10, bakeMinutes: 15 },
  },
  redis: { kind: 'valkey', engineVersion: '9.1' },
  api: {
    tracing: true,
    reservedConcurrency: { login: 20 },
    secretsExtensionLayerArn: LAYER,
    corsOrigins: ['https://app.example.com'],
  },
  dataPolicy: 'destroy',
};

const BALANCER = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';
const SERVICE = 'AWS::ECS::Service';
const ours = (t: TemplateJson) =>
  resourcesOf(t, 'AWS::Lambda::Function').filter((one) => String(one.Properties.Description).startsWith('fronttcp '));
const names = (t: TemplateJson) =>
  resourcesOf(t, 'AWS::Route53::RecordSet').map((one) => `${one.Properties.Type} ${one.Properties.Name}`);

const decisions: readonly Decision[] = [
  {
    name: 'a domain has a certificate for clients and the API, validated by a record, and records for both',
    holds: (t) => {
      const certificate = resourceOf(t, 'AWS::CertificateManager::Certificate');
      expect(certificate.Properties).toMatchObject({
        DomainName: 'devices.example.com',
        SubjectAlternativeNames: ['api.devices.example.com'],
        ValidationMethod: 'DNS',
      });
      expect(JSON.stringify(resourceOf(t, LISTENER).Properties.Certificates)).toContain('DomainCertificate');
      expect(resourceOf(t, 'AWS::ApiGatewayV2::DomainName').Properties.DomainName).toBe('api.devices.example.com');
      expect(resourcesOf(t, 'AWS::ApiGatewayV2::ApiMapping')).toHaveLength(1);
      expect(names(t).sort()).toEqual([
        'A api.devices.example.com.',
        'A devices.example.com.',
        'AAAA api.devices.example.com.',
        'AAAA devices.example.com.',
      ]);
    },
    undo: (t) => {
      for (const record of resourcesOf(t, 'AWS::Route53::RecordSet')) record.Properties.Name = 'x.example.com.';
    },
  },
  {
    name: 'the load balancer admits clients of the trust store only',
    holds: (t) =>
      expect(resourceOf(t, LISTENER).Properties.MutualAuthentication).toEqual({
        Mode: 'verify',
        TrustStoreArn: TRUST_STORE,
      }),
    undo: (t) => {
      resourceOf(t, LISTENER).Properties.MutualAuthentication.Mode = 'passthrough';
    },
  },
  {
    name: 'both address families reach the load balancer, through its security group, and the API',
    holds: (t) => {
      expect(resourceOf(t, BALANCER).Properties.IpAddressType).toBe('dualstack');
      expect(resourceOf(t, 'AWS::ApiGatewayV2::Api').Properties.IpAddressType).toBe('dualstack');
      const admitted = resourcesOf(t, 'AWS::EC2::SecurityGroup').flatMap(
        (one) => one.Properties.SecurityGroupIngress ?? [],
      );
      expect(
        admitted.map((rule: { CidrIp?: string; CidrIpv6?: string }) => rule.CidrIp ?? rule.CidrIpv6).sort(),
      ).toEqual(['0.0.0.0/0', '::/0']);
    },
    undo: (t) => {
      resourceOf(t, BALANCER).Properties.IpAddressType = 'ipv4';
    },
  },
  {
    name: 'the addresses of the load balancer do not change',
    holds: (t) => {
      expect(resourcesOf(t, 'AWS::EC2::EIP')).toHaveLength(2);
      const mappings = resourceOf(t, BALANCER).Properties.SubnetMappings;
      expect(mappings.map((one: { AllocationId?: unknown }) => one.AllocationId !== undefined)).toEqual([true, true]);
    },
    undo: (t) => {
      for (const one of resourceOf(t, BALANCER).Properties.SubnetMappings) delete one.AllocationId;
    },
  },
  {
    name: 'traffic stays in its zone',
    holds: (t) =>
      expect(resourceOf(t, BALANCER).Properties.LoadBalancerAttributes).toContainEqual({
        Key: 'load_balancing.cross_zone.enabled',
        Value: 'false',
      }),
    undo: (t) => {
      resourceOf(t, BALANCER).Properties.LoadBalancerAttributes = [];
    },
  },
  {
    name: 'three tasks in four are on spot capacity, and the association goes between the service and the cluster',
    holds: (t) => {
      expect(resourceOf(t, SERVICE).Properties.CapacityProviderStrategy).toEqual([
        { CapacityProvider: 'FARGATE', Weight: 25, Base: 1 },
        { CapacityProvider: 'FARGATE_SPOT', Weight: 75 },
      ]);
      const [association] = Object.entries(t.Resources).find(
        ([, one]) => one.Type === 'AWS::ECS::ClusterCapacityProviderAssociations',
      ) ?? [''];
      expect(resourceOf(t, SERVICE).DependsOn).toContain(association);
    },
    undo: (t) => {
      resourceOf(t, SERVICE).DependsOn = [];
    },
  },
  {
    name: 'a task on spot capacity drains within the two minutes that it is given',
    holds: (t) => {
      const [container] = resourceOf(t, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions;
      const drain = container.Environment.find((one: { Name: string }) => one.Name === 'DRAIN_TIMEOUT_MS');
      expect(container.StopTimeout).toBe(120);
      expect(Number(drain.Value)).toBeLessThan(120_000);
    },
    undo: (t) => {
      resourceOf(t, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions[0].StopTimeout = 30;
    },
  },
  {
    name: 'a canary of the gateways shifts a tenth of the new connections to a second target group first',
    holds: (t) => {
      const { DeploymentConfiguration, LoadBalancers } = resourceOf(t, SERVICE).Properties;
      expect(DeploymentConfiguration).toMatchObject({
        Strategy: 'CANARY',
        CanaryConfiguration: { CanaryPercent: 10, CanaryBakeTimeInMinutes: 15 },
        MaximumPercent: 200,
      });
      expect(resourcesOf(t, 'AWS::ElasticLoadBalancingV2::TargetGroup')).toHaveLength(2);
      expect(Object.keys(LoadBalancers[0].AdvancedConfiguration).sort()).toEqual([
        'AlternateTargetGroupArn',
        'ProductionListenerRule',
        'RoleArn',
      ]);
      const unhealthy = resourcesOf(t, 'AWS::CloudWatch::Alarm').find((one) =>
        one.Properties.AlarmDescription?.includes('unhealthy-targets'),
      );
      expect(JSON.stringify(unhealthy?.Properties.Metrics).match(/UnHealthyHostCount/g)).toHaveLength(2);
    },
    undo: (t) => {
      delete resourceOf(t, SERVICE).Properties.LoadBalancers[0].AdvancedConfiguration;
    },
  },
  {
    name: 'the store runs the given version, with its parameter family',
    holds: (t) => {
      expect(resourceOf(t, 'AWS::ElastiCache::ReplicationGroup').Properties.EngineVersion).toBe('9.1');
      expect(resourceOf(t, 'AWS::ElastiCache::ParameterGroup').Properties.CacheParameterGroupFamily).toBe('valkey9');
    },
    undo: (t) => {
      resourceOf(t, 'AWS::ElastiCache::ReplicationGroup').Properties.EngineVersion = '9.0';
    },
  },
  {
    name: 'functions are traced when asked to, and login has sandboxes of its own',
    holds: (t) => {
      const traced = ours(t).filter((one) => one.Properties.TracingConfig?.Mode === 'Active');
      // The relay is for administrators.
      expect(traced).toHaveLength(ours(t).length - 1);
      const login = ours(t).find((one) => one.Properties.Description === 'fronttcp login');
      expect(login?.Properties.ReservedConcurrentExecutions).toBe(20);
    },
    undo: (t) => {
      for (const one of ours(t)) delete one.Properties.TracingConfig;
    },
  },
  {
    name: 'the layer of the secrets extension can be chosen',
    holds: (t) => {
      const layers = ours(t).flatMap((one) => one.Properties.Layers ?? []);
      expect(new Set(layers)).toEqual(new Set([LAYER]));
    },
    undo: (t) => {
      for (const one of ours(t)) if (one.Properties.Layers) one.Properties.Layers = ['arn:of:another'];
    },
  },
  {
    name: 'everything goes with the stack: the bucket of the access log is emptied first',
    holds: (t) => {
      expect(resourcesOf(t, 'Custom::S3AutoDeleteObjects')).toHaveLength(1);
      for (const one of resourcesOf(t, 'AWS::S3::Bucket')) expect(one.DeletionPolicy).toBe('Delete');
    },
    undo: (t) => {
      for (const [id, one] of Object.entries(t.Resources)) {
        if (one.Type === 'Custom::S3AutoDeleteObjects') delete t.Resources[id];
      }
    },
  },
];

describe('with every option', () => {
  checkDecisions(decisions.map((decision) => ({ ...decision, props: edge })));
});
