import {
  Duration,
  aws_ecr_assets as ecrAssets,
  aws_ecs as ecs,
  aws_iam as iam,
  type aws_kms as kms,
  type aws_logs as logs,
  Size,
  aws_secretsmanager as secrets,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Artifacts } from '../artifacts.ts';
import { defaultSystemControls } from '../guards/system-controls.ts';
import type { RedisStore } from '../redis/redis-store.ts';
import { Env } from '../runtime-environment.ts';
import { secretDecryption } from '../secret-decryption.ts';
import { suppressFinding } from '../suppress-finding.ts';
import type { Timings } from '../timings.ts';
import { DEFAULT_HEALTH_PORT, DEFAULT_PORT, type GatewaySettings, type TlsChoice } from './gateway-settings.ts';

export const CONTAINER_NAME = 'gateway';

/** Failed health checks do not count before; the first success ends it. */
const START_PERIOD = Duration.minutes(2);

/** Below it the shares differ by chance; far above it a new task would stay idle. */
const SHED_ABOVE = 1.3;

interface GatewayTaskProps {
  readonly settings: GatewaySettings;
  readonly tls: TlsChoice;
  readonly timings: Timings;
  readonly store: RedisStore;
  readonly artifacts: Artifacts;
  readonly logGroup: logs.LogGroup;
  readonly cluster: ecs.ICluster;
  /** The value of the metrics' one dimension. */
  readonly deploymentId: string;
  /** @default keys of AWS's own */
  readonly encryptionKey: kms.IKey | undefined;
}

/** The task definition: one container without write access, root rights or capabilities. */
export class GatewayTask extends Construct {
  readonly definition: ecs.FargateTaskDefinition;
  readonly executionRole: iam.Role;
  readonly #container: ecs.ContainerDefinition;

  constructor(scope: Construct, id: string, props: GatewayTaskProps) {
    super(scope, id);
    const { settings, timings, store } = props;
    const memoryMiB = settings.memoryMiB ?? 2048;
    const arm = (settings.architecture ?? 'arm64') === 'arm64';

    // An explicit role: the generated one cannot be acknowledged for before it exists.
    this.executionRole = new iam.Role(this, 'ExecutionRole', {
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    suppressFinding(
      this.executionRole,
      'IAM5[Resource::*]',
      'ecr:GetAuthorizationToken knows no resource to be bound to.',
    );

    this.definition = new ecs.FargateTaskDefinition(this, 'Definition', {
      cpu: settings.cpu ?? 1024,
      memoryLimitMiB: memoryMiB,
      executionRole: this.executionRole,
      runtimePlatform: {
        cpuArchitecture: arm ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    });
    suppressFinding(
      this.definition,
      'ECS2',
      'The plain environment holds facts; a guard of this library refuses secrets in it.',
    );

    const linux = new ecs.LinuxParameters(this, 'Linux', { initProcessEnabled: true });
    linux.dropCapabilities(ecs.Capability.ALL);
    const controls = { ...defaultSystemControls, ...settings.systemControls };

    this.#container = this.definition.addContainer(CONTAINER_NAME, {
      image:
        settings.image ??
        ecs.ContainerImage.fromAsset(props.artifacts.gatewayImage(), {
          platform: arm ? ecrAssets.Platform.LINUX_ARM64 : ecrAssets.Platform.LINUX_AMD64,
          ...(settings.baseImage ? { buildArgs: { NODE_IMAGE: settings.baseImage } } : {}),
        }),
      portMappings: [
        { containerPort: settings.port ?? DEFAULT_PORT },
        { containerPort: settings.healthPort ?? DEFAULT_HEALTH_PORT },
      ],
      environment: { ...this.#environment(props, memoryMiB), ...settings.environment },
      secrets: Object.fromEntries(
        Object.entries(store.containerSecrets).map(([name, field]) => [
          name,
          ecs.Secret.fromSecretsManager(store.secret, field),
        ]),
      ),
      readonlyRootFilesystem: true,
      user: '1000:1000',
      linuxParameters: linux,
      stopTimeout: Duration.seconds(timings.stopTimeoutSeconds),
      ulimits: [{ name: ecs.UlimitName.NOFILE, softLimit: 1_048_576, hardLimit: 1_048_576 }],
      systemControls: Object.entries(controls).map(([namespace, value]) => ({ namespace, value: String(value) })),
      logging: ecs.LogDrivers.awsLogs({
        logGroup: props.logGroup,
        streamPrefix: 'gateway',
        // A full buffer loses lines; blocking would stop the event loop, and with it every connection.
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(25),
      }),
      healthCheck: {
        command: ['CMD', 'node', 'healthcheck.mjs'],
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        // As patient as the load balancer: a task with twenty thousand connections is not thrown away for one pause.
        retries: 5,
        // It succeeds once the gateway has been ready. A failover of Redis during the start is over by then.
        startPeriod: START_PERIOD,
      },
    });
    this.#grant(props);
  }

  /** Adds variables to the environment of the container. */
  addEnvironment(environment: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(environment)) this.#container.addEnvironment(name, value);
  }

  #environment({ settings, tls, timings, store, deploymentId }: GatewayTaskProps, memoryMiB: number) {
    return {
      NODE_ENV: 'production',
      // The rest of the memory is for data outside the heap: sockets and their buffers.
      NODE_OPTIONS: `--enable-source-maps --max-old-space-size=${Math.floor(memoryMiB * 0.6)}`,
      ...store.environment,
      [Env.gatewayPort]: String(settings.port ?? DEFAULT_PORT),
      [Env.healthPort]: String(settings.healthPort ?? DEFAULT_HEALTH_PORT),
      [Env.heartbeatTimeoutMs]: String(timings.heartbeatTimeoutSeconds * 1000),
      [Env.authTimeoutMs]: String(timings.authTimeoutSeconds * 1000),
      [Env.drainTimeoutMs]: String(timings.drainTimeoutSeconds * 1000),
      [Env.drainAcceptMs]: String(timings.drainTimeoutSeconds * 1000),
      [Env.metricsDeployment]: deploymentId,
      [Env.shedAbove]: String(SHED_ABOVE),
      ...(settings.clientAddress === 'proxy-v2' ? { [Env.proxyProtocol]: 'v2' } : {}),
      ...(settings.taskProtection ? { [Env.taskProtection]: 'true' } : {}),
      ...(tls.kind === 'gateway' ? { [Env.tlsSecretArn]: tls.secretArn } : {}),
      ...(tls.kind === 'gateway' && tls.clientCertificates ? { [Env.tlsClientCertificates]: 'true' } : {}),
    };
  }

  #grant({ settings, tls, cluster, encryptionKey }: GatewayTaskProps): void {
    const role = this.definition.taskRole;
    if (encryptionKey) {
      const readers = [this.executionRole, ...(tls.kind === 'gateway' ? [role] : [])];
      for (const reader of readers) reader.addToPrincipalPolicy(secretDecryption(encryptionKey));
    }
    if (tls.kind === 'gateway') {
      // Read by the gateway itself and not injected, so that a renewed certificate needs no new task.
      secrets.Secret.fromSecretCompleteArn(this, 'Certificate', tls.secretArn).grantRead(role);
    }
    if (settings.taskProtection) {
      role.addToPrincipalPolicy(
        new iam.PolicyStatement({
          actions: ['ecs:GetTaskProtection', 'ecs:UpdateTaskProtection'],
          resources: ['*'],
          conditions: { ArnEquals: { 'ecs:cluster': cluster.clusterArn } },
        }),
      );
      suppressFinding(
        role,
        'IAM5[Resource::*]',
        'A task does not know its ARN beforehand; the condition binds it to its cluster.',
      );
    }
  }
}
