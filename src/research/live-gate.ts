import type { LoadedScenario } from '../config/load-scenario.ts';
import { InputError } from '../domain/errors.ts';
import {
  type Certificate,
  type CertificateDifference,
  compareCertificate,
  readCertificate,
} from './certificate.ts';
import { factsOf } from './promote.ts';

const SHOWN = 80;

/**
 * Lets a scenario pass to live trading: only with a certificate of everything that is about to run.
 * @throws InputError CERTIFICATE_MISMATCH naming the first field that differs with both values; those of `readCertificate`
 */
export async function passLiveGate(
  scenario: LoadedScenario,
  { certificateFile, goldenDir }: { readonly certificateFile: string; readonly goldenDir: string },
): Promise<Certificate> {
  const certificate = readCertificate(certificateFile);
  const difference = compareCertificate(certificate, await factsOf(scenario, goldenDir));
  if (difference === undefined) return certificate;
  throw new InputError(
    'CERTIFICATE_MISMATCH',
    `${certificateFile}: ${differenceText(difference)}; run what was certified, or "sametape promote" what is about to run`,
  );
}

function differenceText({ field, certified, found }: CertificateDifference): string {
  return `${field} is ${shorten(found)}, certified was ${shorten(certified)}`;
}

function shorten(value: string): string {
  return value.length > SHOWN ? `${value.slice(0, SHOWN - 3)}...` : value;
}
