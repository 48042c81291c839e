import { array, nullable, number, object, string, type infer as ZodInfer } from 'zod/mini';
import { operatorCall } from './operator-call.ts';

const tokenSchema = object({
  id: string(),
  name: string(),
  scopes: array(string()),
  recipients: nullable(array(string())),
  created_by: string(),
  created_at: number(),
  expires_at: number(),
});
export type ServiceToken = ZodInfer<typeof tokenSchema>;

const tokensSchema = object({ tokens: array(tokenSchema) });
const createdSchema = object({ id: string(), token: string(), expires_at: number() });
export type CreatedToken = ZodInfer<typeof createdSchema>;

export interface TokenRequest {
  name: string;
  scopes: string[];
  recipients?: string[];
  ttl_s?: number;
}

export function listServiceTokens(signal: AbortSignal) {
  return operatorCall(tokensSchema, { method: 'GET', path: 'service-tokens', signal });
}

/** The answer has the token itself, this once. */
export function createServiceToken(asked: TokenRequest) {
  return operatorCall(createdSchema, { method: 'POST', path: 'service-tokens', body: asked });
}

export function revokeServiceToken(id: string) {
  return operatorCall(object({}), { method: 'DELETE', path: `service-tokens/${encodeURIComponent(id)}` });
}
