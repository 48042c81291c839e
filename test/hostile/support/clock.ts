/** Preloaded into a gateway: SIGUSR2 sets its wall clock back by an hour, as an operator or a time server may. */
const RealDate = Date;
let backMs = 0;

class ShiftedDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [RealDate.now() - backMs] : args) as ConstructorParameters<typeof Date>));
  }

  static override now(): number {
    return RealDate.now() - backMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
process.on('SIGUSR2', () => {
  backMs += 3_600_000;
  process.stdout.write('the clock was set back\n');
});
