import { z } from 'zod';
import { MESSAGES, type Reason } from './messages.ts';

export const errorWord = z
  .enum(Object.keys(MESSAGES).filter((reason) => reason !== 'done' && reason !== 'pending') as [Reason, ...Reason[]])
  .meta({ description: 'Why it was refused, for programs. Existing words do not change; new ones may be added.' });
