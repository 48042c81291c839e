import { z } from 'zod';
import { AwsFailure, aws, type DeployedStack, readStack } from '../aws.ts';
import { type Area, type Check, fail, ok, skipped, warn } from './check.ts';

/** Roles that AWS creates on first use: the first stack of an empty account may be too early for them. */
const LINKED_ROLES = [
  { service: 'ecs.amazonaws.com', role: 'AWSServiceRoleForECS' },
  { service: 'elasticloadbalancing.amazonaws.com', role: 'AWSServiceRoleForElasticLoadBalancing' },
  { service: 'elasticache.amazonaws.com', role: 'AWSServiceRoleForElastiCache' },
  {
    service: 'ecs.application-autoscaling.amazonaws.com',
    role: 'AWSServiceRoleForApplicationAutoScaling_ECSService',
  },
] as const;

/** Quotas that a deployment reaches first, with the minimum that it needs. */
const QUOTAS = [
  { name: 'Lambda concurrency', service: 'lambda', code: 'L-B99A9384', enough: 100 },
  { name: 'Fargate vCPUs', service: 'fargate', code: 'L-3032A538', enough: 16 },
] as const;

const role = z.object({ Role: z.object({ RoleName: z.string() }) });
const quota = z.object({ Quota: z.object({ Value: z.number() }) });
const resources = z.object({
  StackResourceSummaries: z.array(
    z.object({
      ResourceType: z.string(),
      LogicalResourceId: z.string(),
      PhysicalResourceId: z.string().optional(),
      ResourceStatus: z.string(),
    }),
  ),
});
const health = z.object({
  TargetHealthDescriptions: z.array(
    z.object({
      Target: z.object({ Id: z.string() }),
      TargetHealth: z.object({ State: z.string(), Description: z.string().optional() }),
    }),
  ),
});
const secret = z.object({ Name: z.string(), DeletedDate: z.unknown().optional() });
const alarms = z.object({ MetricAlarms: z.array(z.object({ AlarmName: z.string() })).default([]) });
const services = z.object({
  services: z.array(z.object({ runningCount: z.number(), desiredCount: z.number() })).default([]),
});

const UNHEALTHY_STACK = /FAILED|ROLLBACK/;

/** The alarm with which autoscaling removes a task (lib/gateway/scaling.ts): it fires when there is little to do. */
const OF_AUTOSCALING = /Quiet(Lower|Upper)Alarm/;
/** The most that `describe-alarms` takes. */
const ALARMS_PER_CALL = 100;

/** Checks of a deployment through AWS. Before the first deployment: the reasons for which it would fail. */
export async function stackArea(name: string): Promise<Area> {
  const title = `Stack ${name}`;
  let stack: DeployedStack | undefined;
  try {
    stack = await readStack(name);
  } catch (error) {
    if (!(error instanceof AwsFailure)) throw error;
    if (error.code !== 'ValidationError') {
      return { title, checks: [fail('AWS', error.message, error.nextStep ?? '')] };
    }
  }
  const region = stack?.region;
  const [roles, quotas, deployed] = await Promise.all([
    Promise.all(LINKED_ROLES.map((one) => roleCheck(one))),
    Promise.all(QUOTAS.map((one) => quotaCheck(one, region))),
    stack ? deployedChecks(stack) : [skipped('stack', 'not deployed yet', 'Deploy it: npx cdk deploy')],
  ]);
  return { title, checks: [...deployed, ...roles, ...quotas] };
}

async function deployedChecks(stack: DeployedStack): Promise<Check[]> {
  const { name, region, status } = stack;
  const state = UNHEALTHY_STACK.test(status)
    ? fail('stack', status, `See why: aws cloudformation describe-stack-events --stack-name ${name}`)
    : ok('stack', `${status} in ${region}`);
  const list = await asked('resources', async () =>
    aws(resources, ['cloudformation', 'list-stack-resources', '--stack-name', name], region),
  );
  if ('state' in list) return [state, list];
  const physicalIds = (type: string): string[] =>
    list.StackResourceSummaries.flatMap(({ ResourceType, LogicalResourceId, PhysicalResourceId = '' }) =>
      ResourceType === type && PhysicalResourceId !== '' && !OF_AUTOSCALING.test(LogicalResourceId)
        ? [PhysicalResourceId]
        : [],
    );
  const groups = physicalIds('AWS::ElasticLoadBalancingV2::TargetGroup');
  const alarmNames = physicalIds('AWS::CloudWatch::Alarm');
  return [
    state,
    ...(await Promise.all([
      tasksCheck(stack),
      targetsCheck(groups, region),
      secretCheck(stack),
      alarmsCheck(alarmNames, region),
    ])),
  ];
}

async function tasksCheck({ outputs, region }: DeployedStack): Promise<Check> {
  const [cluster, service] = [outputs.get('ClusterName'), outputs.get('ServiceName')];
  if (!cluster || !service) return skipped('tasks', 'the stack names no service', 'Deploy this version.');
  const found = await asked('tasks', async () =>
    aws(services, ['ecs', 'describe-services', '--cluster', cluster, '--services', service], region),
  );
  if ('state' in found) return found;
  const { runningCount = 0, desiredCount = 0 } = found.services[0] ?? {};
  const text = `${runningCount} of ${desiredCount} run`;
  const mend = `See why: aws ecs describe-services --cluster ${cluster} --services ${service} --query 'services[0].events[:5]'`;
  return runningCount > 0 && runningCount >= desiredCount ? ok('tasks', text) : fail('tasks', text, mend);
}

async function targetsCheck(groups: readonly string[], region: string): Promise<Check> {
  const found = await asked('targets', async () =>
    Promise.all(
      groups.map((arn) => aws(health, ['elbv2', 'describe-target-health', '--target-group-arn', arn], region)),
    ),
  );
  if ('state' in found) return found;
  const targets = found.flatMap(({ TargetHealthDescriptions }) => TargetHealthDescriptions);
  const healthy = targets.filter(({ TargetHealth }) => TargetHealth.State === 'healthy').length;
  const bad = targets.find(({ TargetHealth }) => TargetHealth.State === 'unhealthy');
  const text = `${healthy} of ${targets.length} healthy`;
  if (bad) {
    return fail(
      'targets',
      `${text}: ${bad.Target.Id} ${bad.TargetHealth.Description ?? ''}`,
      'Runbook: unhealthy-targets',
    );
  }
  return healthy > 0 ? ok('targets', text) : fail('targets', text, 'Runbook: unhealthy-targets');
}

async function secretCheck({ outputs, region }: DeployedStack): Promise<Check> {
  const arn = outputs.get('StoreSecretArn');
  if (!arn) return skipped('secret', 'the stack names none', 'Deploy this version.');
  const found = await asked('secret', async () =>
    aws(secret, ['secretsmanager', 'describe-secret', '--secret-id', arn], region),
  );
  if ('state' in found) return found;
  return found.DeletedDate === undefined
    ? ok('secret', found.Name)
    : fail(
        'secret',
        `${found.Name} is being deleted`,
        `Take it back: aws secretsmanager restore-secret --secret-id ${arn}`,
      );
}

async function alarmsCheck(names: readonly string[], region: string): Promise<Check> {
  const calls = Array.from({ length: Math.ceil(names.length / ALARMS_PER_CALL) }, (_, i) =>
    names.slice(i * ALARMS_PER_CALL, (i + 1) * ALARMS_PER_CALL),
  );
  const found = await asked('alarms', async () =>
    Promise.all(
      calls.map((some) =>
        aws(alarms, ['cloudwatch', 'describe-alarms', '--alarm-names', ...some, '--state-value', 'ALARM'], region),
      ),
    ),
  );
  if ('state' in found) return found;
  const firing = found.flatMap(({ MetricAlarms }) => MetricAlarms.map(({ AlarmName }) => AlarmName));
  if (firing.length === 0) return ok('alarms', 'none fires');
  return fail('alarms', firing.join(', '), 'Each names its entry of docs/runbook.md.');
}

async function roleCheck({ service, role: roleName }: (typeof LINKED_ROLES)[number]): Promise<Check> {
  const name = `role for ${service.replace('.amazonaws.com', '')}`;
  try {
    await aws(role, ['iam', 'get-role', '--role-name', roleName]);
    return ok(name, roleName);
  } catch (error) {
    if (!(error instanceof AwsFailure)) throw error;
    if (error.code !== 'NoSuchEntity') return skipped(name, error.message, 'The right iam:GetRole shows it.');
    return warn(
      name,
      'not there: a first stack can come too early for it',
      `Make it: aws iam create-service-linked-role --aws-service-name ${service}`,
    );
  }
}

async function quotaCheck(
  { name, service, code, enough }: (typeof QUOTAS)[number],
  region: string | undefined,
): Promise<Check> {
  const found = await asked(name, async () =>
    aws(quota, ['service-quotas', 'get-service-quota', '--service-code', service, '--quota-code', code], region),
  );
  if ('state' in found) return found;
  const { Value } = found.Quota;
  const mend = `Raise it: aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value 1000`;
  return Value >= enough ? ok(name, String(Value)) : warn(name, String(Value), mend);
}

/** A call that these credentials may not make is not a fault of the deployment. */
async function asked<T extends object>(name: string, ask: () => Promise<T>): Promise<T | Check> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof AwsFailure)) throw error;
    return skipped(name, error.message, error.nextStep ?? '');
  }
}
