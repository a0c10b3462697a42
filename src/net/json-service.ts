import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../domain/errors.ts';
import { type DurationUs, type TimeUs, US_PER_SECOND } from '../domain/units.ts';
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
  const { client, budget, retryUs, maxRetryUs, clock, random, redact } = options;
  const cancelWaits = createBackoff({ firstUs: retryUs, maxUs: maxRetryUs, jitterFrac: 0.5 }, random);

  /**
   * Everything else waits as long as the other side says. A cancel takes risk away: it is tried again soon, and later and
   * later, one for all that wait, and no later than the other side says.
   */
  const turnedAway = (lane: RequestLane, saidUs: DurationUs): void => {
    if (!budget.isPaused('ordinary')) budget.pause('ordinary', Math.max(retryUs, saidUs), 'one_first');
    if (lane === 'ordinary' || budget.isPaused('cancel')) return;
    const waitUs = cancelWaits.nextUs();
    budget.pause('cancel', saidUs > 0 ? Math.min(waitUs, saidUs) : waitUs, 'one_first');
  };
  const withinBudget = async (request: JsonRequest): Promise<JsonAnswer> => {
    const { lane = 'ordinary' } = request;
    for (;;) {
      const answer = await client.send(request);
      if (answer.kind === 'answered' && answer.status === 429) {
        turnedAway(lane, pauseOf(answer.headers, clock.nowUs()));
        continue;
      }
      if (lane === 'cancel' && !budget.isPaused(lane)) cancelWaits.reset();
      budget.heard(lane);
      return answer;
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

/** How long the other side wants to be left alone: seconds, or until a second since the epoch. */
function pauseOf(headers: IncomingHttpHeaders, nowUs: TimeUs): DurationUs {
  const afterUs = secondsUs(headers['retry-after']);
  const resetUs = secondsUs(headers['x-ratelimit-reset']);
  return Math.min(Math.max(afterUs, resetUs - nowUs, 0), MAX_PAUSE_US);
}

function secondsUs(header: string | string[] | undefined): number {
  return typeof header === 'string' && /^[0-9]{1,12}$/.test(header) ? Number(header) * US_PER_SECOND : 0;
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
