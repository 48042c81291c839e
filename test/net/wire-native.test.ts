// The wire of the seed and hostile frames once more, on the addon; more of it in on-native.long.test.ts. The gateways
// that tests start take NET from here.
process.env.NET = 'native';

await import('../gateway/seed.test.ts');
await import('../hostile/frames.test.ts');

export {};
