import { isJsonObject, parseJsonExactly } from '../../shared/raw-json.ts';
import { ExitCode, Failure } from './failure.ts';

/** JSON of the command line, digit by digit: a number that this Node would change is refused. Undefined: it is no JSON. */
export function typedJson(text: string): unknown {
  try {
    return parseJsonExactly(text);
  } catch (cause) {
    if (!(cause instanceof RangeError)) return undefined;
    throw new Failure(ExitCode.usage, cause.message, 'Write it as a string, or use Node 22 or newer.', { cause });
  }
}

/** Of a file or a frame. Undefined: it is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As `typedJson`; undefined also for what is no object. */
export function typedObject(text: string): Record<string, unknown> | undefined {
  const value = typedJson(text);
  return isJsonObject(value) ? value : undefined;
}
