import type { login as en } from '../en/login.ts';

export const login: Readonly<Record<keyof typeof en, string>> = {
  'login.heading': '操作员登录',
  'login.lead': '向已连接的 TCP 客户端发送消息，并查看投递结果。',
  'login.user': '用户 ID',
  'login.password': '密码',
  'login.submit': '登录',
  'login.submitting': '正在登录…',
  'login.wrong': '用户 ID 或密码错误。',
  'login.missing': '请输入用户 ID 和密码。',
  'login.expired': '会话已结束：令牌已过期（{time}）。请重新登录；您写的内容仍然保留。',
  'login.revoked': '会话已结束：令牌已被吊销，或已被更新的登录取代。请重新登录；您写的内容仍然保留。',
  'login.loggedOut': '您已退出登录。',
  'login.loggedOutHere': '本页已退出登录，但无法连接到 API：令牌在过期之前仍然有效。',
  'login.notOperator': '{user} 不是操作员，只有操作员可以使用控制台。',
  'logout.open': '退出登录',
  'logout.heading': '退出登录？',
  'logout.consequence': '这将吊销 {user} 的令牌。如果 {user} 同时通过 TCP 连接，该连接也会被关闭。',
  'logout.confirm': '退出登录',
  'logout.confirming': '正在退出…',
  'logout.cancel': '留在此页',
};
