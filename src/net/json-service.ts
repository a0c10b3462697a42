import { ServiceError } from '../domain/errors.ts';
import { type DurationUs, US_PER_SECOND } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import { createBackoff } from './backoff.ts';
import type { JsonAnswer, JsonClient, JsonRequest } from './json-client.ts';
import type { RequestBudget, RequestLane } from './request-budget.ts';
import { sleepUs } from './sleep.ts';
import { isRecord } from './wire-text.ts';

/** How often a question is asked before it counts as not answered. */
const MAX_ATTEMPTS = 6;
const MAX_PAUSE_US = 60 * US_PER_SECOND;

export interface JsonServiceOptions {
  readonly client: JsonClient;
  readonly budget: RequestBudget;
  /** As messages name it: `Alpaca`. */
  readonly service: string;
  /** Where its keys are looked for when it refuses them. */
  readonly keysAt: string;
  /** Codes of errors begin with it: `BROKER`. */
  readonly codes: 'BROKER' | 'DATA';
  /** First wait before a question is asked again; doubles. */
  readonly retryUs: DurationUs;
  readonly maxRetryUs: DurationUs;
  readonly clock: Clock;
  readonly random: () => number;
  readonly redact: (text: string) => string;
}

export interface Refusal {
  readonly status: number;
  /** The broker's own words and number. */
  readonly words: string;
}

/** What came of a request that changes something. */
export type Sent =
  | { readonly kind: 'done'; readonly body: unknown }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'unknown' | 'not_sent'; readonly detail: string };

export interface JsonService {
  /** Asks, and again while there is no answer. @returns undefined when there is no such thing. @throws ServiceError */
  get(path: string, query?: Readonly<Record<string, string>>, lane?: RequestLane): Promise<unknown>;
  /** Sends once; only what was turned away for the number of requests is sent again. */
  send(request: JsonRequest): Promise<Sent>;
}

export function createJsonService(options: JsonServiceOptions): JsonService {
  const { client, retryUs, maxRetryUs, clock, random, redact } = options;
  const withinBudget = async (request: JsonRequest): Promise<JsonAnswer> => {
    for (;;) {
      const answer = await client.send(request);
      if (answer.kind !== 'answered' || answer.status !== 429) return answer;
      options.budget.pause(
        Math.max(retryUs, untilResetUs(answer.headers['x-ratelimit-reset'], clock.nowUs())),
      );
    }
  };
  return {
    get: async (path, query, lane = 'ordinary') => {
      const backoff = createBackoff({ firstUs: retryUs, maxUs: maxRetryUs, jitterFrac: 0.5 }, random);
      let last = '';
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (attempt > 0) await sleepUs(clock, backoff.nextUs());
        const answer = await withinBudget({
          method: 'GET',
          path,
          lane,
          ...(query === undefined ? {} : { query }),
        });
        if (answer.kind !== 'answered') last = answer.detail;
        else if (answer.status === 200 && answer.body !== undefined) return answer.body;
        else if (answer.status === 404) return undefined;
        else {
          last = wordsOf(answer, redact);
          if (answer.status >= 400 && answer.status < 500)
            throw refusedQuestion(options, { path, status: answer.status, words: last });
        }
      }
      throw new ServiceError(
        `${options.codes}_UNREACHABLE`,
        `${options.service} GET ${path}: no answer after ${MAX_ATTEMPTS} attempts (${last})`,
        {
          retryable: true,
        },
      );
    },
    send: async (request) => {
      const answer = await withinBudget(request);
      if (answer.kind !== 'answered') return answer;
      if (answer.status >= 200 && answer.status < 300) return { kind: 'done', body: answer.body };
      const words = wordsOf(answer, redact);
      if (answer.status >= 400 && answer.status < 500) {
        return { kind: 'refused', refusal: { status: answer.status, words } };
      }
      return { kind: 'unknown', detail: words };
    },
  };
}

interface RefusedQuestion {
  readonly path: string;
  readonly status: number;
  readonly words: string;
}

function refusedQuestion(
  { service, codes, keysAt }: JsonServiceOptions,
  { path, status, words }: RefusedQuestion,
): ServiceError {
  const isKey = status === 401 || status === 403;
  return new ServiceError(
    `${codes}_${isKey ? 'AUTH' : 'REFUSED'}`,
    `${service} GET ${path}: ${words}${isKey ? `; check ${keysAt}` : ''}`,
    { retryable: false },
  );
}

/** Until the window of requests begins anew: seconds since the epoch, as the header says it. */
function untilResetUs(header: string | string[] | undefined, nowUs: number): number {
  const resetUs =
    typeof header === 'string' && /^[0-9]{1,12}$/.test(header) ? Number(header) * US_PER_SECOND : 0;
  return Math.min(resetUs - nowUs, MAX_PAUSE_US);
}

function wordsOf(
  answer: Extract<JsonAnswer, { kind: 'answered' }>,
  redact: (text: string) => string,
): string {
  const { status, body } = answer;
  const code = isRecord(body) && typeof body.code === 'number' ? `/${body.code}` : '';
  const message = isRecord(body) && typeof body.message === 'string' ? ` ${redact(body.message)}` : '';
  return `HTTP ${status}${code}${message}`;
}
