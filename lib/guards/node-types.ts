const SIZES = ['large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '12xlarge', '16xlarge'] as const;

/** Nodes of ElastiCache that can be durable. */
const DURABLE_FAMILIES = ['m6g', 'm7g', 'm8g', 'r6g', 'r7g', 'r8g', 'c7gn'] as const;

export const valkeyNodeTypes: readonly string[] = DURABLE_FAMILIES.flatMap((family) =>
  SIZES.map((size) => `cache.${family}.${size}`),
);

export const memoryDbNodeTypes: readonly string[] = [
  'db.t4g.small',
  'db.t4g.medium',
  ...['r6g', 'r7g'].flatMap((family) => SIZES.map((size) => `db.${family}.${size}`)),
  ...['xlarge', '2xlarge', '4xlarge', '8xlarge'].map((size) => `db.r6gd.${size}`),
];
