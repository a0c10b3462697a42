import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, html } from '../../../src/report/html/markup.ts';
import { decimalsOf, scaleOf } from '../../../src/report/html/scale.ts';
import { shellWord } from '../../../src/report/shell-commands.ts';

describe('text in HTML', () => {
  it('can neither open nor end a tag, an attribute or an entity', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
        expect(escaped).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
        expect(Buffer.from(escaped).toString()).toBe(escaped);
      }),
      { numRuns: 500 },
    );
  });

  it('is escaped once, in lists too; markup stays', () => {
    const cell = html`<b>${'<i>'}</b>`;
    expect(html`${cell}|${[cell, '&']}|${undefined}${false}|${1.5}`.markup).toBe(
      '<b>&lt;i&gt;</b>|<b>&lt;i&gt;</b>&amp;||1.5',
    );
  });
});

describe('an axis', () => {
  it('holds the range between round ticks', () => {
    const value = fc.double({ min: -1e12, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        const scale = scaleOf({ min, max });
        const slack = Math.max(Math.abs(min), Math.abs(max)) * 1e-12;
        expect(scale.min).toBeLessThanOrEqual(min + slack);
        expect(scale.max).toBeGreaterThanOrEqual(max - slack);
        expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
        expect(scale.ticks.length).toBeLessThan(12);
      }),
    );
  });

  it.each([
    [0, 10, [0, 2, 4, 6, 8, 10]],
    [-0.13, 0, [-0.15, -0.1, -0.05, 0]],
    [0, 0, undefined],
    [5, 5, undefined],
  ])('from %d to %d', (min, max, ticks) => {
    const scale = scaleOf({ min, max });
    if (ticks === undefined) expect(scale.max).toBeGreaterThan(scale.min);
    else expect(scale.ticks.map((tick) => Number(tick.toFixed(9)))).toEqual(ticks);
  });

  it.each([
    [1, 0],
    [0.5, 1],
    [0.025, 3],
    [250, 0],
  ])('a step of %d needs %d decimals', (step, decimals) => expect(decimalsOf(step)).toBe(decimals));
});

it.each([
  ['runs/a-1.2', 'runs/a-1.2'],
  ['BRK.B', 'BRK.B'],
  ['a b', "'a b'"],
  ["it's; rm", "'it'\\''s; rm'"],
  ['-x', "'-x'"],
  ['', "''"],
])('the word %j in a shell is %j', (text, word) => expect(shellWord(text)).toBe(word));
