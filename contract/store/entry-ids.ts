/** Compares ids of stream entries, `<ms>-<n>`: negative where `a` is the older one. */
export function compareEntryIds(a: string, b: string): number {
  const [aMs = '0', aN = '0'] = a.split('-');
  const [bMs = '0', bN = '0'] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aN) - Number(bN);
}
