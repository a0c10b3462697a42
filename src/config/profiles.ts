/** Profiles that come with sametape, as scenario text: what `extends: NAME` stands on. */
export const PROFILES: Readonly<Record<string, string>> = {
  /** Constants of the earlier Python engine, which the reference vectors were made with. */
  reference: `
horizons: [5m, 10m, 15m, 30m, 60m, 1d]
prediction:
  standardizeWindowCycles: 10
  standardizeMinSamples: 10
  scoreClip: 3
  confidenceFloor: 0.01
  freshnessTauSeconds: { 5m: 150, 10m: 300, 15m: 450, 30m: 900, 60m: 1800, 1d: 7200 }
  freshnessTauDefaultSeconds: 300
  capacityKappa: 0.1
  rankMinSymbols: 5
blending:
  ridgeLambda: 0.15
  temperature: { 5m: 0.75, 10m: 0.85, 15m: 0.9, 30m: 1, 60m: 1, 1d: 1 }
  temperatureDefault: 1
arbitration:
  k1: 1
  k2: 0.15
  k3: 1
  impactBps: 10
  impactParticipation: 0.01
  entryThresholdBps: 2
  reserve: 0.5
gating:
  maxSpreadBps: 12
  maxQuoteAgeSeconds: 0.2
  gateFloor: 0.2
  peakExponent: 1
  valleyExponent: 0.5
  favourableBase: 0.5
  peakThreshold: 0.6
  valleyThreshold: 0.55
sizing:
  zMax: 3
  maxWeight: 0.05
  band: 0.008
  bandGrossFraction: 1
  grossTarget: 0.5
risk:
  dailyLoss: 0.02
  drawdown: 0.1
  maxPosition: 0.2
  maxGross: 1
learning:
  blend: 0.3
  rampStartRewards: 100
  rampRewards: 100
broker:
  slippageBps: 5
  impactBps: 0
  fee: { kind: bps, bps: 1 }
`,
};
