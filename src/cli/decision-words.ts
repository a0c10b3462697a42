import type { Decision } from '../events/derived.ts';

/** A decision in words, in the order they are read: kind, reason, and what was chosen where something was. */
export function decisionWords(decision: Decision): readonly string[] {
  const { kind, reason, exitReason, horizon, side, targetShares } = decision;
  return [
    kind,
    reason,
    exitReason === undefined ? undefined : `(${exitReason})`,
    horizon,
    side,
    targetShares === undefined ? undefined : `to ${targetShares} shares`,
  ].filter((word) => word !== undefined);
}
