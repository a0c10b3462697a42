import type { TapeWriter } from '../ports/tape.ts';

type Methods = Pick<TapeWriter, 'append' | 'flush' | 'close'>;

/**
 * A tape in front of another: where it stands is what the inner one says at that moment, what is done to it is `methods`.
 * @param inner asked anew each time, for what stands in front of one tape and then of another
 */
export function aroundTape<M extends Methods>(inner: () => TapeWriter, methods: M): TapeWriter & NoInfer<M> {
  return Object.assign(
    {
      get head() {
        return inner().head;
      },
      get decisionHead() {
        return inner().decisionHead;
      },
      get nextSeq() {
        return inner().nextSeq;
      },
      get lastTUs() {
        return inner().lastTUs;
      },
    },
    methods,
  );
}
