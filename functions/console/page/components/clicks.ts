import { useState } from 'preact/hooks';

interface OneAtATime {
  readonly isRunning: boolean;
  /** Does nothing while an earlier action runs: a double click acts once. */
  run(action: () => Promise<void>): Promise<void>;
}

export function useOneAtATime(): OneAtATime {
  const [isRunning, setRunning] = useState(false);
  const run = async (action: () => Promise<void>) => {
    if (isRunning) return;
    setRunning(true);
    try {
      await action();
    } finally {
      setRunning(false);
    }
  };
  return { isRunning, run };
}

/** Whether it is the second click of a double click: the first one may have put another button under the pointer. */
export function isSecondClick({ detail }: { readonly detail: number }): boolean {
  return detail > 1;
}
