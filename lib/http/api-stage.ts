import { aws_apigateway as accessLog, aws_apigatewayv2 as apigw } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { routes } from '../../functions/routes.ts';
import { type LogSettings, logGroup } from '../data-policy.ts';

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
  /** Further settings of CONTRACT.md section 5 for the functions. Never a secret. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** New versions get a tenth of the calls for five minutes first. @default true */
  readonly canary?: boolean;
}

export interface ApiStageProps {
  readonly api: apigw.HttpApi;
  readonly settings: ApiSettings;
  readonly logs: LogSettings;
}

/** What an access log line has: enough to find the function's lines, nothing of what was sent. */
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
  constructor(scope: Construct, id: string, { api, settings, logs }: ApiStageProps) {
    super(scope, id);
    const stage = new apigw.HttpStage(this, 'Default', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      detailedMetricsEnabled: true,
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
