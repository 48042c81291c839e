import type { Text } from './text.ts';

/**
 * The sentences of the API, by reason code. The code of a refusal is the `error` of its response, part of the contract: programs act on
 * it. It is in the log line, too. Sentences, in `message`, may change.
 */
export const MESSAGES = {
  done: { en: 'done', zh: '完成' },
  bad_json: { en: 'the body is not JSON', zh: '请求体不是有效的 JSON' },
  bad_utf8: { en: 'the body is not UTF-8', zh: '请求体不是有效的 UTF-8' },
  not_an_object: { en: 'the body is not a JSON object', zh: '请求体不是 JSON 对象' },
  too_deep: { en: 'the body is nested too deep', zh: '请求体嵌套过深' },
  bad_path: { en: 'the path is not well-formed', zh: '路径格式不正确' },
  malformed: { en: 'the request could not be read', zh: '无法解析该请求' },
  invalid: { en: 'the request is not valid', zh: '请求无效' },
  no_token: { en: 'a token is required: Authorization: Bearer <token>', zh: '缺少令牌：Authorization: Bearer <token>' },
  bad_token: { en: 'the token is not valid or has expired', zh: '令牌无效或已过期' },
  not_operator: { en: 'only an operator may do this', zh: '只有操作员可以执行此操作' },
  not_in_scope: { en: 'the service token does not allow this', zh: '该服务令牌无此权限' },
  no_such_token: { en: 'there is no such service token', zh: '没有该服务令牌' },
  too_many_tokens: { en: 'there are too many service tokens: revoke some', zh: '服务令牌过多，请先撤销部分令牌' },
  bad_login: { en: 'the user id or the password is wrong', zh: '用户 ID 或密码错误' },
  too_many_failures: { en: 'too many failed logins: try again later', zh: '登录失败次数过多，请稍后再试' },
  busy: { en: 'too many logins at the moment: try again', zh: '当前登录请求过多，请重试' },
  store_unavailable: {
    en: 'Redis is out of reach, nothing was accepted: try again',
    zh: 'Redis 暂不可用，未接受任何内容，请重试',
  },
  store_full: {
    en: 'Redis is full, nothing was accepted: try again later',
    zh: 'Redis 存储已满，未接受任何内容，请稍后再试',
  },
  store_credentials: {
    en: 'Redis refuses the credentials of this API, nothing was accepted: try again later',
    zh: 'Redis 拒绝了本接口的凭据，未接受任何内容，请稍后再试',
  },
  unknown_event: {
    en: 'this function takes events of an API Gateway HTTP API, payload format 2.0, whose headers are in lower case',
    zh: '此函数只接受 API Gateway HTTP API 的事件（负载格式 2.0，标头为小写）',
  },
  idempotency_conflict: {
    en: 'the Idempotency-Key was used with another body',
    zh: 'Idempotency-Key 已用于其他请求体',
  },
  bad_idempotency_key: {
    en: 'Idempotency-Key: must be 1 to 255 visible ASCII characters',
    zh: 'Idempotency-Key：必须为 1 到 255 个可见 ASCII 字符',
  },
  unknown_user: { en: 'there is no such user', zh: '没有该用户' },
  away: { en: 'the recipient is not connected; nothing was stored', zh: '接收者未连接，未保存任何内容' },
  cannot_reply: {
    en: 'the client of this user cannot reply: it asked for no features',
    zh: '该用户的客户端不支持应答',
  },
  cannot_acknowledge: {
    en: 'the client of this user does not acknowledge: it did not ask for `ack`',
    zh: '该用户的客户端不支持确认',
  },
  expired: { en: 'its time was over before the step was reached', zh: '在到达该步骤之前已过期' },
  replaced: { en: 'a newer command with the same key took its place', zh: '已被相同键的新命令取代' },
  cancelled: { en: 'the command was cancelled', zh: '命令已被撤回' },
  too_large: { en: 'this is larger than the limit', zh: '超过可接收的大小' },
  failed: { en: 'the message could not be delivered', zh: '消息无法投递' },
  pending: { en: 'accepted; the step was not reached in time', zh: '已接受，尚未到达该步骤' },
  not_before_past: { en: 'not_before: is in the past', zh: 'not_before：时间已过' },
  not_before_far: { en: 'not_before: is more than 30 days ahead', zh: 'not_before：超过 30 天' },
  too_many_keys: { en: 'replaces: too many keys wait for this user', zh: 'replaces：该用户等待中的键过多' },
  unknown_group: { en: 'there is no such group', zh: '没有该分组' },
  too_many_group_sends: {
    en: 'too many messages to groups are still being delivered: try again',
    zh: '正在处理的群组消息过多，请重试',
  },
  group_full: { en: 'a group has at most 100,000 members', zh: '一个分组至多 100,000 个成员' },
  bad_group_name: {
    en: 'a group name has 1 to 128 letters, digits, `.`, `_`, `-` or `:`',
    zh: '分组名称由 1 到 128 个字母、数字、`.`、`_`、`-` 或 `:` 组成',
  },
  wait_in_batch: { en: 'wait: not in a batch', zh: 'wait：不能用于批量命令' },
  no_idempotency_key: {
    en: 'name the command: its id in the path, or its Idempotency-Key as a header',
    zh: '请指定命令：路径中的 id，或 Idempotency-Key 请求头',
  },
  no_such_command: { en: 'there is no receipt of this command', zh: '没有该命令的回执' },
  no_such_message: { en: 'the mailbox does not have this message', zh: '信箱中没有该消息' },
  no_such_letter: {
    en: 'there is no such dead letter: it may have been retried or deleted',
    zh: '没有该死信，或已被处理',
  },
  user_exists: { en: 'there is a user with this id already', zh: '该用户 ID 已存在' },
  no_such_user: { en: 'there is no such user', zh: '没有该用户' },
  no_such_route: { en: 'there is no such route', zh: '没有该路径' },
  method_not_allowed: { en: 'this method is not allowed here', zh: '不允许使用该方法' },
  internal: { en: 'something went wrong on our side', zh: '服务器内部错误' },
} as const satisfies Record<string, Text>;

export type Reason = keyof typeof MESSAGES;
