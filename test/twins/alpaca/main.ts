/**
 * The twin as a process of its own, for tests whose engine is killed: prints `{"port":...}` and stops with its standard
 * input, or after `--seconds` (default 120, at most 900). `--cash` in dollars; `--used-ids` takes a client id twice.
 */
import { parseArgs } from 'node:util';
import { startAlpacaTwin } from './twin.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    cash: { type: 'string', default: '1000000' },
    'used-ids': { type: 'boolean', default: false },
  },
});
const twin = await startAlpacaTwin({
  cashMicros: Number(values.cash) * 1_000_000,
  acceptsUsedIds: values['used-ids'],
});
const stop = (): void => {
  void twin.close().then(() => process.exit(0));
};
setTimeout(stop, Math.min(Number(values.seconds), 900) * 1000);
process.stdin.on('end', stop).on('error', stop).resume();
process.stdout.write(`${JSON.stringify({ port: twin.port, ...twin.keys })}\n`);
