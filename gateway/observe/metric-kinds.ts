import { Counter, Gauge, Histogram as PrometheusHistogram, type Registry } from 'prom-client';
import type { Histogram } from '../../shared/histogram.ts';

type Reading = number | Iterable<readonly [label: string, value: number]>;

/** Metrics that are read from plain numbers when they are asked for: the measured code pays nothing for them. */
export class MetricKinds {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  gauge(name: string, help: string, read: () => Reading, label?: string): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      labelNames: label === undefined ? [] : [label],
      collect() {
        const value = read();
        if (typeof value === 'number') return this.set(value);
        this.reset();
        for (const [key, one] of value) this.set({ [label ?? '']: key }, one);
      },
    });
  }

  /** `read` returns the sum since the process began. */
  sum(name: string, help: string, read: () => Reading, label?: string): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      labelNames: label === undefined ? [] : [label],
      collect() {
        const value = read();
        this.reset();
        if (typeof value === 'number') return this.inc(value);
        for (const [key, one] of value) this.inc({ [label ?? '']: key }, one);
      },
    });
  }

  /** `perUnit`: how many recorded units make one reported unit; 1,000 for milliseconds as seconds. */
  histogram(name: string, help: string, histogram: Histogram, perUnit = 1_000): void {
    new FixedHistogram(this.#registry, name, help, () => [['', histogram]], perUnit);
  }

  histograms(name: string, help: string, label: string, read: () => Iterable<readonly [string, Histogram]>): void {
    new FixedHistogram(this.#registry, name, help, read, 1_000, label);
  }
}

/** A histogram whose buckets are kept elsewhere. */
class FixedHistogram extends PrometheusHistogram<string> {
  readonly #read: () => Iterable<readonly [string, Histogram]>;
  readonly #perUnit: number;
  readonly #label: string | undefined;
  readonly #texts: { name: string; help: string };

  constructor(
    registry: Registry,
    name: string,
    help: string,
    read: () => Iterable<readonly [string, Histogram]>,
    perUnit: number,
    label?: string,
  ) {
    super({ name, help, registers: [registry], labelNames: label === undefined ? [] : [label] });
    this.#read = read;
    this.#perUnit = perUnit;
    this.#label = label;
    this.#texts = { name, help };
  }

  override async get() {
    const { name, help } = this.#texts;
    const values = [...this.#read()].flatMap(([key, histogram]) => this.#valuesOf(name, key, histogram));
    return { name, help, type: 'histogram' as const, values, aggregator: 'sum' as const } as unknown as Awaited<
      ReturnType<PrometheusHistogram<string>['get']>
    >;
  }

  /** What the registry calls for the text form. */
  getForPromString() {
    return this.get();
  }

  #valuesOf(name: string, key: string, { bounds, counts, sum }: Histogram) {
    const own: Record<string, string | number> = this.#label === undefined ? {} : { [this.#label]: key };
    let below = 0;
    const buckets = [...counts].map((count, i) => {
      below += count;
      const bound = bounds[i];
      const le = bound === undefined ? '+Inf' : bound / this.#perUnit;
      return { metricName: `${name}_bucket`, labels: { ...own, le }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: own, value: sum / this.#perUnit },
      { metricName: `${name}_count`, labels: own, value: below },
    ];
  }
}
