import { createRequire } from 'node:module';

/** Schemas of documents are loaded, not imported: the compiler would make a type of each, megabytes of them. */
const load = createRequire(import.meta.url);

interface Problem {
  readonly instancePath: string;
  readonly message?: string;
}

interface Check {
  (value: unknown): boolean;
  readonly errors?: readonly Problem[] | null;
}

interface Ajv {
  compile(schema: object): Check;
  addFormat(name: string, format: boolean): void;
}

type AjvClass = new (options: object) => Ajv;

const sentences = (problems: readonly Problem[]): string[] =>
  problems.map(({ instancePath, message }) => `${instancePath}: ${message}`);

/** What is wrong with an OpenAPI document, by the schema of its version. */
export async function openApiProblems(document: object): Promise<string[]> {
  const { Validator } = load('@seriousme/openapi-schema-validator') as {
    Validator: new () => { validate(document: object): Promise<{ errors?: readonly Problem[] | string }> };
  };
  const { errors = [] } = await new Validator().validate(structuredClone(document));
  return typeof errors === 'string' ? [errors] : sentences(errors);
}

/** What is wrong with an AsyncAPI 3.0 document, by its schema. */
export function asyncApiProblems(document: object): string[] {
  const { default: Ajv } = load('ajv') as { default: AjvClass };
  const ajv = new Ajv({ allErrors: true, strict: false });
  // Formats are not judged.
  for (const format of ['uri', 'uri-reference', 'uri-template', 'email', 'regex']) ajv.addFormat(format, true);
  const check = ajv.compile(load('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object);
  return check(document) ? [] : sentences(check.errors ?? []);
}

/** What is wrong with a value, by a schema (JSON Schema 2020-12). */
export function schemaProblems(schema: object, value: unknown): string[] {
  const { default: Ajv } = load('ajv/dist/2020.js') as { default: AjvClass };
  const check = new Ajv({ allErrors: true, strict: false }).compile(schema);
  return check(value) ? [] : sentences(check.errors ?? []);
}
