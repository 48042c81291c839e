// The seeded history under faults, once more: on the addon. Gateways that tests start take NET from here.
process.env.NET = 'native';

await import('../faults/faults.test.ts');

export {};
