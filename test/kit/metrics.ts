/** The value of one series in Prometheus' text format, as `fronttcp_connections` or `name{label="x"}`; undefined: it is not there. */
export function metricIn(text: string, series: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}
