// What hostile peers do, once more: to the addon. Gateways that tests start take NET from here.
process.env.NET = 'native';

await import('../hostile/frames.test.ts');
await import('../hostile/connections.test.ts');
await import('../hostile/floods.test.ts');

export {};
