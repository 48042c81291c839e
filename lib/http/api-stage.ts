import { aws_apigateway as accessLog, aws_apigatewayv2 as apigw } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { type FunctionName, routes } from '../../functions/routes.ts';
import { type LogSettings, logGroup } from '../data-policy.ts';

/**
 * AWS WAF takes no HTTP API, so the web ACL is at a CloudFront distribution in front of it. The API then refuses whoever comes past
 * CloudFront, and the address of a client is the one that CloudFront sees.
 */
export interface FirewallSettings {
  /** Of your web ACL, with the scope CLOUDFRONT: it is in us-east-1, wherever the stack is. */
  readonly webAclArn: string;
  /**
   * Of a certificate in us-east-1 for the API's name (`api.` before `domain.name`): for a stack with a `domain` in another region.
   * @default the certificate of `domain`
   */
  readonly certificateArn?: string;
}

export interface ApiSettings {
  /** Requests per second of all routes together. API Gateway throttles a stage, not a client. @default 500 */
  readonly rateLimit?: number;
  /** @default 1000 */
  readonly burstLimit?: number;
  /** Logins per second, of everyone together: each costs a password hash. @default 20 */
  readonly loginRateLimit?: number;
  /** @default 40 */
  readonly loginBurstLimit?: number;
  /** Origins of pages elsewhere that may call the API. The console needs none. @default none */
  readonly corsOrigins?: readonly string[];
  /** Further settings of docs/configuration.md for the functions. Never a secret. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** New versions get a tenth of the calls for five minutes first. @default true */
  readonly canary?: boolean;
  /** X-Ray traces of the functions; they are paid for by the request. @default false */
  readonly tracing?: boolean;
  /**
   * Sandboxes kept for a function, which are also the most that it may have. They are taken from the account's, of
   * which 100 must remain. @default none
   */
  readonly reservedConcurrency?: Readonly<Partial<Record<FunctionName, number>>>;
  /**
   * The layer of AWS's parameters-and-secrets extension for arm64, in the stack's region: for regions that the CDK does
   * not know it for. @default the one that the CDK knows
   */
  readonly secretsExtensionLayerArn?: string;
  /** A web application firewall in front of the API. @default none */
  readonly firewall?: FirewallSettings;
}

interface ApiStageProps {
  readonly api: apigw.HttpApi;
  readonly settings: ApiSettings;
  readonly logs: LogSettings;
  readonly domainName: apigw.DomainName | undefined;
}

/** The fields of an access log line: enough to find the function's lines, no contents. */
const LOG_LINE = {
  requestId: '$context.requestId',
  ip: '$context.identity.sourceIp',
  route: '$context.routeKey',
  status: '$context.status',
  latencyMs: '$context.responseLatency',
  error: '$context.integrationErrorMessage',
};

/** The one stage, `$default`: limits, metrics per route and the access log. */
export class ApiStage extends Construct {
  constructor(scope: Construct, id: string, { api, settings, logs, domainName }: ApiStageProps) {
    super(scope, id);
    const stage = new apigw.HttpStage(this, 'Default', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      detailedMetricsEnabled: true,
      ...(domainName ? { domainMapping: { domainName: domainName as apigw.IDomainName } } : {}),
      throttle: { rateLimit: settings.rateLimit ?? 500, burstLimit: settings.burstLimit ?? 1000 },
      accessLogSettings: {
        destination: new apigw.LogGroupLogDestination(logGroup(this, 'AccessLog', logs)),
        format: accessLog.AccessLogFormat.custom(JSON.stringify(LOG_LINE)),
      },
    });
    const resource = stage.node.defaultChild;
    if (!(resource instanceof apigw.CfnStage)) throw new Error(`${this.node.path}: the stage has no resource.`);
    const logins = routes.filter((route) => route.function === 'login');
    resource.addPropertyOverride(
      'RouteSettings',
      Object.fromEntries(
        logins.map(({ method, path }) => [
          `${method} ${path}`,
          {
            // Settings of a route replace the stage's whole.
            DetailedMetricsEnabled: true,
            ThrottlingRateLimit: settings.loginRateLimit ?? 20,
            ThrottlingBurstLimit: settings.loginBurstLimit ?? 40,
          },
        ]),
      ),
    );
  }
}
