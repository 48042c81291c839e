import type { IConstruct } from 'constructs';

/** Stops the synthesis with every sentence at once. */
export function refuse(construct: IConstruct, problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`${construct.node.path}: ${problems.join(' ')}`);
}
