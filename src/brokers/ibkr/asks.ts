import { ServiceError } from '../../domain/errors.ts';
import { type DurationUs, US_PER_SECOND } from '../../domain/units.ts';
import type { GatewayEvent } from './facts.ts';
import type { Gateway } from './gateway.ts';

/** A request that waits for its answer. */
export interface Ask<T> {
  /** As messages name it. */
  readonly what: string;
  readonly send: (gateway: Gateway, requestId: number) => void;
  /** Takes what came. @returns whether the answer is complete */
  readonly take: (event: GatewayEvent, requestId: number) => boolean;
  readonly answer: () => T;
  /** Ends what `send` began, once it is answered. */
  readonly after?: (gateway: Gateway, requestId: number) => void;
  /** Messages that `send` and `after` send; one by default. */
  readonly messages?: number;
}

interface Pending {
  readonly requestId: number;
  readonly take: (event: GatewayEvent) => boolean;
  readonly finish: (error?: ServiceError) => void;
}

export interface Expectation {
  readonly what: string;
  readonly withinUs: DurationUs;
  readonly requestId?: number;
  readonly take: (event: GatewayEvent) => boolean;
}

export interface AskTools {
  readonly after: (spanUs: DurationUs, call: () => void) => () => void;
  /** Whether an error that names the request ends it, or only says something. */
  readonly isRefusal: (code: number) => boolean;
  readonly onSilence: (reason: string) => void;
}

/** Answers that are waited for. */
export class Asks {
  readonly #pending = new Set<Pending>();
  readonly #tools: AskTools;

  constructor(tools: AskTools) {
    this.#tools = tools;
  }

  /** Done when `take` says so. @throws ServiceError when the gateway refuses, hangs up, or stays silent for too long */
  expect({ what, withinUs, requestId = -1, take }: Expectation): Promise<void> {
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        requestId,
        take,
        finish: (error) => {
          this.#pending.delete(pending);
          takeBack();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const takeBack = this.#tools.after(withinUs, () => {
        const waited = `no answer about ${what} within ${withinUs / US_PER_SECOND} s`;
        pending.finish(failure('IBKR_SILENT', `the IBKR gateway gave ${waited}`));
        this.#tools.onSilence(waited);
      });
      this.#pending.add(pending);
    });
  }

  hear(event: GatewayEvent): void {
    for (const pending of [...this.#pending]) {
      if (event.kind === 'message' && event.id === pending.requestId) {
        if (!this.#tools.isRefusal(event.code)) continue;
        pending.finish(
          failure('IBKR_REFUSED', `the IBKR gateway refused a request (${event.code}: ${event.text})`),
        );
      } else if (pending.take(event)) pending.finish();
    }
  }

  giveUpAll(reason: string): void {
    for (const pending of [...this.#pending]) {
      pending.finish(failure('IBKR_CONNECTION', `the connection to the IBKR gateway ended: ${reason}`));
    }
  }
}

function failure(code: string, message: string): ServiceError {
  return new ServiceError(code, message, { retryable: true });
}
