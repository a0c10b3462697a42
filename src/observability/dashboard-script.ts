/** Runs in the browser: asks for the state of the run each second and shows it. Everything is set as text, never as markup. */
export const DASHBOARD_SCRIPT = `'use strict';
const at = (id) => document.getElementById(id);
const money = (x) => (x < 0 ? '-$' : '$') + Math.abs(x).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = (x) => (100 * x).toFixed(2) + ' %';
const count = (x) => x.toLocaleString('en-US');
const clock = (seconds) => new Date(seconds * 1000).toLocaleString('sv-SE', { timeZone: 'America/New_York' });
const MAX_POINTS = 1800;
const curve = [];
let lastHeard = Date.now();

function rows(id, lists) {
  at(id).replaceChildren(...lists.map((cells) => {
    const row = document.createElement('tr');
    row.append(...cells.map((text) => {
      const cell = document.createElement('td');
      cell.textContent = text;
      return cell;
    }));
    return row;
  }));
}

function draw() {
  const values = curve.map(([, y]) => y);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [first, last] = [curve[0][0], curve[curve.length - 1][0]];
  const points = curve.map(([x, y]) =>
    [90 + 505 * (last > first ? (x - first) / (last - first) : 0), 112 - 104 * (high > low ? (y - low) / (high - low) : 0.5)].map((n) => n.toFixed(1)).join(','));
  at('line').setAttribute('points', points.join(' '));
  at('high').textContent = money(high);
  at('low').textContent = money(low);
}

function show({ run, view, health, openAlerts }) {
  document.title = (health.isOk ? '' : '! ') + run.scenario + ' - sametape';
  at('name').textContent = run.scenario;
  at('what').textContent = run.mode + ', ' + run.source + ' market, ' + run.broker + ' broker, run ' + run.runId.slice(0, 12);
  at('health').className = health.isOk ? 'good' : 'bad';
  at('health').textContent = health.isOk ? 'healthy' : health.reasons.join('; ');
  at('time').textContent = clock(view.logicalTimeSeconds) + ' New York, session ' + (view.isSessionOpen ? 'open' : 'closed') + (view.isPaused ? ', PAUSED' : '');
  const figures = {
    equity: money(view.equityDollars), cash: money(view.cashDollars),
    today: percent(-view.dailyLossFrac), drawdown: percent(view.drawdownFrac),
    gross: percent(view.grossFrac), net: percent(view.netFrac),
    working: count(view.workingOrders), fills: count(view.fills),
    fees: money(view.feesDollars), cycles: count(view.cycles),
  };
  for (const [id, text] of Object.entries(figures)) at(id).textContent = text;
  rows('alerts', openAlerts.map((one) => [one.severity, (one.rule + ' ' + one.subject).trim(), one.text, clock(one.sinceUs / 1e6), count(one.times)]));
  at('quiet').hidden = openAlerts.length > 0;
  rows('positions', view.positions.map((one) => [one.symbol, count(one.shares), money(one.valueDollars)]));
  at('flat').hidden = view.positions.length > 0;
  rows('decisions', Object.entries(view.decisions).flatMap(([kind, reasons]) =>
    Object.entries(reasons).sort((a, b) => b[1] - a[1]).slice(0, 5).map(([reason, times]) => [kind, reason, count(times)])));
  curve.push([view.logicalTimeSeconds, view.equityDollars]);
  if (curve.length > MAX_POINTS) curve.shift();
  draw();
}

async function look() {
  try {
    const answer = await fetch('/state.json', { signal: AbortSignal.timeout(5000) });
    if (answer.ok) {
      show(await answer.json());
      lastHeard = Date.now();
    }
  } catch {
    // shown below by how long it lasts
  }
  const silent = Math.floor((Date.now() - lastHeard) / 1000);
  at('silent').hidden = silent < 5;
  at('silent').textContent = 'No answer for ' + silent + ' s: the run has ended, or hangs. What is shown is old.';
  setTimeout(look, 1000);
}
look();
`;
