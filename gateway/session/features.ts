import { FEATURES, type Feature } from '../../contract/wire/command-ids.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';

/** Features as bits: one number per session. */
export const FeatureBit: Readonly<Record<Feature, number>> = { ack: 1, receipts: 2, errors: 4, pong: 8, goodbye: 16 };

export function featureBits(names: readonly string[]): number {
  return FEATURES.reduce((bits, feature) => (names.includes(feature) ? bits | FeatureBit[feature] : bits), 0);
}

export function featureNames(bits: number): Feature[] {
  return FEATURES.filter((feature) => (bits & FeatureBit[feature]) !== 0);
}

/** A client that named features, known here or not, knows more than the seed protocol. */
export function formOf(features: readonly string[] | undefined): SessionForm {
  if (features === undefined) return 'plain';
  return features.includes('ack') ? 'ack' : 'extended';
}
