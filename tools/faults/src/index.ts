export type { KeyState, Ledger, LedgerReport, LedgerValue } from './ledger.ts';
export { checkLedger, type LedgerOptions, type LedgerRun, runLedger } from './run-ledger.ts';
