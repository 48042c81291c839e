import {
  aws_certificatemanager as acm,
  type aws_apigatewayv2 as apigw,
  aws_apigatewayv2_authorizers as authorizers,
  aws_cloudfront as cloudfront,
  Duration,
  type aws_lambda as lambda,
  aws_cloudfront_origins as origins,
  Stack,
  aws_secretsmanager as secrets,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Artifacts } from '../artifacts.ts';
import { type LogSettings, retention } from '../data-policy.ts';
import type { Domain } from '../domain.ts';
import type { RedisStore } from '../redis/redis-store.ts';
import { Env } from '../runtime-environment.ts';
import { suppressFinding } from '../suppress-finding.ts';
import { API_TIMEOUT_SECONDS } from '../timings.ts';
import type { FirewallSettings } from './api-stage.ts';
import { NodeFunction } from './node-function.ts';

interface FirewallProps {
  readonly settings: FirewallSettings;
  readonly api: apigw.HttpApi;
  readonly store: RedisStore;
  readonly artifacts: Artifacts;
  readonly logs: LogSettings;
  readonly deploymentId: string;
  /** @default the one that the CDK knows */
  readonly secretsExtensionLayerArn?: string | undefined;
  /** @default the name that CloudFront gives */
  readonly domain?: Domain | undefined;
}

/** CloudFront adds it with the secret; API Gateway asks the check for its value. */
const ORIGIN_HEADER = 'x-fronttcp-origin';
/** The viewer's address. CloudFront's function overwrites what a client has put there. */
export const VIEWER_HEADER = 'x-fronttcp-viewer';

/** Runs at the edge, so in CloudFront's own JavaScript. */
export const VIEWER_FUNCTION = `function handler(event) {
  var request = event.request;
  request.headers['${VIEWER_HEADER}'] = { value: event.viewer.ip };
  return request;
}
`;

/** API Gateway caches the result of the check for this long. Until then a revoked value is still admitted. */
const CHECK_CACHE = Duration.minutes(5);
const CHECK_MEMORY_MIB = 256;
const CHECK_TIMEOUT_SECONDS = 10;

/** CloudFront with a web ACL in front of the API, which refuses calls that bypass it. */
export class Firewall extends Construct {
  readonly distribution: cloudfront.Distribution;
  readonly authorizer: apigw.IHttpRouteAuthorizer;
  /** `https://…`, without a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: FirewallProps) {
    super(scope, id);
    const { domain, logs } = props;
    const secret = new secrets.Secret(this, 'Secret', {
      description: 'CloudFront shows it to the HTTP API of fronttcp',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: retention(logs.dataPolicy),
      ...(logs.encryptionKey ? { encryptionKey: logs.encryptionKey } : {}),
    });
    suppressFinding(
      secret,
      'SMG4',
      'CloudFront takes a value over by a deployment; docs/deploy.md says how it is rotated.',
    );
    this.authorizer = this.#checkOrigin(secret as secrets.ISecret, props);
    this.distribution = this.#distribute(secret, props);
    domain?.pointToFront(this.distribution as cloudfront.IDistribution);
    this.url = `https://${domain?.apiName ?? this.distribution.distributionDomainName}`;
  }

  #checkOrigin(secret: secrets.ISecret, props: FirewallProps): apigw.IHttpRouteAuthorizer {
    const { store, artifacts, logs, secretsExtensionLayerArn } = props;
    const { live } = new NodeFunction(this, 'OriginCheck', {
      name: 'origin-check',
      memoryMiB: CHECK_MEMORY_MIB,
      timeoutSeconds: CHECK_TIMEOUT_SECONDS,
      environment: {},
      tracing: false,
      secretsExtensionLayerArn,
      secret: { secret, variable: Env.originSecretArn },
      encryptionKey: logs.encryptionKey,
      store,
      artifacts,
      logs,
    });
    return new authorizers.HttpLambdaAuthorizer('Origin', live as lambda.IFunction, {
      // Without the header API Gateway refuses by itself, and the function is not asked.
      identitySource: [`$request.header.${ORIGIN_HEADER}`],
      responseTypes: [authorizers.HttpLambdaResponseType.SIMPLE],
      resultsCacheTtl: CHECK_CACHE,
    });
  }

  #distribute(secret: secrets.Secret, props: FirewallProps): cloudfront.Distribution {
    const { api, settings, domain, deploymentId } = props;
    const { region, urlSuffix } = Stack.of(this);
    const certificate = domain && this.#certificateOf(domain, settings);
    const viewerAddress = new cloudfront.Function(this, 'ViewerAddress', {
      code: cloudfront.FunctionCode.fromInline(VIEWER_FUNCTION),
      runtime: cloudfront.FunctionRuntime.JS_2_0,
      comment: 'fronttcp: the address of the viewer, for limits on logins',
    });
    const distribution = new cloudfront.Distribution(this, 'Distribution', {
      comment: deploymentId,
      webAclId: settings.webAclArn,
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      ...(domain && certificate
        ? {
            domainNames: [domain.apiName],
            certificate,
            minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
          }
        : {}),
      defaultBehavior: {
        origin: new origins.HttpOrigin(`${api.apiId}.execute-api.${region}.${urlSuffix}`, {
          protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
          originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
          // Longer than the API itself: a request that waits for a device ends with its own answer.
          readTimeout: Duration.seconds(API_TIMEOUT_SECONDS + 5),
          customHeaders: { [ORIGIN_HEADER]: secret.secretValue.unsafeUnwrap() },
        }),
        // No redirect: a password would have crossed the network before it.
        viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
        cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
        // API Gateway knows itself by the Host; Authorization is passed on.
        originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        // The functions compress what is worth it.
        compress: false,
        functionAssociations: [
          { eventType: cloudfront.FunctionEventType.VIEWER_REQUEST, function: viewerAddress as cloudfront.IFunction },
        ],
      },
    });
    suppressFinding(distribution, 'CFR1', 'The web ACL decides which countries are admitted.');
    suppressFinding(distribution, 'CFR3', 'The API has an access log of its own, and the web ACL can have one.');
    if (!certificate)
      suppressFinding(distribution, 'CFR4', "CloudFront's own name has its own TLS policy; a domain has TLS 1.2.");
    return distribution;
  }

  #certificateOf(domain: Domain, { certificateArn }: FirewallSettings): acm.ICertificate {
    if (certificateArn === undefined) return domain.certificate;
    return acm.Certificate.fromCertificateArn(this, 'Certificate', certificateArn);
  }
}
