import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AlertSeverity } from '../../src/domain/alert-settings.ts';
import type { AlertNotice } from '../../src/observability/alert-book.ts';
import { createWebhook, type Webhook, webhookUrl } from '../../src/observability/webhook.ts';
import { fastClock, until } from '../twins/clocks.ts';
import { startWebhookTwin, type WebhookTwin } from '../twins/webhook.ts';

const TOKEN = 'token-planted-4711';
/** Seconds of patience are over in hundredths. */
const SPEED = 50;

function notice(text: string, severity: AlertSeverity = 'error'): AlertNotice {
  return {
    ...{ kind: 'started', rule: 'connectionLost', subject: 'broker', severity, text },
    ...{ tUs: 1, sinceUs: 1, times: 1, withheld: 0, seq: 1 },
  };
}

describe('a webhook', () => {
  let twin: WebhookTwin;
  let hook: Webhook;
  const said: string[] = [];

  beforeEach(async () => {
    twin = await startWebhookTwin();
    said.length = 0;
    hook = createWebhook({
      settings: { timeoutUs: 5_000_000, maxAttempts: 3, maxQueued: 3 },
      ...{ url: twin.url, token: TOKEN, clock: fastClock(SPEED), random: () => 0 },
      run: { scenario: 'small', runId: 'abc', mode: 'paper' },
      sender: 'here',
      say: (line) => said.push(line),
      onError: (error) => {
        throw error;
      },
    });
  });

  afterEach(async () => {
    await hook.close();
    await twin.close();
    expect(said.join()).not.toContain(TOKEN);
    expect(said.join()).not.toContain(twin.url);
  });

  const texts = (): unknown[] => twin.taken.map(({ alert }) => (alert as { text: string }).text);

  it('is posted each notice once, in order, with the token', async () => {
    for (const text of ['a', 'b', 'c']) hook.sink(notice(text));
    await until('three posts', () => hook.counts.delivered === 3);
    expect(texts()).toEqual(['a', 'b', 'c']);
    expect(twin.authorizations).toEqual(Array.from({ length: 3 }, () => `Bearer ${TOKEN}`));
    expect(new Set(twin.targets)).toEqual(new Set([new URL(twin.url).pathname + new URL(twin.url).search]));
    expect(twin.taken[1]).toMatchObject({
      text: 'sametape small (paper): alert ERROR: connectionLost broker: b',
      run: { scenario: 'small', runId: 'abc', mode: 'paper' },
      ...{ sender: 'here', number: 2, droppedBefore: 0 },
    });
    expect(said).toEqual([]);
  });

  it.each([
    ['hang', /no answer within/],
    ['reset', /no answer \(.*\)/],
    ['drip', /no answer/],
    [500, /HTTP 500/],
    [429, /HTTP 429/],
  ] as const)('that begins to %s is posted the same again, and it is told once', async (behaviour, why) => {
    twin.behave(behaviour, behaviour, 'take');
    hook.sink(notice('a'));
    await until('the third attempt', () => hook.counts.delivered === 1);
    expect(twin.posts()).toBe(3);
    expect(said).toEqual([
      expect.stringMatching(/^warning: alerts\.webhook: .*; trying again$/),
      'alerts.webhook: posts are taken again',
    ]);
    expect(said[0]).toMatch(why);
  });

  it('that fails for good is given up, and the next post says how many are missing', async () => {
    twin.behave(500, 500, 500, 'take');
    hook.sink(notice('a'));
    hook.sink(notice('b'));
    await until('the second', () => hook.counts.delivered === 1);
    expect(texts()).toEqual(['b']);
    expect(twin.taken[0]).toMatchObject({ number: 2, droppedBefore: 1 });
    expect(said).toContain(
      'warning: alerts.webhook: an alert was dropped: it was answered with HTTP 500, 3 times',
    );
  });

  it.each([400, 404, 301])('that answers %i is not asked again', async (status) => {
    twin.behave(status, 'take');
    hook.sink(notice('a'));
    await until('it is given up', () => hook.counts.dropped === 1);
    expect(twin.posts()).toBe(1);
  });

  it('that hangs fills a bounded queue: the least severe go first, and nobody waits', async () => {
    twin.behave('hang');
    hook.sink(notice('on its way'));
    for (const text of ['1', '2', '3', '4', '5'])
      hook.sink(notice(text, text === '1' ? 'critical' : 'warning'));
    expect(hook.waiting).toBe(3);
    expect(hook.counts.dropped).toBe(2);
    twin.behave('take');
    await until('the rest', () => hook.counts.delivered === 4, 10_000);
    expect(texts()).toEqual(['on its way', '1', '4', '5']);
    expect(twin.taken.map(({ droppedBefore }) => droppedBefore)).toEqual([0, 2, 0, 0]);
  });

  it('that hangs while a run ends holds it up for a while only, and what is left is told', async () => {
    twin.behave('hang');
    for (const text of ['a', 'b', 'c']) hook.sink(notice(text));
    const started = performance.now();
    await hook.close();
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(said.at(-1)).toBe('warning: alerts.webhook: 3 alerts dropped in all, 0 posted');
  });

  it.each(['http://example.com/x', 'https://user:pw@example.com', 'file:///etc/passwd', 'nonsense', ''])(
    'is refused at %s, which is not quoted',
    (url) => {
      expect(() => webhookUrl(url)).toThrow(/^alerts\.webhook\.url: .*expected https/);
      if (url !== '') expect(() => webhookUrl(url)).not.toThrow(url);
    },
  );
});
