// Hostile peers and the seeded histories under faults once more, on the addon: the gateways that tests start take NET from here.
process.env.NET = 'native';

await import('../gateway/limits.test.ts');
await import('../gateway/slow-reader.test.ts');
await import('../edge/proxy-protocol.test.ts');
await import('../hostile/connections.test.ts');
await import('../hostile/floods.test.ts');
await import('../faults/faults.test.ts');

export {};
