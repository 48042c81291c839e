// The wire of the seed, and limits and slow readers, once more: on the addon. Gateways that tests start take NET from here.
process.env.NET = 'native';

await import('../gateway/seed.test.ts');
await import('../gateway/limits.test.ts');
await import('../gateway/slow-reader.test.ts');
await import('../edge/proxy-protocol.test.ts');

export {};
