import type { Operation, Operations } from './operation.ts';

const page: Operation = { summary: 'The console', who: 'anyone', answer: 'html', refusals: [] };

export const documentOperations = {
  'GET /': page,
  'GET /web/send-command': page,
  'GET /openapi.json': { summary: 'This document', who: 'anyone', answer: 'openapi', refusals: [] },
} as const satisfies Operations;
