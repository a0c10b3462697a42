import { Observable } from 'rxjs';

/**
 * Carries out `work` for one value after the other, in order: the next begins when the promise of the one before, if
 * it gave one, is done. Values that come meanwhile wait in a queue, which is worked off in a loop: where `concatMap`
 * runs a waiting value that is done at once, it goes one level deeper for each, and a session of them is too deep.
 */
export function oneAtATime<T>(
  source$: Observable<T>,
  work: (value: T) => Promise<void> | undefined,
): Observable<never> {
  return new Observable<never>((subscriber) => {
    let waiting: T[] = [];
    let next = 0;
    let isBusy = false;
    let isDrained = false;

    function workOff(): void {
      while (!isBusy && !subscriber.closed && next < waiting.length) {
        const value = waiting[next];
        next += 1;
        begin(value);
      }
      if (next < waiting.length) return;
      waiting = [];
      next = 0;
      if (isDrained && !isBusy) subscriber.complete();
    }

    function begin(value: T): void {
      isBusy = true;
      let pending: Promise<void> | undefined;
      try {
        pending = work(value);
      } catch (error) {
        subscriber.error(error);
        return;
      }
      if (pending === undefined) {
        isBusy = false;
        return;
      }
      pending.then(
        () => {
          isBusy = false;
          workOff();
        },
        (error: unknown) => subscriber.error(error),
      );
    }

    return source$.subscribe({
      next: (value) => {
        waiting.push(value);
        workOff();
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        isDrained = true;
        workOff();
      },
    });
  });
}
