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
import { acknowledge } from '../acknowledge.ts';
import type { Artifacts } from '../artifacts.ts';
import type { LogSettings } from '../data-policy.ts';
import type { Network } from '../network.ts';
import { admitToStore, type RedisStore } from '../redis/redis-store.ts';
import { Env } from '../runtime-environment.ts';
import { API_TIMEOUT_SECONDS, type Timings } from '../timings.ts';
import { type ApiSettings, ApiStage } from './api-stage.ts';
import { Canary, errorAlarm } from './canary.ts';
import { functionTable } from './function-table.ts';
import { NodeFunction } from './node-function.ts';

export interface HttpApiProps {
  readonly settings: ApiSettings;
  readonly network: Network;
  readonly store: RedisStore;
  readonly timings: Timings;
  readonly artifacts: Artifacts;
  readonly logs: LogSettings;
  /** The value of the metrics' one dimension. */
  readonly deploymentId: string;
}

/** The HTTP side: one function for each folder, one route for each row of the route table. */
export class HttpApi extends Construct {
  readonly api: apigw.HttpApi;
  readonly stage: ApiStage;
  readonly functions: ReadonlyMap<FunctionName, NodeFunction>;
  /** One for each function: with a canary, it also takes the new version back. */
  readonly functionErrors: readonly cw.Alarm[];
  /** Set when the store is in the VPC: what functions need to reach it. */
  readonly securityGroup: ec2.SecurityGroup | undefined;

  constructor(scope: Construct, id: string, props: HttpApiProps) {
    super(scope, id);
    const { corsOrigins = [] } = props.settings;
    this.securityGroup = this.#createSecurityGroup(props);
    this.functions = this.#createFunctions(props);
    this.api = new apigw.HttpApi(this, 'Api', {
      description: 'fronttcp',
      // The default stage takes neither throttles nor an access log.
      createDefaultStage: false,
      ...(corsOrigins.length > 0
        ? {
            corsPreflight: {
              allowOrigins: [...corsOrigins],
              allowMethods: [apigw.CorsHttpMethod.GET, apigw.CorsHttpMethod.POST, apigw.CorsHttpMethod.DELETE],
              allowHeaders: ['authorization', 'content-type', 'idempotency-key'],
              maxAge: Duration.hours(1),
            },
          }
        : {}),
    });
    this.stage = new ApiStage(this, 'Stage', { api: this.api, settings: props.settings, logs: props.logs });
    // Throttles of a route that is not there yet fail the deployment.
    this.stage.node.addDependency(...this.#addRoutes());
    this.functionErrors = this.#watchErrors(props.settings.canary ?? true);
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
            timeoutSeconds: timings.functionTimeoutSeconds,
            artifacts,
            logs,
            store,
            environment: { [Env.metricsDeployment]: deploymentId, ...settings.environment },
            ...(needs.store ? { storeAccess: { network, securityGroup } } : {}),
          }),
        ];
      }),
    );
  }

  #watchErrors(canary: boolean): cw.Alarm[] {
    const shifter = canary ? new Canary(this, 'Canary') : undefined;
    return [...this.functions].map(([name, { live }]) => {
      const alarm = errorAlarm(this, `${pascalCase(name)}Errors`, name, live);
      shifter?.shift(pascalCase(name), live, alarm);
      return alarm;
    });
  }

  #addRoutes(): apigw.HttpRoute[] {
    const integration = new Map(
      [...this.functions].map(([name, { live }]) => [
        name,
        // To the alias: a call to the function itself would pass the canary by.
        new integrations.HttpLambdaIntegration(`${pascalCase(name)}Integration`, live as lambda.IFunction, {
          timeout: Duration.seconds(API_TIMEOUT_SECONDS - 1),
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
      const route = new apigw.HttpRoute(this, key.key, { httpApi: this.api, routeKey: key, integration: target });
      acknowledge(route, 'APIG4', functionTable[name].openBecause);
      return route;
    });
  }
}

function pascalCase(name: string): string {
  return name.replaceAll(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}
