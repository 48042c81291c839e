import { Duration, type aws_ec2 as ec2, aws_iam as iam, aws_lambda as lambda } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { Artifacts } from '../artifacts.ts';
import { type LogSettings, logGroup } from '../data-policy.ts';
import type { Network } from '../network.ts';
import type { RedisStore } from '../redis/redis-store.ts';
import { Env } from '../runtime-environment.ts';

export interface NodeFunctionProps {
  /** The folder of the function, and so of its bundle. */
  readonly name: string;
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  readonly artifacts: Artifacts;
  readonly logs: LogSettings;
  readonly environment: Readonly<Record<string, string>>;
  readonly store: RedisStore;
  /** Left out by a function that has nothing to do with the store. */
  readonly storeAccess?: { readonly network: Network; readonly securityGroup: ec2.ISecurityGroup | undefined };
}

/** How long a rotated secret may still be answered with the old value by the extension. */
const SECRET_CACHE = Duration.minutes(5);

/** One function from its prebuilt bundle, with a role that may do what it needs, and an alias that moves by canary. */
export class NodeFunction extends Construct {
  readonly handler: lambda.Function;
  readonly live: lambda.Alias;

  constructor(scope: Construct, id: string, props: NodeFunctionProps) {
    super(scope, id);
    const logs = logGroup(this, 'Logs', props.logs);
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    logs.grantWrite(role);
    acknowledge(role, 'IAM5[Resource::*]', 'Trace segments and network interfaces know no resource to be bound to.');

    this.handler = new lambda.Function(this, 'Function', {
      description: `fronttcp ${props.name}`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: lambda.Code.fromAsset(props.artifacts.functionBundle(props.name, props.store.driver)),
      handler: 'index.handler',
      memorySize: props.memoryMiB,
      timeout: Duration.seconds(props.timeoutSeconds),
      tracing: lambda.Tracing.ACTIVE,
      loggingFormat: lambda.LoggingFormat.JSON,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
      // Leaves out START, END and REPORT of every call: logs are most of what a small call costs.
      systemLogLevelV2: lambda.SystemLogLevel.WARN,
      logGroup: logs,
      role,
      ...this.#storeProps(props),
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        ...(props.storeAccess
          ? { ...props.store.environment, [Env.redisSecretArn]: props.store.secret.secretArn }
          : {}),
        ...props.environment,
      },
    });
    if (props.storeAccess) props.store.secret.grantRead(role);
    if (props.store.access && props.storeAccess) allowNetworkInterfaces(role);
    this.live = new lambda.Alias(this, 'Live', {
      aliasName: 'live',
      version: this.handler.currentVersion as lambda.IVersion,
    });
  }

  #storeProps({ store, storeAccess }: NodeFunctionProps): Partial<lambda.FunctionProps> {
    if (!storeAccess) return {};
    const { network, securityGroup } = storeAccess;
    return {
      paramsAndSecrets: lambda.ParamsAndSecretsLayerVersion.fromVersion(lambda.ParamsAndSecretsVersions.V1_0_103, {
        cacheSize: 10,
        secretsManagerTtl: SECRET_CACHE,
        logLevel: lambda.ParamsAndSecretsLogLevel.WARN,
      }),
      ...(store.access && securityGroup
        ? { vpc: network.vpc, vpcSubnets: network.functionSubnets, securityGroups: [securityGroup] }
        : {}),
    };
  }
}

/** The CDK gives these to a role that it makes itself, within a managed policy that allows more; to a given one, nothing. */
function allowNetworkInterfaces(role: iam.Role): void {
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: [
        'ec2:CreateNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:DeleteNetworkInterface',
        'ec2:AssignPrivateIpAddresses',
        'ec2:UnassignPrivateIpAddresses',
      ],
      resources: ['*'],
    }),
  );
}
