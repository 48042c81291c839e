import type { RouteKey } from '../../routes.ts';
import type { SchemaName } from '../schemas.ts';
import type { ParameterName } from './parameters.ts';

/** The description of a route, beside its schemas. */
export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly who: 'anyone' | 'user' | 'operator';
  readonly parameters?: readonly ParameterName[];
  readonly request?: SchemaName;
  /** Members of a 200 beside `code` and `message`; empty: only those. `html`: a page. */
  readonly answer?: SchemaName | 'html' | 'openapi';
  /** 202 has the same members as 200: the requested step may still happen. */
  readonly mayBePending?: true;
  /** Beside 200, 500, and the statuses of `who`. */
  readonly refusals: readonly Status[];
}

export type Status = 400 | 401 | 403 | 404 | 409 | 413 | 429 | 503;

/** Some rows of the table. */
export type Operations = Readonly<Partial<Record<RouteKey, Operation>>>;
