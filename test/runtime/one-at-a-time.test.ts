import { from, lastValueFrom, throwError } from 'rxjs';
import { defaultIfEmpty } from 'rxjs/operators';
import { describe, expect, it } from 'vitest';
import { oneAtATime } from '../../src/runtime/one-at-a-time.ts';

const finish = (work$: ReturnType<typeof oneAtATime>): Promise<unknown> =>
  lastValueFrom(work$.pipe(defaultIfEmpty('done')));

const later = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('oneAtATime', () => {
  it('keeps the order, and begins nothing before what came before is done', async () => {
    const log: string[] = [];
    const work = (value: number): Promise<void> | undefined => {
      log.push(`begin ${value}`);
      if (value % 3 !== 0) {
        log.push(`end ${value}`);
        return undefined;
      }
      return later().then(() => {
        log.push(`end ${value}`);
      });
    };
    expect(await finish(oneAtATime(from([0, 1, 2, 3, 4, 6, 7]), work))).toBe('done');
    expect(log).toEqual([0, 1, 2, 3, 4, 6, 7].flatMap((value) => [`begin ${value}`, `end ${value}`]));
  });

  it('works off any number of values that waited behind one promise', async () => {
    const count = 200_000;
    let done = 0;
    const work = (value: number): Promise<void> | undefined => {
      done += 1;
      return value === 0 ? later() : undefined;
    };
    await finish(oneAtATime(from(Array.from({ length: count }, (_, k) => k)), work));
    expect(done).toBe(count);
  });

  it.each(['at once', 'later'])('ends with the first error, which comes %s', async (when) => {
    const begun: number[] = [];
    const work = (value: number): Promise<void> | undefined => {
      begun.push(value);
      if (value !== 2) return undefined;
      if (when === 'at once') throw new Error('two');
      return later().then(() => Promise.reject(new Error('two')));
    };
    await expect(finish(oneAtATime(from([1, 2, 3]), work))).rejects.toThrow('two');
    expect(begun).toEqual([1, 2]);
  });

  it('passes an error of the source on', async () => {
    await expect(
      finish(
        oneAtATime(
          throwError(() => new Error('source')),
          () => undefined,
        ),
      ),
    ).rejects.toThrow('source');
  });
});
