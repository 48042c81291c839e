import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { type Check, fail, ok, warn } from './check.ts';

const TIMEOUT_MS = 5_000;
const DAY_MS = 86_400_000;
const WARN_DAYS = 30;
const FAIL_DAYS = 7;

/** Checks the TLS handshake, the names in the certificate, and its expiry. */
export function certificateCheck(name: string, host: string, port: number): Promise<Check> {
  return new Promise((resolve) => {
    const servername = isIP(host) === 0 ? { servername: host } : {};
    // Read even when it is not trusted: the check reports the reason.
    const socket = connect({ host, port, ...servername, rejectUnauthorized: false, timeout: TIMEOUT_MS });
    const settle = (check: Check) => {
      socket.destroy();
      resolve(check);
    };
    const noTls = (why: string) => settle(fail(name, `no TLS with ${host}:${port}: ${why}`, 'Does TLS end there?'));
    socket.once('error', (error) => noTls(error.message));
    socket.once('timeout', () => noTls('no answer in time'));
    socket.once('secureConnect', () => {
      const { valid_to } = socket.getPeerCertificate();
      const days = Math.floor((Date.parse(valid_to) - Date.now()) / DAY_MS);
      const why = socket.authorizationError;
      if (!socket.authorized) settle(fail(name, `not trusted: ${why?.message ?? why}`, mendOf(String(why))));
      else if (days < FAIL_DAYS) settle(fail(name, `ends in ${days} days`, 'Renew the certificate now.'));
      else if (days < WARN_DAYS) settle(warn(name, `ends in ${days} days`, 'Check its renewal.'));
      else settle(ok(name, `${socket.getProtocol()}, certificate valid for ${days} days`));
    });
  });
}

/** What to do about a certificate that is not trusted, by Node's error code or message; also in front of a failed connection. */
export function mendOf(why: string): string {
  if (/ALTNAME/.test(why)) return 'Use the name that the certificate is for.';
  if (/EXPIRED/.test(why)) return 'Renew the certificate.';
  return 'Have it signed by a known authority, or name yours in NODE_EXTRA_CA_CERTS.';
}
