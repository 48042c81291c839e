import type { Actor } from '../../contract/store/scripts/action.ts';
import type { Runtime } from './runtime.ts';

/** An operator, whose actions are audited, and are not carried out after their requests have been refused. */
export function actorOf({ environment, clock }: Runtime, by: string): Actor {
  return { by, max: environment.AUDIT_MAX, clock };
}
