import { runAllVectors, vectorsMissing } from './harness.ts';
import { allGood, reportText } from './report.ts';

const missing = vectorsMissing();
if (missing !== undefined) {
  console.error(`vectors: ${missing}`);
  process.exitCode = 2;
} else {
  const reports = await runAllVectors();
  console.log(reportText(reports, { verbose: process.argv.includes('--verbose') }));
  process.exitCode = allGood(reports) ? 0 : 1;
}
