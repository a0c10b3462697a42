const STAND_INS = {
  vitest: new URL('./suite.mjs', import.meta.url).href,
  'fast-check': new URL('./few-runs.mjs', import.meta.url).href,
};

/** Gives the tests the stand-ins, and the stand-ins what they stand in for. */
export async function resolve(specifier, context, next) {
  const url = STAND_INS[specifier];
  const parent = context.parentURL ?? '';
  const isOurs = Object.values(STAND_INS).includes(parent) || parent.includes('/node_modules/');
  return url === undefined || isOurs ? next(specifier, context) : { url, shortCircuit: true };
}
