import { Token } from 'aws-cdk-lib';

const COMPLETE = /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/;

/**
 * A secret's ARN without its six last characters deploys, and then the task cannot read it.
 * An ARN that is only known at deployment (of a secret in another stack) is taken as it is.
 */
export function secretArnProblems(arn: string, name: string): string[] {
  if (Token.isUnresolved(arn) || COMPLETE.test(arn)) return [];
  return [
    `${name} is "${arn}": give the complete ARN of the secret, with the six characters that Secrets Manager put behind its name.`,
  ];
}
