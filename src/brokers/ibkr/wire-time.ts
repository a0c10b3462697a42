import { type TimeUs, US_PER_MINUTE } from '../../domain/units.ts';
import { unreadable } from './amounts.ts';

const TIME =
  /^([0-9]{4})([0-9]{2})([0-9]{2})(-| {1,2})([0-9]{2}):([0-9]{2}):([0-9]{2})(?: ([A-Za-z_/+0-9-]{1,40}))?$/;

/**
 * The time of an execution: `20240304-14:30:01` is UTC, `20240304 09:30:01 US/Eastern` names its zone, and without one
 * it is the gateway's own.
 * @throws ServiceError for other text or an unknown zone
 */
export function timeOfWire(text: string | undefined, gatewayZone: string): TimeUs {
  const match = TIME.exec(text ?? '');
  if (match === null) throw unreadable('an execution time', text);
  const [, year, month, day, separator, hour, minute, second, zone] = match as unknown as string[];
  const wallMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  if (!Number.isFinite(wallMs)) throw unreadable('an execution time', text);
  if (separator === '-' && zone === undefined) return wallMs * 1000;
  const inZone = zone ?? gatewayZone;
  const firstMs = wallMs - offsetMs(wallMs, inZone);
  // near a change of clocks the offset at the guess may be the other one
  return (wallMs - offsetMs(firstMs, inZone)) * 1000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function offsetMs(instantMs: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    } catch {
      throw unreadable('a time zone', zone);
    }
    if (formats.size < 64) formats.set(zone, format);
  }
  const name = format.formatToParts(instantMs).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const match = /^GMT(?:([+-])([0-9]{2}):([0-9]{2}))?$/.exec(name);
  if (match === null) throw unreadable('a time zone', zone);
  const minutes = Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0);
  return (match[1] === '-' ? -1 : 1) * minutes * (US_PER_MINUTE / 1000);
}
