import {
  Duration,
  aws_lambda_destinations as destinations,
  aws_iam as iam,
  type aws_kms as kms,
  type aws_lambda as lambda,
  aws_sqs as sqs,
  Token,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import {
  COMMAND_IDS_FORM,
  DEFAULT_EVENT_IDS,
  DEFAULT_REQUEST_IDS,
  parseCommandIds,
} from '../../contract/wire/command-id-ranges.ts';
import { type DataPolicy, retention } from '../data-policy.ts';
import { refuse } from '../guards/problems.ts';
import { Env } from '../runtime-environment.ts';
import { suppressFinding } from '../suppress-finding.ts';

/** Where devices' application commands and the life of their sessions go: your own function. */
export interface UpstreamSettings {
  /**
   * An alias, or the ARN of one: the gateways may invoke it and nothing else of the function. With an alias what fails
   * three times goes to a queue that the construct makes, unless the alias already has a destination
   * (`configureAsyncInvoke`); a function given by its ARN has a destination of its own, or none. The same is true of
   * `lifecycle`.
   */
  readonly alias: lambda.IAlias | string;
  /** Command ids that are gathered and handed on without a reply. @default '1000-1499' */
  readonly events?: string;
  /** Command ids that wait for a reply. @default '1500-1999' */
  readonly requests?: string;
  /** Another function for connected, disconnected and lost, `'none'` for none. @default the same one */
  readonly lifecycle?: lambda.IAlias | string;
}

interface UpstreamProps {
  readonly settings: UpstreamSettings;
  readonly taskRole: iam.IRole;
  readonly dataPolicy: DataPolicy;
  readonly encryptionKey: kms.IKey | undefined;
}

const QUALIFIED_ARN = /^arn:[^:]+:lambda:[^:]+:[^:]+:function:[^:]+:[^:]+$/;
const ATTEMPTS_AFTER_THE_FIRST = 2;
const MAX_EVENT_AGE = Duration.hours(6);

/** The grant, the settings and the queue for failed invocations of a customer's function. */
export class Upstream extends Construct {
  readonly environment: Readonly<Record<string, string>>;
  /** Invocations that Lambda gave up, with their items, as JSON. */
  readonly deadLetters: sqs.Queue | undefined;

  constructor(scope: Construct, id: string, { settings, taskRole, dataPolicy, encryptionKey }: UpstreamProps) {
    super(scope, id);
    refuse(this, upstreamProblems(settings));
    const lifecycle = settings.lifecycle ?? 'none';
    const invoked = [settings.alias, ...(lifecycle === 'none' ? [] : [lifecycle])].map(arnOf);
    taskRole.addToPrincipalPolicy(
      new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [...new Set(invoked)] }),
    );
    const aliases = [settings.alias, lifecycle].filter((one) => typeof one !== 'string');
    const without = [...new Set(aliases)].filter((alias) => !alias.node.tryFindChild('EventInvokeConfig'));
    if (without.length > 0) {
      this.deadLetters = this.#deadLetters(dataPolicy, encryptionKey);
      const onFailure = new destinations.SqsDestination(this.deadLetters);
      for (const alias of without) {
        alias.configureAsyncInvoke({ retryAttempts: ATTEMPTS_AFTER_THE_FIRST, maxEventAge: MAX_EVENT_AGE, onFailure });
      }
    }
    this.environment = {
      [Env.upstreamFunction]: arnOf(settings.alias),
      ...(settings.events ? { [Env.upstreamEvents]: settings.events } : {}),
      ...(settings.requests ? { [Env.upstreamRequests]: settings.requests } : {}),
      ...(settings.lifecycle ? { [Env.upstreamLifecycleFunction]: arnOf(settings.lifecycle) } : {}),
    };
  }

  #deadLetters(dataPolicy: DataPolicy, encryptionKey: kms.IKey | undefined): sqs.Queue {
    const queue = new sqs.Queue(this, 'DeadLetters', {
      ...(encryptionKey
        ? { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: encryptionKey }
        : { encryption: sqs.QueueEncryption.SQS_MANAGED }),
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: retention(dataPolicy),
    });
    suppressFinding(queue, 'SQS3', 'It is the dead-letter queue itself.');
    return queue;
  }
}

/** Mistakes that would only show when the gateways start, or when the first device sends a command. */
function upstreamProblems({ alias, lifecycle, events, requests }: UpstreamSettings): string[] {
  const given = [alias, lifecycle].filter(
    (one) => typeof one === 'string' && one !== 'none' && !Token.isUnresolved(one),
  );
  const unqualified = given.filter((arn) => !QUALIFIED_ARN.test(String(arn)));
  const regions = new Set(given.map((arn) => String(arn).split(':')[3]));
  return [
    ...unqualified.map(
      (arn) =>
        `upstream: ${String(arn)} is not the ARN of an alias or a version; without one every deployment of the function is live at once.`,
    ),
    ...(regions.size > 1 ? ['upstream.lifecycle is in another region than upstream.alias.'] : []),
    ...idProblems(events ?? DEFAULT_EVENT_IDS, requests ?? DEFAULT_REQUEST_IDS),
  ];
}

function idProblems(events: string, requests: string): string[] {
  const [eventIds, requestIds] = [parseCommandIds(events), parseCommandIds(requests)];
  const both = [...(eventIds ?? [])].find((id) => requestIds?.has(id));
  return [
    ...(eventIds ? [] : [`upstream.events is "${events}": it ${COMMAND_IDS_FORM}.`]),
    ...(requestIds ? [] : [`upstream.requests is "${requests}": it ${COMMAND_IDS_FORM}.`]),
    ...(both === undefined ? [] : [`upstream.requests has ${both}, which is in upstream.events too.`]),
  ];
}

function arnOf(alias: lambda.IAlias | string): string {
  return typeof alias === 'string' ? alias : alias.functionArn;
}
