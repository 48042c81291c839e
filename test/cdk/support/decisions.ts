import { expect, it } from 'vitest';
import type { FrontTcpProps } from '../../../lib/front-tcp.ts';
import { type TemplateJson, templateOf } from './synthesis.ts';

/** A choice that must stay in the template, and the template in which it did not stay. */
export interface Decision {
  readonly name: string;
  readonly props?: FrontTcpProps;
  /** Throws where the choice is not in the template. */
  holds(template: TemplateJson): void;
  /** Takes the choice out of a copy: `holds` must then throw, or the test proves nothing. */
  undo(template: TemplateJson): void;
}

export function checkDecisions(decisions: readonly Decision[]): void {
  for (const { name, props, holds, undo } of decisions) {
    it(name, () => {
      const template = templateOf(props);
      holds(template);
      const undone = structuredClone(template);
      undo(undone);
      expect(undone, 'undo changes the template').not.toEqual(template);
      expect(() => holds(undone), 'the assertion fails without the decision').toThrow();
    });
  }
}
