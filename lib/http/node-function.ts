import {
  Duration,
  type aws_ec2 as ec2,
  aws_iam as iam,
  type aws_kms as kms,
  aws_lambda as lambda,
  region_info,
  Stack,
  type aws_secretsmanager as secrets,
  Token,
} from 'aws-cdk-lib';
import { Construct, DependencyGroup } from 'constructs';
import type { Artifacts } from '../artifacts.ts';
import { type LogSettings, logGroup } from '../data-policy.ts';
import type { Network } from '../network.ts';
import type { RedisStore } from '../redis/redis-store.ts';
import { Env } from '../runtime-environment.ts';
import { secretDecryption } from '../secret-decryption.ts';
import { suppressFinding } from '../suppress-finding.ts';

interface NodeFunctionProps {
  /** The folder of the function, and so of its bundle. */
  readonly name: string;
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  readonly artifacts: Artifacts;
  readonly logs: LogSettings;
  readonly environment: Readonly<Record<string, string>>;
  readonly store: RedisStore;
  /** X-Ray. */
  readonly tracing: boolean;
  /** The layer of the secrets extension where the CDK knows none for the region. */
  readonly secretsExtensionLayerArn: string | undefined;
  readonly reservedConcurrency?: number | undefined;
  /** Of the environment. @default a key of Lambda's own */
  readonly encryptionKey?: kms.IKey | undefined;
  /** A secret that is not the store's, and the variable for its ARN. @default none */
  readonly secret?: { readonly secret: secrets.ISecret; readonly variable: string } | undefined;
  /** Left out by a function that has nothing to do with the store. */
  readonly storeAccess?: { readonly network: Network; readonly securityGroup: ec2.ISecurityGroup | undefined };
}

/**
 * How long the extension may return the old value of a rotated secret. A function that the store refuses reads past
 * it (`refreshNow`), so this bounds only how long an old password that still works stays in use.
 */
const SECRET_CACHE = Duration.minutes(5);
/** Without one, the extension's own retries outlast the function, which then ends without a response. */
const SECRET_TIMEOUT = Duration.seconds(2);
const EXTENSION = lambda.ParamsAndSecretsVersions.V1_0_103;

/** One function from its prebuilt bundle, with a role that has only the rights it needs, and an alias that moves by canary. */
export class NodeFunction extends Construct {
  readonly handler: lambda.Function;
  readonly live: lambda.Alias;

  constructor(scope: Construct, id: string, props: NodeFunctionProps) {
    super(scope, id);
    const logs = logGroup(this, 'Logs', props.logs);
    const rights = new Rights(Stack.of(this).account);
    logs.grantWrite(rights);
    if (props.storeAccess) props.store.secret.grantRead(rights);
    props.secret?.secret.grantRead(rights);
    if (props.encryptionKey && (props.storeAccess || props.secret)) {
      rights.policy.addStatements(secretDecryption(props.encryptionKey));
    }
    if (props.store.access && props.storeAccess) rights.policy.addStatements(networkInterfaces());
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Rights: rights.policy },
    });
    suppressFinding(
      role,
      'IAM5[Resource::*]',
      'Trace segments and network interfaces know no resource to be bound to.',
    );

    this.handler = new lambda.Function(this, 'Function', {
      description: `fronttcp ${props.name}`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: lambda.Code.fromAsset(props.artifacts.functionBundle(props.name, props.store.driver)),
      handler: 'index.handler',
      memorySize: props.memoryMiB,
      timeout: Duration.seconds(props.timeoutSeconds),
      tracing: props.tracing ? lambda.Tracing.ACTIVE : lambda.Tracing.DISABLED,
      ...(props.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: props.reservedConcurrency }),
      ...(props.encryptionKey ? { environmentEncryption: props.encryptionKey } : {}),
      loggingFormat: lambda.LoggingFormat.JSON,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
      // Leaves out START, END and REPORT of every call: logs are most of the cost of a small call.
      systemLogLevelV2: lambda.SystemLogLevel.WARN,
      logGroup: logs,
      role,
      ...this.#storeProps(props),
      environment: {
        ...(props.storeAccess
          ? { ...props.store.environment, [Env.redisSecretArn]: props.store.secret.secretArn }
          : {}),
        ...(props.secret ? { [props.secret.variable]: props.secret.secret.secretArn } : {}),
        ...props.environment,
      },
    });
    this.live = new lambda.Alias(this, 'Live', {
      aliasName: 'live',
      version: this.handler.currentVersion as lambda.IVersion,
    });
  }

  #storeProps({
    store,
    storeAccess,
    secret,
    secretsExtensionLayerArn,
  }: NodeFunctionProps): Partial<lambda.FunctionProps> {
    if (secret) return { paramsAndSecrets: this.#secretsExtension(secretsExtensionLayerArn) };
    if (!storeAccess) return {};
    const { network, securityGroup } = storeAccess;
    return {
      paramsAndSecrets: this.#secretsExtension(secretsExtensionLayerArn),
      ...(store.access && securityGroup
        ? { vpc: network.vpc, vpcSubnets: network.functionSubnets, securityGroups: [securityGroup] }
        : {}),
    };
  }

  #secretsExtension(layerArn: string | undefined): lambda.ParamsAndSecretsLayerVersion {
    const options: lambda.ParamsAndSecretsOptions = {
      cacheSize: 10,
      secretsManagerTtl: SECRET_CACHE,
      secretsManagerTimeout: SECRET_TIMEOUT,
      logLevel: lambda.ParamsAndSecretsLogLevel.WARN,
    };
    if (layerArn !== undefined) return lambda.ParamsAndSecretsLayerVersion.fromVersionArn(layerArn, options);
    const { region } = Stack.of(this);
    const known = region_info.RegionInfo.get(region).paramsAndSecretsLambdaLayerArn(EXTENSION, 'arm64');
    if (!Token.isUnresolved(region) && known === undefined) {
      throw new Error(
        `${this.node.path}: the CDK knows no layer of the secrets extension for ${region}: set api.secretsExtensionLayerArn to the arm64 one from AWS's documentation.`,
      );
    }
    return lambda.ParamsAndSecretsLayerVersion.fromVersion(EXTENSION, options);
  }
}

/** The CDK gives these to a role that it makes itself, within a managed policy that allows more; to a given one, nothing. */
function networkInterfaces(): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: [
      'ec2:CreateNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:DeleteNetworkInterface',
      'ec2:AssignPrivateIpAddresses',
      'ec2:UnassignPrivateIpAddresses',
    ],
    resources: ['*'],
  });
}

/** Collects the granted rights, for the role itself: a policy of its own would be one more resource for each function. */
class Rights implements iam.IPrincipal {
  readonly policy = new iam.PolicyDocument();
  readonly grantPrincipal = this;
  readonly assumeRoleAction = 'sts:AssumeRole';
  readonly policyFragment = new iam.ServicePrincipal('lambda.amazonaws.com').policyFragment;
  readonly principalAccount: string;

  constructor(principalAccount: string) {
    this.principalAccount = principalAccount;
  }

  addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    this.policy.addStatements(statement);
    // The role holder has all its rights at once: there is nothing more to wait for.
    return { statementAdded: true, policyDependable: new DependencyGroup() };
  }

  addToPolicy(statement: iam.PolicyStatement): boolean {
    return this.addToPrincipalPolicy(statement).statementAdded;
  }
}
