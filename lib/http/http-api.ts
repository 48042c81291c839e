import {
  aws_apigatewayv2 as apigw,
  type aws_cloudwatch as cw,
  Duration,
  aws_ec2 as ec2,
  aws_apigatewayv2_integrations as integrations,
  type aws_lambda as lambda,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { type FunctionName, fallbackFunction, routes } from '../../functions/routes.ts';
import type { Artifacts } from '../artifacts.ts';
import type { LogSettings } from '../data-policy.ts';
import type { Domain } from '../domain.ts';
import type { Network } from '../network.ts';
import { admitToStore, type RedisStore } from '../redis/redis-store.ts';
import { Env } from '../runtime-environment.ts';
import { suppressFinding } from '../suppress-finding.ts';
import { API_TIMEOUT_SECONDS, type Timings } from '../timings.ts';
import { type ApiSettings, ApiStage, type FirewallSettings } from './api-stage.ts';
import { Canary } from './canary.ts';
import { Firewall, VIEWER_HEADER } from './firewall.ts';
import { failureAlarm, latencyAlarm } from './function-alarms.ts';
import { type FunctionNeeds, functionTable } from './function-table.ts';
import { NodeFunction } from './node-function.ts';

interface HttpApiProps {
  readonly settings: ApiSettings;
  readonly network: Network;
  readonly store: RedisStore;
  readonly timings: Timings;
  readonly artifacts: Artifacts;
  readonly logs: LogSettings;
  /** The value of the metrics' one dimension. */
  readonly deploymentId: string;
  /** @default the API's own address */
  readonly domain?: Domain | undefined;
}

const CORS_METHODS = [
  apigw.CorsHttpMethod.GET,
  apigw.CorsHttpMethod.POST,
  apigw.CorsHttpMethod.PUT,
  apigw.CorsHttpMethod.DELETE,
] as const;
/** 503 takes up to two seconds, at the start and at the end of a wait. */
const STORE_SECONDS = 4;

/** The HTTP side: one function for each folder, one route for each row of the route table. */
export class HttpApi extends Construct {
  readonly api: apigw.HttpApi;
  readonly stage: ApiStage;
  readonly functions: ReadonlyMap<FunctionName, NodeFunction>;
  /** Of each function, failures and latency: with a canary, they also take the new version back. */
  readonly functionAlarms: readonly cw.Alarm[];
  /** `https://…`, without a slash at the end. */
  readonly url: string;
  /** Set when the store is in the VPC: the network settings of the functions. */
  readonly securityGroup: ec2.SecurityGroup | undefined;
  /** CloudFront with the team's web ACL. @default the API is called directly */
  readonly firewall: Firewall | undefined;

  constructor(scope: Construct, id: string, props: HttpApiProps) {
    super(scope, id);
    const { corsOrigins = [], firewall } = props.settings;
    this.securityGroup = this.#createSecurityGroup(props);
    this.functions = this.#createFunctions(props);
    this.api = new apigw.HttpApi(this, 'Api', {
      // The construct's own id, "Api", would be the name of every deployment in an account.
      apiName: props.deploymentId,
      description: 'fronttcp',
      ...(props.network.ipv6 ? { ipAddressType: apigw.IpAddressType.DUAL_STACK } : {}),
      // The default stage takes neither throttles nor an access log.
      createDefaultStage: false,
      ...(corsOrigins.length > 0
        ? {
            corsPreflight: {
              allowOrigins: [...corsOrigins],
              allowMethods: [...CORS_METHODS],
              allowHeaders: ['authorization', 'content-type', 'idempotency-key'],
              maxAge: Duration.hours(1),
            },
          }
        : {}),
    });
    // Behind CloudFront the name is that of the distribution.
    const domainName = firewall ? undefined : props.domain && this.#nameOf(props.domain, props.network.ipv6);
    this.stage = new ApiStage(this, 'Stage', { api: this.api, settings: props.settings, logs: props.logs, domainName });
    this.firewall = firewall && this.#protect(firewall, props);
    const address = props.domain ? `https://${props.domain.apiName}` : this.api.apiEndpoint;
    this.url = this.firewall?.url ?? address;
    // Throttles of a route that is not there yet fail the deployment.
    this.stage.node.addDependency(...this.#addRoutes());
    this.functionAlarms = this.#watch(props.settings.canary ?? true, props.timings);
  }

  #protect(settings: FirewallSettings, props: HttpApiProps): Firewall {
    const { secretsExtensionLayerArn } = props.settings;
    return new Firewall(this, 'Firewall', { ...props, settings, secretsExtensionLayerArn, api: this.api });
  }

  #nameOf(domain: Domain, ipv6: boolean): apigw.DomainName {
    const name = new apigw.DomainName(this, 'Name', {
      domainName: domain.apiName,
      certificate: domain.certificate,
      securityPolicy: apigw.SecurityPolicy.TLS_1_2,
      ...(ipv6 ? { ipAddressType: apigw.IpAddressType.DUAL_STACK } : {}),
    });
    domain.pointToApi(name, ipv6);
    return name;
  }

  #createSecurityGroup({ network, store }: HttpApiProps): ec2.SecurityGroup | undefined {
    if (!store.access) return undefined;
    const group = new ec2.SecurityGroup(this, 'Functions', { vpc: network.vpc, description: 'Functions of fronttcp' });
    admitToStore(store, group, 'functions');
    network.admitToEndpoints(group);
    return group;
  }

  #createFunctions(props: HttpApiProps): Map<FunctionName, NodeFunction> {
    const { settings, network, store, timings, artifacts, logs, deploymentId } = props;
    const { securityGroup } = this;
    const names = [...new Set(routes.map((route) => route.function))];
    return new Map(
      names.map((name) => {
        const needs = functionTable[name];
        return [
          name,
          new NodeFunction(this, pascalCase(name), {
            name,
            memoryMiB: needs.memoryMiB,
            timeoutSeconds: timeoutOf(needs, timings),
            encryptionKey: logs.encryptionKey,
            tracing: settings.tracing ?? false,
            secretsExtensionLayerArn: settings.secretsExtensionLayerArn,
            reservedConcurrency: settings.reservedConcurrency?.[name],
            artifacts,
            logs,
            store,
            environment: {
              [Env.metricsDeployment]: deploymentId,
              ...(settings.firewall ? { [Env.viewerAddressHeader]: VIEWER_HEADER } : {}),
              ...settings.environment,
            },
            ...(needs.store ? { storeAccess: { network, securityGroup } } : {}),
          }),
        ];
      }),
    );
  }

  #watch(canary: boolean, timings: Timings): cw.Alarm[] {
    const shifter = canary ? new Canary(this, 'Canary') : undefined;
    return [...this.functions].flatMap(([name, made]) => {
      const id = pascalCase(name);
      const alarms = [
        failureAlarm(this, `${id}Errors`, name, made),
        // A request that waits for a device is long and well.
        ...(functionTable[name].waitSeconds === undefined
          ? [latencyAlarm(this, `${id}Latency`, name, made, timings.functionTimeoutSeconds)]
          : []),
      ];
      shifter?.shift(id, made.live, alarms);
      return alarms;
    });
  }

  #addRoutes(): apigw.HttpRoute[] {
    const integration = new Map(
      [...this.functions].map(([name, { live }]) => [
        name,
        // To the alias: a call to the function itself would bypass the canary.
        new integrations.HttpLambdaIntegration(`${pascalCase(name)}Integration`, live as lambda.IFunction, {
          timeout: Duration.seconds(API_TIMEOUT_SECONDS - 1),
          // One permission for each function, not for each route: the API is the same, and has no route that is not ours.
          scopePermissionToRoute: false,
        }),
      ]),
    );
    const rows: { readonly key: apigw.HttpRouteKey; readonly name: FunctionName }[] = [
      ...routes.map((route) => ({
        key: apigw.HttpRouteKey.with(route.path, apigw.HttpMethod[route.method]),
        name: route.function,
      })),
      { key: apigw.HttpRouteKey.DEFAULT, name: fallbackFunction },
    ];
    return rows.map(({ key, name }) => {
      const target = integration.get(name);
      if (!target) throw new Error(`${this.node.path}: the route ${key.key} names no function.`);
      const authorizer = this.firewall?.authorizer;
      const route = new apigw.HttpRoute(this, key.key, {
        httpApi: this.api,
        routeKey: key,
        integration: target,
        ...(authorizer ? { authorizer } : {}),
      });
      suppressFinding(route, 'APIG4', functionTable[name].openBecause);
      return route;
    });
  }
}

function pascalCase(name: string): string {
  return name.replaceAll(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

/** A request that waits for a device needs its seconds beside those of the store. */
function timeoutOf({ waitSeconds = 0 }: FunctionNeeds, { functionTimeoutSeconds }: Timings): number {
  return Math.min(API_TIMEOUT_SECONDS - 1, Math.max(functionTimeoutSeconds, waitSeconds + STORE_SECONDS));
}
