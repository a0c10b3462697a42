import { type BrokenWorld, countSeeds, countsText, runBroken, WORLD } from './broken-horizon.ts';

/*
 * `npm run learning`: the scenario of broken-horizon.test.ts under more settings, 20 seeds each, with the counts as they
 * come out. Under the default broker's costs no forecast of this skill pays for its trades: there a bandit that only sees
 * what closed positions earned mostly learns which horizon loses less.
 */

const SEEDS = Array.from({ length: 20 }, (_, k) => k + 1);
const STRONG = { blend: 1, rampStartRewards: 20, rampRewards: 20 };

const VARIANTS: readonly (readonly [string, Omit<BrokenWorld, 'seed'>])[] = [
  ['exp3ix, defaults', { learning: { algorithm: 'exp3ix' } }],
  ['exp3ix, blend 1', { learning: { algorithm: 'exp3ix', ...STRONG } }],
  ['exp3ix, blend 1, explore 0.3', { learning: { algorithm: 'exp3ix', explore: 0.3, ...STRONG } }],
  ['hedge, defaults', { learning: { algorithm: 'hedge' } }],
  ['hedge, blend 1', { learning: { algorithm: 'hedge', ...STRONG } }],
  ['exp3ix, nothing breaks', { learning: { algorithm: 'exp3ix' }, breaks: false }],
  ['hedge, nothing breaks', { learning: { algorithm: 'hedge' }, breaks: false }],
  ['exp3ix, default broker costs', { learning: { algorithm: 'exp3ix' }, hasDefaultCosts: true }],
  ['hedge, default broker costs', { learning: { algorithm: 'hedge' }, hasDefaultCosts: true }],
];

async function runSeeds(world: Omit<BrokenWorld, 'seed'>) {
  const runs = [];
  for (const seed of SEEDS) runs.push(await runBroken({ ...world, seed }));
  return runs;
}

console.log(
  `${WORLD.sessions} sessions, ${WORLD.symbols} symbols; forecasts of ${WORLD.brokenHorizon} are upside down from session ${WORLD.brokenFromSession + 1} on; compared with learning off, seed by seed`,
);
for (const [name, world] of VARIANTS) {
  const on = await runSeeds(world);
  const off = await runSeeds({ ...world, learning: { algorithm: 'off' } });
  console.log(countsText(name, countSeeds(on, off)));
}
