import { createHash } from 'node:crypto';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { ApiRequest, Document, Rule } from './serve.ts';

interface Form {
  readonly body: Buffer;
  readonly etag: string;
  /** Undefined: not compressed. */
  readonly encoding: 'br' | 'gzip' | undefined;
}

/**
 * Serves a text that does not change while the process lives: compressed as the client accepts it, and with an ETag, so
 * that a client with the current version gets a 304. Each form is made at its first request.
 */
export function staticPage(text: string, headers: Readonly<Record<string, string>>): Rule {
  const forms = new Map<Form['encoding'], Form>();
  return ({ event }) => {
    const encoding = encodingOf(event.headers['accept-encoding']);
    let form = forms.get(encoding);
    if (form === undefined) {
      form = formOf(text, encoding);
      forms.set(encoding, form);
    }
    return documentOf(form, headers, event.headers['if-none-match']);
  };
}

function documentOf(form: Form, headers: Document['headers'], ifNoneMatch: string | undefined): Document {
  const { body, etag, encoding } = form;
  const all = { ...headers, etag, vary: 'accept-encoding' };
  if (matches(ifNoneMatch, etag)) return { document: '', status: 304, headers: all };
  return { document: body, headers: encoding === undefined ? all : { ...all, 'content-encoding': encoding } };
}

function formOf(text: string, encoding: Form['encoding']): Form {
  const plain = Buffer.from(text);
  const digest = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  const etag = `"${digest}${encoding === undefined ? '' : `-${encoding}`}"`;
  if (encoding === 'br') {
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
    return { body: brotliCompressSync(plain, options), etag, encoding };
  }
  return { body: encoding === 'gzip' ? gzipSync(plain) : plain, etag, encoding };
}

/** Brotli where the client accepts it, else gzip. A weight of 0 means no. */
function encodingOf(acceptEncoding: ApiRequest['event']['headers'][string] = ''): Form['encoding'] {
  const taken = new Set<string>();
  for (const range of acceptEncoding.slice(0, 512).toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    if (!parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))) taken.add(name);
  }
  return taken.has('br') ? 'br' : taken.has('gzip') ? 'gzip' : undefined;
}

/** `*`, or a list of tags; weak ones are compared like strong ones (RFC 9110, 13.1.2). */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
