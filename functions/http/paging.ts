import { z } from 'zod';

/** `limit` of a listing's query: the maximum of items in one response. */
export function pageLimit(max: number, otherwise: number) {
  return z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(max))
    .default(otherwise);
}

/** `before` of a listing's query: the id of the stream entry where the previous page ended. */
export const beforeEntry = z
  .string()
  .regex(/^\d{1,16}-\d{1,16}$/)
  // Nothing is before it: Redis refuses it.
  .refine((id) => /[1-9]/.test(id), 'is not valid')
  .optional();
