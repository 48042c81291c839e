export const login = {
  'login.heading': 'Log in as an operator',
  'login.lead': 'Send messages to connected TCP clients and see what became of them.',
  'login.user': 'User ID',
  'login.password': 'Password',
  'login.submit': 'Log in',
  'login.submitting': 'Logging in…',
  'login.wrong': 'The user ID or the password is wrong.',
  'login.missing': 'Enter a user ID and a password.',
  'login.expired': 'Your session is over. The token expired: {time}. Log in again; what you wrote is still here.',
  'login.revoked':
    'Your session is over. The token was revoked, or newer logins have replaced it. Log in again; what you wrote is still here.',
  'login.loggedOut': 'You are logged out.',
  'login.loggedOutHere':
    'You are logged out on this page, but the API could not be reached: the token stays valid until it expires.',
  'login.notOperator': '{user} is not an operator, and only operators may use the console.',
  'logout.open': 'Log out',
  'logout.heading': 'Log out?',
  'logout.consequence':
    'This revokes the token of {user}. If {user} is connected over TCP as well, that connection is closed.',
  'logout.confirm': 'Log out',
  'logout.confirming': 'Logging out…',
  'logout.cancel': 'Stay',
} as const;
