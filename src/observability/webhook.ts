import { ALERT_SEVERITIES, type WebhookSettings } from '../domain/alert-settings.ts';
import { InputError } from '../domain/errors.ts';
import { US_PER_SECOND } from '../domain/units.ts';
import { createBackoff } from '../net/backoff.ts';
import { isLoopback } from '../net/guarded-url.ts';
import { createJsonClient, type JsonAnswer, type JsonClient } from '../net/json-client.ts';
import { createRedactor } from '../net/redact.ts';
import { createRequestBudget } from '../net/request-budget.ts';
import type { Clock } from '../ports/clock.ts';
import type { AlertNotice } from './alert-book.ts';
import { noticeJson } from './alert-file.ts';
import { type AlertSink, noticeLine } from './alerts.ts';

/** What became of notices that were to be posted. */
export interface WebhookCounts {
  delivered: number;
  /** Posts that are made again. */
  retried: number;
  /** Notices given up: refused, tried too often, or one too many in the queue. */
  dropped: number;
}

export interface Webhook {
  readonly sink: AlertSink;
  readonly counts: Readonly<WebhookCounts>;
  readonly waiting: number;
  /** Goes on for a while with what waits; what is left then is dropped, and said to be. */
  close(): Promise<void>;
}

export interface WebhookOptions {
  readonly settings: WebhookSettings;
  /** Values of secrets; they appear in nothing that is said. */
  readonly url: string;
  readonly token?: string;
  /** Names the run in every post. */
  readonly run: { readonly scenario: string; readonly runId: string; readonly mode: string };
  /** Another for each process: numbers begin at 1 in each. */
  readonly sender: string;
  /** The wall's, whatever the run's is. */
  readonly clock: Clock;
  readonly random: () => number;
  /** Told when posts begin to fail, when alerts begin to be dropped, and at the end how many were. */
  readonly say: (line: string) => void;
  /** Told of a bug here. */
  readonly onError: (error: unknown) => void;
}

/** Numbered from 1 in the order they were told: one that was dropped leaves a gap. */
interface Queued {
  readonly number: number;
  readonly notice: AlertNotice;
}

const FIRST_WAIT_US = US_PER_SECOND;
const LONGEST_WAIT_US = 60 * US_PER_SECOND;
const MAX_ANSWER_BYTES = 64 << 10;
const POSTS_PER_SECOND = 5;
/** What waits when a run ends is posted for so long. */
const CLOSING_US = 10 * US_PER_SECOND;

/**
 * Where alerts may be posted: encrypted, except to this machine. The whole of it may be a secret, so nothing is quoted.
 * @throws InputError ALERT_URL
 */
export function webhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (url === undefined || !isAllowed || url.username !== '' || url.password !== '') {
    throw new InputError(
      'ALERT_URL',
      'alerts.webhook.url: what it names is no address that alerts may be posted to; expected https://host/path, or http:// to this machine, without a user (keys go into alerts.webhook.token)',
    );
  }
  return url;
}

/**
 * Posts notices one after the other, each until it is taken or given up. A queue keeps what comes meanwhile; nobody waits
 * for it. A receiver may get one twice, where its answer was lost, and knows it by `sender` and `number`.
 * @throws InputError ALERT_URL
 */
export function createWebhook(options: WebhookOptions): Webhook {
  const { settings, clock, say } = options;
  const url = webhookUrl(options.url);
  const client = clientOf(options, url);
  const counts: WebhookCounts = { delivered: 0, retried: 0, dropped: 0 };
  const queue: Queued[] = [];
  let number = 0;
  /** That no post has told of yet. */
  let droppedBefore = 0;
  let isFailing = false;
  let isClosing = false;
  let isClosed = false;
  let working: Promise<void> | undefined;
  /** Ends a wait between two attempts at once. */
  let endWait = (): void => undefined;

  function drop(count: number, why: string): void {
    if (droppedBefore === 0) say(`warning: alerts.webhook: an alert was dropped: ${why}`);
    counts.dropped += count;
    droppedBefore += count;
  }

  function wait(spanUs: number): Promise<void> {
    return new Promise((resolve) => {
      const unwait = clock.at(clock.nowUs() + spanUs, resolve);
      endWait = () => {
        unwait();
        resolve();
      };
    });
  }

  async function deliver({ number: at, notice }: Queued): Promise<void> {
    const toldDropped = droppedBefore;
    const body = bodyOf(options, { notice, number: at, droppedBefore: toldDropped });
    const backoff = createBackoff(
      { firstUs: FIRST_WAIT_US, maxUs: LONGEST_WAIT_US, jitterFrac: 0.5 },
      options.random,
    );
    for (let attempt = 1; ; attempt += 1) {
      const outcome = outcomeOf(await client.send({ method: 'POST', ...placeOf(url), body }));
      if (outcome.kind === 'taken') {
        counts.delivered += 1;
        droppedBefore -= toldDropped;
        if (isFailing) say('alerts.webhook: posts are taken again');
        isFailing = false;
        return;
      }
      // dropped already
      if (isClosed) return;
      if (outcome.kind === 'refused') return drop(1, outcome.why);
      if (isClosing || attempt >= settings.maxAttempts) return drop(1, `${outcome.why}, ${attempt} times`);
      if (!isFailing) say(`warning: alerts.webhook: ${outcome.why}; trying again`);
      isFailing = true;
      counts.retried += 1;
      await wait(backoff.nextUs());
    }
  }

  async function workOff(): Promise<void> {
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await deliver(next);
    } finally {
      working = undefined;
    }
  }

  return {
    sink: (notice) => {
      number += 1;
      queue.push({ number, notice });
      if (queue.length > settings.maxQueued) {
        queue.splice(leastSevere(queue), 1);
        drop(1, `${settings.maxQueued} wait already`);
      }
      working ??= workOff().catch(options.onError);
    },
    counts,
    get waiting() {
      return queue.length;
    },
    close: async () => {
      const isDone = working?.then(() => true);
      endWait();
      isClosing = true;
      let untime = (): void => undefined;
      const isLate = new Promise<boolean>((resolve) => {
        untime = clock.at(clock.nowUs() + CLOSING_US, () => resolve(false));
      });
      if (isDone !== undefined && !(await Promise.race([isDone, isLate]))) {
        isClosed = true;
        drop(queue.splice(0).length + 1, 'the run has ended');
      }
      untime();
      client.close();
      if (counts.dropped === 0) return;
      say(`warning: alerts.webhook: ${counts.dropped} alerts dropped in all, ${counts.delivered} posted`);
    },
  };
}

function clientOf({ settings, token, clock }: WebhookOptions, url: URL): JsonClient {
  // the run waits for no post, so neither does it for its turn
  const budget = createRequestBudget({ perSecond: POSTS_PER_SECOND, reservedForCancels: 0 }, clock);
  return createJsonClient({
    ...{ baseUrl: new URL(url.origin), clock, budget, timeoutUs: settings.timeoutUs },
    maxBodyBytes: MAX_ANSWER_BYTES,
    headers: () => (token === undefined ? {} : { authorization: `Bearer ${token}` }),
    redact: createRedactor([...(token === undefined ? [] : [token]), url.href, url.hostname]),
  });
}

function placeOf({ pathname, searchParams }: URL) {
  return { path: pathname, query: searchParams };
}

type Outcome = { readonly kind: 'taken' } | { readonly kind: 'refused' | 'failed'; readonly why: string };

/** Statuses below 500 that may be others next time. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** What the other side wrote is not repeated: it may hold what we sent. */
function outcomeOf(answer: JsonAnswer): Outcome {
  if (answer.kind !== 'answered') return { kind: 'failed', why: `no answer (${answer.detail})` };
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  const isPassing = status >= 500 || PASSING_STATUSES.has(status);
  return { kind: isPassing ? 'failed' : 'refused', why: `it was answered with HTTP ${status}` };
}

/** `text` is what chat services show; the rest is for machines. */
function bodyOf(
  { run, sender }: WebhookOptions,
  { notice, number, droppedBefore }: Queued & { readonly droppedBefore: number },
) {
  return {
    text: `sametape ${run.scenario} (${run.mode}): ${noticeLine(notice)}`,
    run,
    sender,
    number,
    droppedBefore,
    alert: noticeJson(notice),
  };
}

/** Place of the oldest of those that matter least. */
function leastSevere(queue: readonly Queued[]): number {
  const ranks = queue.map(({ notice }) => ALERT_SEVERITIES.indexOf(notice.severity));
  return ranks.indexOf(Math.min(...ranks));
}
