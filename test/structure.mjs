// Checks the shape of the source: import directions, the pure zone, line ratchets, folders. See structure/check.ts.
import { register } from 'tsx/esm/api';

register();
const { checkStructure } = await import('./structure/check.ts');
process.exitCode = await checkStructure();
