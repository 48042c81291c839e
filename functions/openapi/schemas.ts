import { z } from 'zod';
import { sendCommandSchema, userIdSchema } from '../../contract/wire/commands.ts';
import { auditAnswer, auditRecord } from '../commands/audit-schema.ts';
import {
  cancelAnswer,
  commandAnswer,
  commandsAnswer,
  deliveryState,
  pastCommand,
  timelineAnswer,
} from '../commands/schema.ts';
import { deadLetter, deadLettersAnswer } from '../dead-letters/schema.ts';
import { changeAnswer, changeRequest, groupsAnswer, membersAnswer } from '../groups/schema.ts';
import { errorWord } from '../http/error-word.ts';
import { loginAnswer, loginRequest } from '../login/schema.ts';
import { logoutRequest } from '../logout/schema.ts';
import { batchRequestDocument, sentAnswer, sentBatchAnswer, sentToGroupAnswer } from '../send-command/schema.ts';
import { historyAnswer, statsAnswer, tailAnswer } from '../stats/schema.ts';
import { createTokenAnswer, createTokenRequest, serviceToken, tokensAnswer } from '../tokens/schema.ts';
import {
  addUserRequest,
  clearedAnswer,
  disconnectedAnswer,
  madeTokenAnswer,
  makeTokenRequest,
  messagesAnswer,
  setPasswordRequest,
  userAnswer,
  userDetailAnswer,
  usersAnswer,
} from '../users/schema.ts';

/** The `code` and `message` of every response. */
const verdict = {
  code: z.literal(1),
  message: z.string().meta({ description: 'English, or Chinese for `Accept-Language: zh`.' }),
};
const answered = <T extends z.ZodRawShape>(answer: z.ZodObject<T>) => z.object({ ...verdict, ...answer.shape });

const refusal = z.object({
  code: z.literal(0),
  error: errorWord,
  message: verdict.message,
  id: z.string().optional().meta({ description: 'Of a command that was accepted and ended while the call waited.' }),
});

const named = {
  UserId: userIdSchema,
  Done: z.object(verdict),
  Refusal: refusal,
  LoginRequest: loginRequest,
  LogoutRequest: logoutRequest,
  Login: answered(loginAnswer),
  SendCommand: sendCommandSchema,
  SendRequest: z.union([sendCommandSchema, batchRequestDocument]),
  Sent: z.union([answered(sentAnswer), answered(sentToGroupAnswer), answered(sentBatchAnswer)]),
  DeliveryState: deliveryState,
  Command: answered(commandAnswer),
  Cancellation: answered(cancelAnswer),
  PastCommand: pastCommand,
  Commands: answered(commandsAnswer),
  User: userAnswer,
  Users: answered(usersAnswer),
  UserDetail: answered(userDetailAnswer),
  Disconnected: answered(disconnectedAnswer),
  AddUser: addUserRequest,
  SetPassword: setPasswordRequest,
  MakeToken: makeTokenRequest,
  MadeToken: answered(madeTokenAnswer),
  WaitingMessages: answered(messagesAnswer),
  Cleared: answered(clearedAnswer),
  Groups: answered(groupsAnswer),
  GroupMembers: answered(membersAnswer),
  ChangeGroup: changeRequest,
  ChangedGroup: answered(changeAnswer),
  Stats: answered(statsAnswer),
  History: answered(historyAnswer),
  Tail: answered(tailAnswer),
  Timeline: answered(timelineAnswer),
  DeadLetter: deadLetter,
  DeadLetters: answered(deadLettersAnswer),
  CreateServiceToken: createTokenRequest,
  CreatedServiceToken: answered(createTokenAnswer),
  ServiceToken: serviceToken,
  ServiceTokens: answered(tokensAnswer),
  AuditRecord: auditRecord,
  Audit: answered(auditAnswer),
};

export type SchemaName = keyof typeof named;

export const reference = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });

/** The same schemas that validate requests, as JSON Schema. */
export function jsonSchemas(): Record<string, object> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    unrepresentable: 'any',
    io: 'input',
    // Zod adds the range of a double to every whole number: not useful to a reader.
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  // OpenAPI 3.1 names the dialect once, and identifies a schema by its place.
  return Object.fromEntries(Object.entries(schemas).map(([id, { $schema, $id, ...schema }]) => [id, schema]));
}
