import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from './document.ts';

/**
 * `npm run openapi`: writes the document that GET /openapi.json serves. It is made from every function's schemas, which
 * are not in the bundle of the function that serves it; a test fails when it is out of date.
 */
export const generatedFile = fileURLToPath(new URL('document.generated.json', import.meta.url));

export const serializeDocument = (): string => `${JSON.stringify(openApiDocument(), null, 2)}\n`;

if (import.meta.main) writeFileSync(generatedFile, serializeDocument());
