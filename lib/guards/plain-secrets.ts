import { CfnResource, aws_ecs as ecs, aws_lambda as lambda, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

const SECRET_NAME = /(PASSWORD|PASSWD|TOKEN|SECRET|PRIVATE_KEY|CREDENTIALS?)$/;
const DYNAMIC_REFERENCE = /\{\{resolve:(secretsmanager|ssm-secure):/;
const URL_WITH_PASSWORD = /:\/\/[^/\s:@]*:[^/\s@]+@/;

/** Finds values in a plain environment that are, or look like, secrets: everyone with the right to describe the resource could read them. */
function plainSecretProblems(owner: string, environment: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    const text = JSON.stringify(value);
    if (DYNAMIC_REFERENCE.test(text)) {
      return [`${owner} has a secret's value in its plain environment (${name}): pass the secret's ARN instead.`];
    }
    if (URL_WITH_PASSWORD.test(text)) {
      return [`${owner} has a URL with a password in its plain environment (${name}): put it into a secret.`];
    }
    return SECRET_NAME.test(name)
      ? [`${owner} has ${name} in its plain environment: by its name it is a secret, so put it into one.`]
      : [];
  });
}

/** Checks every function and container below `root`, including later additions. */
export function plainSecretsBelow(root: IConstruct): string[] {
  return root.node.findAll().flatMap((construct) => {
    if (!CfnResource.isCfnResource(construct)) return [];
    const resolve = (value: unknown): unknown => Stack.of(construct).resolve(value);
    if (construct instanceof lambda.CfnFunction) {
      const environment = resolve(construct.environment) as { variables?: Record<string, unknown> } | undefined;
      return plainSecretProblems(construct.node.path, environment?.variables ?? {});
    }
    if (construct instanceof ecs.CfnTaskDefinition) {
      const containers = (resolve(construct.containerDefinitions) ?? []) as readonly Container[];
      return containers.flatMap((container) =>
        plainSecretProblems(
          `${construct.node.path} (${container.name})`,
          Object.fromEntries((container.environment ?? []).map(({ name, value }) => [name, value])),
        ),
      );
    }
    return [];
  });
}

interface Container {
  readonly name: string;
  readonly environment?: readonly { readonly name: string; readonly value: unknown }[];
}
