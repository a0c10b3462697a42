import { describe, expect, it } from 'vitest';
import { type DumpSurroundings, dumpRisks, dumpSurroundings } from '../../src/cli/dump-risks.ts';

const LIMITS = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax cpu time              unlimited            unlimited            seconds\nMax core file size        ${soft}                    unlimited            bytes\n`;
const SAFE: DumpSurroundings = {
  limits: LIMITS('0'),
  report: { reportOnFatalError: false, reportOnSignal: false, reportOnUncaughtException: false },
  isInspected: false,
  nodeOptions: '--import tsx --max-old-space-size=400',
};

describe('what could write memory to a file', () => {
  it('is nothing with core files off and no options for it', () => {
    expect(dumpRisks(SAFE)).toEqual([]);
    expect(dumpRisks({ ...SAFE, limits: undefined })).toEqual([]);
  });

  it.each<[Partial<DumpSurroundings>, string]>([
    [{ limits: LIMITS('unlimited') }, 'a core file (its limit is unlimited); run "ulimit -c 0" before'],
    [{ limits: LIMITS('1024') }, 'its limit is 1024'],
    [{ report: { ...SAFE.report, reportOnSignal: true } }, 'diagnostic reports'],
    [{ isInspected: true }, 'a debugger'],
    [{ nodeOptions: '--heapsnapshot-signal=SIGUSR2' }, '--heapsnapshot-signal'],
    [{ nodeOptions: '--abort-on-uncaught-exception' }, '--abort-on-uncaught-exception'],
  ])('with %j is said', (change, words) => {
    const risks = dumpRisks({ ...SAFE, ...change });
    expect(risks).toHaveLength(1);
    expect(risks[0]).toContain(words);
  });

  it('is found in this process', () => {
    const { limits, nodeOptions } = dumpSurroundings();
    if (process.platform === 'linux') expect(limits).toMatch(/^Max core file size/m);
    expect(typeof nodeOptions).toBe('string');
  });
});
