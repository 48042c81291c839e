const s = await import('./support/synthesis.ts');
const { Template } = await import('aws-cdk-lib/assertions');
const { Stack } = await import('aws-cdk-lib');
for (let i = 0; i < 12; i++) {
  const f = s.newFrontTcp({ gateway: { port: 8000 + i } });
  Template.fromStack(Stack.of(f));
}
