import type { ResultFile } from './results.ts';

export async function writeDocument(results: ResultFile): Promise<void> {
  throw new Error(`not yet ${results.commit}`);
}
