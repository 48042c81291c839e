import { readFile, stat } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';
import { z } from 'zod';
import type { Log } from '../../shared/log.ts';
import { readSecret } from '../../shared/secret.ts';

const secretSchema = z.object({
  certificate: z.string().min(1),
  privateKey: z.string().min(1),
  clientCa: z.string().min(1).optional(),
});

type TlsSettings = { readonly renewalCheckMs: number } & (
  | { readonly secretArn: string; readonly clientCertificates: boolean }
  | { readonly certFile: string; readonly keyFile: string; readonly clientCaFile: string | undefined }
);

/** Certificate and key, from files or a secret, checked for a renewal at an interval: new connections get the new one, open ones stay. */
export class TlsMaterial {
  readonly #tls: TlsSettings;
  readonly #log: Pick<Log, 'info' | 'error'>;
  #version = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(tls: TlsSettings, log: Pick<Log, 'info' | 'error'>) {
    this.#tls = tls;
    this.#log = log;
  }

  /** Rejects when there is no certificate: a gateway that should speak TLS does not start without one. */
  async load(): Promise<SecureContextOptions> {
    this.#version = await this.#currentVersion();
    return this.#read();
  }

  watch(onChange: (options: SecureContextOptions) => void): void {
    this.#timer = setInterval(() => {
      this.#check(onChange).catch((error: unknown) =>
        this.#log.error({ event: 'tls_reload_failed', error: String(error) }, 'the old certificate stays in use'),
      );
    }, this.#tls.renewalCheckMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #check(onChange: (options: SecureContextOptions) => void): Promise<void> {
    const version = await this.#currentVersion();
    if (version === this.#version) return;
    onChange(await this.#read());
    this.#version = version;
    this.#log.info({ event: 'tls_reloaded' }, 'a new certificate is in use');
  }

  async #currentVersion(): Promise<string> {
    if ('secretArn' in this.#tls) return (await this.#secret(this.#tls.secretArn)).version;
    const { certFile, keyFile, clientCaFile } = this.#tls;
    const files = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
    const stats = await Promise.all(files.map((file) => stat(file)));
    return stats.map(({ mtimeMs, size, ino }) => `${mtimeMs}/${size}/${ino}`).join(' ');
  }

  async #read(): Promise<SecureContextOptions> {
    if ('secretArn' in this.#tls) {
      const { secretArn, clientCertificates } = this.#tls;
      const { certificate, privateKey, clientCa } = (await this.#secret(secretArn)).fields;
      if (!clientCertificates) return { cert: certificate, key: privateKey };
      // Without it, everyone would be let in where nobody without a certificate should be.
      if (clientCa === undefined)
        throw new Error(`${secretArn} has no field clientCa, which TLS_CLIENT_CERTIFICATES needs`);
      return { cert: certificate, key: privateKey, ca: clientCa };
    }
    const { certFile, keyFile, clientCaFile } = this.#tls;
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    return { cert, key, ...(clientCaFile === undefined ? {} : { ca: await readFile(clientCaFile) }) };
  }

  async #secret(arn: string): Promise<{ version: string; fields: z.infer<typeof secretSchema> }> {
    const { version, json } = await readSecret(arn, { maxAttempts: 4 });
    return { version, fields: secretSchema.parse(json) };
  }
}
