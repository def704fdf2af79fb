import type { HealthReport } from '@storage/core';
import { equal, fail, ok, within } from '../assert.ts';
import { original } from '../settle.ts';
import { defineSuite, type Suite } from '../suite.ts';

function checkShape(report: HealthReport, name: string): void {
  equal(report.name, name, 'name');
  ok(
    ['healthy', 'degraded', 'unhealthy', 'unknown'].includes(report.status),
    `status ${report.status} is one of the four`,
  );
  ok(
    Number.isFinite(report.latencyMs) && report.latencyMs >= 0,
    `latencyMs ${report.latencyMs} is a number of milliseconds`,
  );
  ok(Object.prototype.toString.call(report.checkedAt) === '[object Date]', 'checkedAt is a Date');
  within(report.checkedAt.getTime(), Date.now() - 86_400_000, Date.now() + 86_400_000, 'checkedAt');
  equal(JSON.parse(JSON.stringify(report.details)), report.details, 'details as JSON');
  if (report.status === 'healthy') equal(report.message, undefined, 'message of what is healthy');
  else ok(typeof report.message === 'string' && report.message.length > 0, 'a message tells why it is not healthy');
}

/** health. */
export const healthSuite: Suite = defineSuite(
  'health',
  () => true,
  (test) => {
    test('healthy', 'an open backend that works is healthy', async (t) => {
      const backend = await t.open();
      const report = await backend.health();
      checkShape(report, backend.name);
      equal(report.status, 'healthy', 'status');
    });

    test('unknown-before-open', 'before open the status is unknown', async (t) => {
      const backend = await t.create();
      const report = await backend.health();
      checkShape(report, backend.name);
      equal(report.status, 'unknown', 'status');
    });

    test('unhealthy-after-close', 'after close the status is unhealthy', async (t) => {
      const backend = await t.open();
      await backend.close();
      const report = await backend.health();
      checkShape(report, backend.name);
      equal(report.status, 'unhealthy', 'status');
    });

    test('never-rejects', 'health answers whatever it is given', async (t) => {
      const backend = await t.open();
      const options = [
        { signal: AbortSignal.abort() },
        { timeoutMs: 1 },
        { timeoutMs: 5000, signal: new AbortController().signal },
      ];
      const reports: HealthReport[] = [];
      for (const given of options) {
        reports.push(
          await backend.health(given).catch((error: unknown) => fail(`health rejects with ${String(error)}`)),
        );
      }
      for (const report of reports) checkShape(report, backend.name);
      equal(reports[2]?.status, 'healthy', 'status of a check with time');
    });

    test('many-at-once', 'health may be asked many times at once, and changes nothing', async (t) => {
      const backend = await t.open();
      const reports = await Promise.all(Array.from({ length: 20 }, () => backend.health()));
      equal(
        reports.map((report) => report.status),
        reports.map(() => 'healthy'),
        'statuses',
      );
      const { records } = backend;
      if (records !== undefined && 'count' in records)
        equal(await (records as { count(): Promise<number> }).count(), 0, 'records that health left behind');
    });

    test(
      'outage',
      'in an outage the status is unhealthy, afterwards healthy again',
      ({ abort }) => abort !== 'before-start',
      async (t) => {
        const backend = await t.open();
        const { outage } = t.harness;
        ok(outage !== undefined, 'the harness has `outage`, which this `abort` demands');
        await outage.begin(original(backend));
        const report = await backend.health({ timeoutMs: 5000 });
        checkShape(report, backend.name);
        equal(report.status, 'unhealthy', 'status in the outage');
        await outage.end(original(backend));
        let status = 'unhealthy';
        for (let attempt = 0; attempt < 100 && status !== 'healthy'; attempt++) {
          await new Promise((resolve) => setTimeout(resolve, 100));
          ({ status } = await backend.health({ timeoutMs: 1000 }));
        }
        equal(status, 'healthy', 'status afterwards');
      },
    );
  },
);
