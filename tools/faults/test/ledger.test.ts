import { describe, expect, it, jest } from '@jest/globals';
import { checkLedger, type LedgerReport, runLedger } from '../src/index.ts';
import { FakeRecords, type Fault } from './fake-records.ts';

/** Runs writers against a store of which one write in twenty goes wrong, and checks what they were told. */
async function reportOf(fault: Fault): Promise<LedgerReport> {
  const records = new FakeRecords();
  let writes = 0;
  records.fault = () => (++writes % 20 === 0 ? fault : 'none');
  // What hangs is waited for; nothing else comes near its limit, however busy the machine is.
  const limits = fault === 'hang' ? { timeoutMs: 50, graceMs: 50 } : { timeoutMs: 10_000 };
  const run = runLedger({ records, writers: 4, ...limits });
  await run.acknowledged(200, 20_000);
  await run.stop();
  return checkLedger(run.ledger, records);
}

jest.setTimeout(30_000);

describe('the ledger', () => {
  it('finds nothing where every write does as it was told', async () => {
    const report = await reportOf('none');
    expect(report.violations).toEqual([]);
    expect(report).toMatchObject({ refused: 0, unknown: 0, errors: {} });
    expect(report.acknowledged).toBeGreaterThanOrEqual(200);
    expect(report.reads).toBeGreaterThan(0);
  });

  it('takes refusals and lost answers that are told as what they are', async () => {
    const refused = await reportOf('refuse');
    expect(refused.violations).toEqual([]);
    expect(refused.refused).toBeGreaterThan(0);
    const lost = await reportOf('lose-answer');
    expect(lost.violations).toEqual([]);
    expect(lost.unknown).toBeGreaterThan(0);
  });

  it.each([
    ['lie-no', /told as not applied/],
    ['lose-acknowledged', /; expected /],
    ['hang', /had not ended/],
    ['tear', /half a value/],
    ['conflict', /lost to another writer/],
  ] as const)('finds %s', async (fault, text) => {
    expect((await reportOf(fault)).violations.join('\n')).toMatch(text);
  });

  it('says what came when too little did', async () => {
    const records = new FakeRecords();
    records.fault = () => 'refuse';
    const run = runLedger({ records, writers: 2 });
    await expect(run.acknowledged(1, 100)).rejects.toThrow(/^0 of 1 writes were acknowledged within 100 ms/);
    await run.stop();
  });

  it('refuses errors that an outage does not explain', async () => {
    const records = new FakeRecords();
    const run = runLedger({ records: Object.assign(records, { retrieve: () => Promise.reject(new Error('odd')) }) });
    await run.acknowledged(100, 20_000);
    await run.stop();
    expect(run.ledger.violations).toContain('retrieve failed with what is no StorageError: Error: odd');
  });
});
