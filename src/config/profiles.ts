/** Profiles that come with sametape, as scenario text: what `extends: NAME` stands on. */
export const PROFILES: Readonly<Record<string, string>> = {
  /** Constants of the earlier Python engine, which the reference vectors were made with. */
  reference: `
prediction:
  standardizeWindowCycles: 10
  standardizeMinSamples: 10
blending:
  ridgeLambda: 0.15
arbitration:
  k1: 1
  k2: 0.15
  k3: 1
  entryThresholdBps: 2
  reserve: 0.5
gating:
  maxSpreadBps: 12
  maxQuoteAgeSeconds: 0.2
sizing:
  band: 0.008
  bandGrossFraction: 1
  grossTarget: 0.5
broker:
  slippageBps: 5
  impactBps: 0
  fee: { kind: bps, bps: 1 }
`,
};
