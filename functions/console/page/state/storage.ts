/** Browser storage that may be switched off or full: then things last as long as the page. */
export function readStored(storage: 'localStorage' | 'sessionStorage', key: string): string | undefined {
  try {
    return window[storage].getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Tells whether it was kept. `undefined` removes it. */
export function writeStored(
  storage: 'localStorage' | 'sessionStorage',
  key: string,
  value: string | undefined,
): boolean {
  try {
    if (value === undefined) window[storage].removeItem(key);
    else window[storage].setItem(key, value);
    return true;
  } catch {
    return false;
  }
}
