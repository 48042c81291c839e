import { type StoreProxy, startStoreProxy } from '../kit/store-proxy.ts';

/** The ways to Redis: each gateway, the API and everyone else have a proxy of their own. */
export class Links {
  /** By the place of the gateway. */
  readonly gateways: readonly StoreProxy[];
  readonly api: StoreProxy;
  /** Of the queue's producer and of the checks; no fault but a failover comes to it. */
  readonly others: StoreProxy;

  private constructor([api, others, ...gateways]: readonly StoreProxy[]) {
    if (!api || !others) throw new Error('two proxies at least');
    this.api = api;
    this.others = others;
    this.gateways = gateways;
  }

  static async start(redisPort: number, gateways: number): Promise<Links> {
    return new Links(await Promise.all(Array.from({ length: gateways + 2 }, () => startStoreProxy(redisPort))));
  }

  get all(): readonly StoreProxy[] {
    return [...this.gateways, this.api, this.others];
  }

  switchTo(redisPort: number): void {
    for (const proxy of this.all) proxy.switchTo(redisPort);
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((proxy) => proxy.close()));
  }
}
