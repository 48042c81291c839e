import { describe, expect } from 'vitest';
import { checkDecisions } from './support/decisions.ts';
import {
  attributes,
  BALANCER,
  environment,
  LISTENER,
  setAttribute,
  setEnvironment,
  TARGETS,
} from './support/gateway-template.ts';
import { CERTIFICATE, resourceOf, resourcesOf } from './support/synthesis.ts';

describe('the load balancer', () => {
  checkDecisions([
    {
      name: 'does not cut the connections of a target that failed a health check',
      holds: (t) =>
        expect(attributes(t)).toMatchObject({
          'target_health_state.unhealthy.connection_termination.enabled': 'false',
          'target_health_state.unhealthy.draining_interval_seconds': '120',
        }),
      undo: (t) => setAttribute(t, 'target_health_state.unhealthy.connection_termination.enabled', 'true'),
    },
    {
      name: 'does not cut the connections of a task that drains, and keeps it while new ones still arrive',
      holds: (t) =>
        expect(attributes(t)).toMatchObject({
          'deregistration_delay.connection_termination.enabled': 'false',
          'deregistration_delay.timeout_seconds': '120',
        }),
      undo: (t) => setAttribute(t, 'deregistration_delay.connection_termination.enabled', 'true'),
    },
    {
      name: "shows the gateway the client's own address",
      holds: (t) =>
        expect(attributes(t)).toMatchObject({
          'preserve_client_ip.enabled': 'true',
          'proxy_protocol_v2.enabled': 'false',
        }),
      undo: (t) => setAttribute(t, 'preserve_client_ip.enabled', 'false'),
    },
    {
      name: 'sends PROXY protocol v2 only together with a gateway that expects it',
      props: { gateway: { clientAddress: 'proxy-v2' } },
      holds: (t) => {
        expect(attributes(t)).toMatchObject({
          'preserve_client_ip.enabled': 'false',
          'proxy_protocol_v2.enabled': 'true',
        });
        expect(environment(t).PROXY_PROTOCOL).toBe('v2');
      },
      undo: (t) => setEnvironment(t, 'PROXY_PROTOCOL', 'off'),
    },
    {
      name: 'checks health on its own port, and needs five failures',
      holds: (t) =>
        expect(resourceOf(t, TARGETS).Properties).toMatchObject({
          HealthCheckProtocol: 'HTTP',
          HealthCheckPort: '8125',
          HealthCheckPath: '/healthz',
          HealthCheckIntervalSeconds: 10,
          UnhealthyThresholdCount: 5,
        }),
      undo: (t) => {
        resourceOf(t, TARGETS).Properties.HealthCheckPort = '8124';
      },
    },
    {
      name: 'has its security group from the start, and a path to the targets on both ports',
      holds: (t) => {
        expect(resourceOf(t, BALANCER).Properties.SecurityGroups).toHaveLength(1);
        const ports = (type: string) =>
          resourcesOf(t, type)
            .filter((rule) => rule.Properties.Description === 'load balancer to gateways')
            .map((rule) => rule.Properties.FromPort)
            .sort();
        expect(ports('AWS::EC2::SecurityGroupIngress')).toEqual([8124, 8125]);
        expect(ports('AWS::EC2::SecurityGroupEgress')).toEqual([8124, 8125]);
      },
      undo: (t) => {
        for (const rule of resourcesOf(t, 'AWS::EC2::SecurityGroupEgress')) rule.Properties.FromPort = 1;
      },
    },
    {
      name: 'admits the addresses that were named, and no others',
      props: { gateway: { clientCidrs: ['203.0.113.0/24'] } },
      holds: (t) => {
        const inline = resourcesOf(t, 'AWS::EC2::SecurityGroup').flatMap(
          (one) => one.Properties.SecurityGroupIngress ?? [],
        );
        expect(inline.map((rule: { CidrIp: string; FromPort: number }) => [rule.CidrIp, rule.FromPort])).toEqual([
          ['203.0.113.0/24', 8124],
        ]);
      },
      undo: (t) => {
        for (const group of resourcesOf(t, 'AWS::EC2::SecurityGroup')) {
          for (const rule of group.Properties.SecurityGroupIngress ?? []) rule.CidrIp = '0.0.0.0/0';
        }
      },
    },
    {
      name: 'keeps a silent TCP connection as long as its hosts remember it',
      holds: (t) => {
        expect(resourceOf(t, LISTENER).Properties.Protocol).toBe('TCP');
        expect(resourceOf(t, LISTENER).Properties.ListenerAttributes).toEqual([
          { Key: 'tcp.idle_timeout.seconds', Value: '350' },
        ]);
      },
      undo: (t) => {
        resourceOf(t, LISTENER).Properties.ListenerAttributes[0].Value = '6000';
      },
    },
    {
      name: 'ends TLS with modern versions only, and writes an access log',
      props: { tls: { kind: 'load-balancer', certificateArn: CERTIFICATE } },
      holds: (t) => {
        const listener = resourceOf(t, LISTENER).Properties;
        expect(listener.Protocol).toBe('TLS');
        expect(listener.SslPolicy).toMatch(/^ELBSecurityPolicy-TLS13-1-2-Res-PQ/);
        expect(listener).not.toHaveProperty('ListenerAttributes');
        expect(JSON.stringify(resourceOf(t, BALANCER).Properties.LoadBalancerAttributes)).toContain(
          'access_logs.s3.enabled',
        );
      },
      undo: (t) => {
        resourceOf(t, LISTENER).Properties.SslPolicy = 'ELBSecurityPolicy-2016-08';
      },
    },
  ]);
});
