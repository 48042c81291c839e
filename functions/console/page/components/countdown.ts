import { useEffect, useState } from 'preact/hooks';

/** Whole seconds until `untilMs`, counted down while this is on the page; 0 from then on. */
export function useCountdown(untilMs: number): number {
  const [nowMs, setNowMs] = useState(Date.now());
  const left = Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
  useEffect(() => {
    setNowMs(Date.now());
    if (untilMs <= Date.now()) return;
    const timer = window.setInterval(() => {
      setNowMs(Date.now());
      if (Date.now() >= untilMs) window.clearInterval(timer);
    }, 250);
    return () => window.clearInterval(timer);
  }, [untilMs]);
  return left;
}
