import type { z } from 'zod';
import { MAX_CONTENT_DEPTH } from '../../contract/wire/commands.ts';
import { HttpRefusal } from './refusal.ts';
import type { Text } from './text.ts';

type Issue = z.core.$ZodIssue;

/** 400 with the wrong member and the reason: `chat_to[3]: is empty`. */
export function invalid(error: z.ZodError): HttpRefusal {
  return new HttpRefusal(400, 'invalid', { text: sentence(error) });
}

/** The first mistake. A list of all could repeat the caller's input at any length. */
function sentence(error: z.ZodError): Text {
  const issue = deepest(error.issues[0]);
  if (issue === undefined) return { en: 'is not valid', zh: '无效' };
  const where = pathOf(issue.path);
  const what = phrase(issue);
  return where === '' ? what : { en: `${where}: ${what.en}`, zh: `${where}：${what.zh}` };
}

/** For a member with several allowed forms: the issues of the form that matched furthest. */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== 'invalid_union') return issue;
  const inner = issue.errors
    .map((issues) => deepest(issues[0]))
    .filter((one) => one !== undefined)
    .sort(
      (a, b) => Number(a.code === 'invalid_type') - Number(b.code === 'invalid_type') || b.path.length - a.path.length,
    );
  const [best] = inner;
  if (best === undefined || inner.every((one) => one.code === 'invalid_type' && one.path.length === 0)) return issue;
  return { ...best, path: [...issue.path, ...best.path] };
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

const TYPES: Record<string, Text> = {
  string: { en: 'is not a string', zh: '不是字符串' },
  number: { en: 'is not a number', zh: '不是数字' },
  int: { en: 'is not a whole number', zh: '不是整数' },
  boolean: { en: 'is not true or false', zh: '不是 true 或 false' },
  array: { en: 'is not a list', zh: '不是列表' },
  object: { en: 'is not an object', zh: '不是对象' },
};

const CUSTOM: Record<string, string> = {
  'is empty': '为空',
  'is missing: only 104 goes to everyone': '缺失：只有 104 可发给所有人',
  'is not well-formed Unicode': '不是有效的 Unicode',
  'is not an object': '不是对象',
  'is only for the scope send': '仅适用于权限 send',
  'has characters that cannot be printed': '含有不可打印的字符',
  'has a member id, sent_at or ask': '不得含有成员 id、sent_at 或 ask',
  'is for a command to one recipient': '仅适用于发给一个接收者的命令',
  'is for a command with wait': '仅适用于带有 wait 的命令',
  'is for named recipients': '仅适用于指定接收者的命令',
  'is not the name of a group': '不是有效的分组名称',
  'a group takes 103 or 2000-2999': '分组仅支持 103 或 2000-2999',
  'names nobody to add or remove': '未指定要添加或移除的成员',
  'not with not_before': '不能与 not_before 同时使用',
  [`is nested more than ${MAX_CONTENT_DEPTH} deep`]: `嵌套超过 ${MAX_CONTENT_DEPTH} 层`,
  'is not 102, 103, 104 or 2000-2999': '必须为 102、103、104 或 2000-2999',
};

const MISSING: Text = { en: 'is missing', zh: '缺失' };
const WRONG_TYPE: Text = { en: 'has the wrong type', zh: '类型不正确' };

/** Issues do not contain the input; a missing member is recognised by the message. */
function isOfMissing(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
}

/** The names come from the caller: they are cut to the length of our own names. */
function unknownMembers(names: readonly string[]): Text {
  const shown = JSON.stringify(names[0]?.slice(0, 64));
  return { en: `has the unknown member ${shown}`, zh: `含有未知成员 ${shown}` };
}

function phrase(issue: Issue): Text {
  if (issue.code === 'unrecognized_keys') return unknownMembers(issue.keys);
  if (issue.code === 'invalid_type') {
    if (isOfMissing(issue)) return MISSING;
    return TYPES[issue.expected] ?? WRONG_TYPE;
  }
  if (issue.code === 'invalid_union') {
    return issue.errors.some(([first]) => first && isOfMissing(first)) ? MISSING : WRONG_TYPE;
  }
  if (issue.code === 'too_big') return size(issue.origin, issue.maximum, 'max');
  if (issue.code === 'too_small') {
    return issue.origin === 'number' || issue.origin === 'int'
      ? size(issue.origin, issue.minimum, 'min')
      : { en: 'is empty', zh: '为空' };
  }
  const zh = CUSTOM[issue.message];
  if (zh !== undefined) return { en: issue.message, zh };
  return { en: issue.code === 'custom' ? issue.message : 'is not valid', zh: '无效' };
}

function size(origin: string, limit: number | bigint, which: 'max' | 'min'): Text {
  const en = which === 'max' ? 'at most' : 'at least';
  const zh = which === 'max' ? '至多' : '至少';
  if (origin === 'string') return { en: `must have ${en} ${limit} characters`, zh: `${zh} ${limit} 个字符` };
  if (origin === 'array') return { en: `must have ${en} ${limit} members`, zh: `${zh} ${limit} 个成员` };
  return { en: `must be ${en} ${limit}`, zh: `必须${zh} ${limit}` };
}
